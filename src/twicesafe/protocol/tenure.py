"""What one owner knows of its own claim, from the claim's answer to its end."""

from __future__ import annotations

from itertools import count

from ..errors import ConfigurationError, LeaseLost, StoreUnavailable, TwicesafeError
from ..tuples import NamedTuple
from .records import Millis, Seconds, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .commands import StoreCommand
    from .room import Room


STEADY = Millis(1_000)
"""By how much a correction may change and still be the same one: a `Date` has whole seconds."""


class Instant(NamedTuple):
    """A reading of both clocks: each misses some freezes of the process."""

    wall: Millis  # since the epoch, corrected by what the store knows better
    elapsed: Millis  # gone by since an arbitrary start
    offset: Millis = Millis(0)  # the correction that is in `wall`

    def is_corrected_by(self, later: Instant) -> bool:
        """Return whether the store has shown, since this reading, that its wall clock was wrong."""
        return abs(later.offset - self.offset) > STEADY


class Deadline(NamedTuple):
    """When the platform stops a delivery, by the host's own clocks: it is a time from now, whatever a store says."""

    wall: Millis  # not corrected
    elapsed: Millis

    def remaining(self, now: Instant) -> Millis:
        """Return what the stricter clock leaves until then."""
        return Millis(max(0, min(self.wall + now.offset - now.wall, self.elapsed - now.elapsed)))


class Lease(NamedTuple):
    """How long an owner may believe in its claim: an allowance less than others honour it."""

    wall: Millis
    elapsed: Millis

    def is_over(self, now: Instant) -> bool:
        """Whether either clock has passed its end."""
        return now.wall >= self.wall or now.elapsed >= self.elapsed

    def remaining(self, now: Instant) -> Millis:
        """What the stricter clock leaves of it."""
        return Millis(max(0, min(self.wall - now.wall, self.elapsed - now.elapsed)))


NO_TIME = Seconds(0)


class Tenure:
    """One owner's time with a key: its lease, its steps, and whether it was ended."""

    __slots__ = (
        "_tokens",
        "attempt",
        "busy",
        "claimed",
        "closing",
        "deadline",
        "ended",
        "generation",
        "has_returned",
        "is_bounded",
        "keeps_aside_for",
        "key",
        "lease",
        "owner",
        "room",
        "sending",
        "started",
        "steps",
        "unconfirmed",
        "unrecorded",
    )

    def __init__(
        self,
        key: str,
        owner: str,
        attempt: int,
        started: Millis,
        claimed: Millis,
        generation: int,
        lease: Lease,
        *,
        is_bounded: bool = False,
        deadline: Deadline | None = None,
        keeps_aside_for: Seconds = NO_TIME,
    ) -> None:
        self.key = key
        self.owner = owner
        self.attempt = attempt
        self.started = started
        self.claimed = claimed
        self.generation = generation
        self.lease = lease
        self.is_bounded = is_bounded  # its lease ends with the platform's deadline; else it is renewed
        self.deadline = deadline  # None: the platform names none
        self.keeps_aside_for = keeps_aside_for
        self.steps: dict[str, Step] = {}
        self.unconfirmed: dict[str, Step] = {}  # what the store has not confirmed: it goes along with the next write
        self.sending: set[str] = set()  # steps that a request is carrying now
        self.busy: set[str] = set()  # steps whose effect is under way, or is not noted yet
        self.room: Room | None = None  # for steps, in the record; None: it was not asked for yet
        self.has_returned = False  # the function: what it left running begins no effect any more
        self.ended: TwicesafeError | None = None
        self.closing: tuple[dict[str, Any], ...] = ()  # writes that are made with the completion, or not at all
        self.unrecorded: list[StoreCommand] = []  # what the store did not take: it is asked again, before another runs
        self._tokens = count()

    @property
    def fence(self) -> int:
        """A number that grows from each claim that runs to the next, over a deletion of the record too."""
        return self.started * 1000 + self.attempt

    def remaining(self, now: Instant) -> Millis | None:
        """Return how much time the platform leaves it; None: as much as it likes."""
        if self.is_bounded:
            return self.lease.remaining(now)
        return None if self.deadline is None else self.deadline.remaining(now)

    def token(self) -> str:
        """Another for each request; nobody can guess it, as nobody can the owner's."""
        return f"{self.owner[:32]}{next(self._tokens):04x}"

    def note(self, steps: dict[str, Step]) -> None:
        """Note what became of steps: from here on the Release takes it along, if nothing else does."""
        self.unconfirmed.update(steps)
        self.steps.update(steps)
        self.busy.difference_update(steps)

    def outgoing(self) -> dict[str, Step]:
        """Return what is not confirmed, and is not on its way.

        A copy of another step's intent could arrive when that step has its result, and be refused.
        """
        return {name: step for name, step in self.unconfirmed.copy().items() if name not in self.sending}

    def confirm(self, steps: dict[str, Step]) -> None:
        """Note that the store has these; another thread may know more of one by now."""
        for name, step in steps.items():
            if self.unconfirmed.get(name) is step:
                self.unconfirmed.pop(name, None)

    def end(self, error: TwicesafeError) -> TwicesafeError:
        """Remember the first reason why nothing more may be run or recorded, and return it."""
        if self.ended is None:
            self.ended = error
        return self.ended

    def check_running(self) -> None:
        """Raise LeaseLost when the function has ended: a thread or task of it was left over."""
        if self.has_returned:
            raise LeaseLost(self.key, self.attempt)

    def leave(self, command: StoreCommand, error: TwicesafeError) -> None:
        """Note that the store did not take a command, if it would take no other delivery's either."""
        if isinstance(error, (ConfigurationError, StoreUnavailable)) and error.is_lasting:
            self.unrecorded.append(command)

    def check(self, now: Instant) -> None:
        """Raise what ended this tenure, or LeaseLost when its lease is over: before every effect."""
        if self.ended is None and self.lease.is_over(now):
            self.end(LeaseLost(self.key, self.attempt))
        if self.ended is not None:
            raise self.ended
