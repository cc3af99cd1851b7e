"""What deliveries need around them: a Lambda context, stores that are slow, fail or are told the time, decisions."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from twicesafe import decisions, naming
from twicesafe.errors import StoreUnavailable
from twicesafe.protocol.commands import List
from twicesafe.protocol.records import Millis, Record
from twicesafe.stores.base import in_thread
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twicesafe.protocol.commands import StoreCommand, StoreReply

PATIENCE = 30
"""Seconds that a test waits for another thread or process before it fails."""


class Context:
    """As Lambda gives it."""

    def __init__(self, remaining: int = 60_000, request: str = "request-1") -> None:
        self.remaining = remaining
        self.aws_request_id = request

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Clocked(MemoryStore):
    """A store whose clock is set by the test: leases end without a sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0

    def clock_offset(self) -> Millis:
        return Millis(self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += int(seconds * 1000)

    @property
    def record(self) -> Record:
        """The only one that there is."""
        (record,) = self.apply(List()).records
        return record


class Failing(Clocked):
    """A store that raises instead of an answer to one kind of command, applied or not, so many times."""

    def __init__(
        self, kind: type, *, applied: bool = False, error: BaseException | None = None, times: int = 1_000
    ) -> None:
        super().__init__()
        self.error = error or StoreUnavailable("failing", "it was told to")
        self.kind = kind
        self.applied = applied
        self.times = times

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if not isinstance(command, self.kind) or not self.times:
            return super().apply(command)
        self.times -= 1
        if self.applied:
            super().apply(command)
        raise self.error


class Held(Clocked):
    """A store that answers one kind of command only when the test lets it; async, it works in a thread as SQLite's."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if isinstance(command, self.kind):
            self.asked.set()
            assert self.may_answer.wait(PATIENCE)
        return super().apply(command)

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        return await in_thread(self.apply, command)


@contextmanager
def decisions_made() -> Iterator[list[decisions.Decision]]:
    """What is decided inside of the block."""
    made: list[decisions.Decision] = []
    hook = made.append
    decisions.on_decision(hook)
    try:
        yield made
    finally:
        decisions._hooks.remove(hook)


def restarted(store: Any) -> Any:
    """Return the store as the next process finds it, in which no function has had a name yet."""
    naming._names.pop(store, None)
    return store


def until(is_so: Callable[[], Any]) -> None:
    """Wait for another thread or process."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
