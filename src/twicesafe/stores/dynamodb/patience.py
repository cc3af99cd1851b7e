"""When a request is sent again: pure, and the same for all connections.

Any may be: each write carries its owner's token, so that it recognises itself if it was applied before.
"""

from __future__ import annotations

from ...errors import StoreUnavailable
from ...protocol.records import Millis
from .requests import Pause, Unanswered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .requests import PatientTalk, Request, Response, T, Talk

SHORT_PAUSE = Millis(25)
"""The longest wait before the second try, twice as long before each that follows. botocore waits up to 1 s and 2 s."""
LONG_PAUSE = Millis(100)
"""The same for a table that is used too much."""
TRIES_OF_A_TRANSACTION = 6
"""How often another's transaction may be at the item: that is over in milliseconds, and nothing was applied."""
REMEDIES = 3
"""How often what stood in the way of one request may be put right: a stale connection, credentials, the clock."""
RESERVE = Millis(50)
"""What must be left of the platform's time for another try to make sense."""


def patiently(talk: Talk[T], store: str, tries: int, time_left: Callable[[], Millis | None]) -> PatientTalk[T]:
    """Hand on what the talk asks, again where there is no answer.

    Args:
        time_left: until the platform ends the delivery; None: nothing bounds it.

    Raises:
        StoreUnavailable: there was none to so many tries, or none in time.
    """
    try:
        request = next(talk)
        while True:
            response: Response = yield request
            if isinstance(response, Unanswered):
                response = yield from _insist(request, response, store, tries, time_left)
            request = talk.send(response)
    except StopIteration as end:
        value: T = end.value
        return value


def _insist(
    request: Request, response: Response, store: str, tries: int, time_left: Callable[[], Millis | None]
) -> PatientTalk[Response]:
    tried = remedied = 0
    while isinstance(response, Unanswered):
        if response.is_remedied and remedied < REMEDIES:
            remedied += 1
            response = yield request
            continue
        tried += 1
        pause = Millis(response.first_pause << tried - 1)
        left = time_left()
        is_late = left is not None and left < pause + RESERVE
        if is_late or tried >= (TRIES_OF_A_TRANSACTION if response.is_busy else tries):
            reason = f"{response.reason}; no time is left to ask again" if is_late else response.reason
            raise StoreUnavailable(store, reason, request.key or None) from response.error
        yield Pause(pause)
        response = yield request
    return response
