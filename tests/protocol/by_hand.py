"""A flow run by hand: each command is looked at, and answered as the test wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twicesafe.protocol.commands import Now
from twicesafe.protocol.records import Millis
from twicesafe.protocol.tenure import Instant

if TYPE_CHECKING:
    from twicesafe.protocol.commands import Command, Flow

T = TypeVar("T")


class Ended(Exception):
    """The flow returned this."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class Talk:
    """One flow, with two clocks that the test sets; the questions for the time are answered by themselves."""

    def __init__(self, flow: Flow[T], wall: int = 1_000_000, elapsed: int = 0) -> None:
        self._flow = flow
        self.wall = wall
        self.elapsed = elapsed
        self.offset = 0
        self._begun = False

    @property
    def now(self) -> Instant:
        return Instant(Millis(self.wall), Millis(self.elapsed), Millis(self.offset))

    def passes(self, wall: int = 0, elapsed: int = 0) -> None:
        """Let time go by, as each clock measures it."""
        self.wall += wall
        self.elapsed += elapsed

    def learns(self, offset: int) -> None:
        """Let an answer show what the right correction of the wall clock is."""
        self.wall += offset - self.offset
        self.offset = offset

    def next(self, reply: Any = None) -> Command:
        """Answer the last command, and give the next one that is no question for the time."""
        while True:
            try:
                command: Command = self._flow.send(reply if self._begun else None)
            except StopIteration as end:
                raise Ended(end.value) from None
            self._begun = True
            if not isinstance(command, Now):
                return command
            reply = self.now

    def fails(self, error: BaseException) -> Command:
        """Have the last command fail, and give the next one."""
        try:
            command: Command = self._flow.throw(error)
        except StopIteration as end:
            raise Ended(end.value) from None
        return self.next(self.now) if isinstance(command, Now) else command
