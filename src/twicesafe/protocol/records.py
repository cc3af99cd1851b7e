"""What the store holds under a key."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NewType

    Millis = NewType("Millis", int)
    """Milliseconds, since the epoch or as a duration."""
    Seconds = NewType("Seconds", int)
    """Whole seconds, since the epoch (as DynamoDB's TTL wants) or as a duration."""
else:
    Millis = Seconds = int


class Status(str, Enum):
    """Where a record stands. The values are those of Powertools, where it has them."""

    IN_PROGRESS = "INPROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Step(NamedTuple):
    """What is recorded of one step: that it may have been begun, or what it returned."""

    is_result: bool  # else it is an intent: the effect may have been sent
    data: str


Steps = Mapping[str, Step]
NO_STEPS: Steps = {}
NO_REPLY = "null"
"""The text that is kept where nobody reads the reply: an encoded None. A final record without text has lost its own."""


class Record(NamedTuple):
    """One key's record, as a store gives it back."""

    key: str
    status: Status
    owner: str | None  # None: released; a final record keeps the owner that completed it
    attempt: int
    started: Millis  # when this life was first claimed
    claimed: Millis  # when it was last claimed
    lease_until: Millis  # as others see it; 0 once released
    expires_at: Seconds | None  # None: never
    fingerprint: str = ""  # "<rule version>:<hash>", of a caller with credentials; empty: none was taken
    reply: str | None = None  # the encoded reply or final error; None: there is none
    steps: Steps = NO_STEPS
    generation: int = 0

    @property
    def is_final(self) -> bool:
        """Whether it holds an answer."""
        return self.status is not Status.IN_PROGRESS

    def is_live(self, now: Millis) -> bool:
        """Whether an owner holds it under a lease that is not over."""
        return not self.is_final and self.owner is not None and now < self.lease_until

    def is_leftover(self, now: Millis) -> bool:
        """Whether it is past its expiry with no live lease: to a claim it is as good as absent."""
        if self.expires_at is None or self.is_live(now):
            return False
        return self.expires_at * 1000 <= now

    def contradicts(self, fingerprint: str) -> bool:
        """Whether the fingerprint is of the same rule version, and of another payload."""
        return contradict(self.fingerprint, fingerprint)


def contradict(one: str, other: str) -> bool:
    """Whether two fingerprints are of the same rule version, and of two payloads."""
    if one == other:
        return False
    mine, theirs = one.partition(":"), other.partition(":")
    return bool(mine[2] and theirs[2]) and mine[0] == theirs[0] and mine[2] != theirs[2]


def differ_in_credentials(one: str, other: str) -> bool:
    """Whether two fingerprints are of the same rule version, and of what two callers showed.

    Such a fingerprint has a third part, "<rule version>:<hash>:<hash of credentials>", empty where nothing was shown.
    """
    mine, theirs = one.split(":"), other.split(":")
    return len(mine) == len(theirs) == 3 and mine[0] == theirs[0] and mine[2] != theirs[2]
