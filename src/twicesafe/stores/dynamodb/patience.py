"""When a request is sent again: pure, and the same for all connections.

Any may be: each write carries its owner's token, so that it recognises itself if it was applied before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import StoreUnavailable
from ...protocol.records import Millis
from .requests import Pause, Unanswered

if TYPE_CHECKING:
    from .requests import PatientTalk, Request, Response, T, Talk

SHORT_PAUSE = Millis(25)
"""The longest wait before the second try, twice as long before each that follows. botocore waits up to 1 s and 2 s."""
LONG_PAUSE = Millis(100)
"""The same for a table that is used too much."""
TRIES_OF_A_TRANSACTION = 6
"""How often another's transaction may be at the item: that is over in milliseconds, and nothing was applied."""


def patiently(talk: Talk[T], store: str, tries: int) -> PatientTalk[T]:
    """Hand on what the talk asks, again where there is no answer.

    Raises:
        StoreUnavailable: there was none to so many tries.
    """
    try:
        request = next(talk)
        while True:
            request = talk.send((yield from _insist(request, store, tries)))
    except StopIteration as end:
        value: T = end.value
        return value


def _insist(request: Request, store: str, tries: int) -> PatientTalk[Response]:
    tried = 0
    while True:
        response: Response = yield request
        if not isinstance(response, Unanswered):
            return response
        tried += 1
        if tried >= (TRIES_OF_A_TRANSACTION if response.is_busy else tries):
            raise StoreUnavailable(store, response.reason, request.key or None) from response.error
        yield Pause(Millis(response.first_pause << tried - 1))
