"""Time limits of commands: the time that the platform leaves, less what is kept back for an error.

A delivery whose store hangs is to end in an error. Where the platform's kill comes first, the error is never seen, the
process is lost with its connections, and a batch fails as a whole, with the records that were done.
"""

from __future__ import annotations

import time

from ..errors import StoreUnavailable
from ..protocol.commands import Complete, Release, Transact
from ..protocol.policy import KEPT_BACK, before_the_end
from ..protocol.records import Millis
from .base import deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..protocol.commands import StoreCommand

    TimeLeft: TypeAlias = Callable[[], Millis | None]
    """Milliseconds until a command is given up; None: nothing bounds it."""

KEPT_FOR_A_RELEASE = 250
"""Milliseconds that are kept back beside KEPT_BACK, where a Release follows a command that fails."""
LEAST_USEFUL = Millis(50)
"""Milliseconds in which an answer may be hoped for."""
SILENCE_LASTS = 1.0
"""Seconds in which a store that did not answer is not asked at the cost of what is kept back: else each record of a
batch would wait once more, until nothing is left."""


class Limits:
    """Time limits of one store's commands; shared by threads, which only ever replace its one value.

    Args:
        store: for messages.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._silent_at = 0.0  # when a request had no answer last

    def hear(self, *, is_silent: bool) -> None:
        """Note whether a request had an answer."""
        self._silent_at = time.time() if is_silent else 0.0

    def begin(self, command: StoreCommand, now: Millis) -> TimeLeft:
        """Begin a command.

        Args:
            now: by the host's clock.

        Raises:
            StoreUnavailable: the store did not answer just before, and there is no time to find out once more.
        """
        ends = deadline.get()
        if ends is None:
            return _no_limit
        left, is_answer = Millis(ends - now), _is_answer(command)
        is_last = is_answer or isinstance(command, Release)
        kept = KEPT_BACK if is_last else Millis(KEPT_BACK + KEPT_FOR_A_RELEASE)
        share = max(before_the_end(left, kept), LEAST_USEFUL)
        if self._is_silent() and not is_answer:  # what was done is to be recorded, if there is any hope
            share = Millis(left - kept)
            if share < LEAST_USEFUL:
                reason = "it did not answer just before, and no time is left to ask again"
                raise StoreUnavailable(self._store, reason, getattr(command, "key", None))
        end = time.monotonic() + share / 1000
        return lambda: Millis(int((end - time.monotonic()) * 1000))

    def _is_silent(self) -> bool:
        return 0 <= time.time() - self._silent_at < SILENCE_LASTS


def _no_limit() -> None:
    return None


def _is_answer(command: StoreCommand) -> bool:
    return isinstance(command.change if isinstance(command, Transact) else command, Complete)
