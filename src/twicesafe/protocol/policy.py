"""What the user chose, for every delivery of one function."""

from __future__ import annotations

from ..tuples import NamedTuple
from .commands import Raised
from .records import Millis, Record, Seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from .commands import Unsuccessful

    OnConflict: TypeAlias = Literal["raise", "wait"]
    OnUnknown: TypeAlias = Literal["rerun", "raise"]

ALLOWANCE = Millis(2_000)
"""How far apart clocks may be, and how late Lambda may stop a process after its deadline."""
LONGEST_LEASE = Millis(5_400_000)
"""Lambda's longest time limit (its service model's maximum of Timeout). A lease beyond it is short and renewed."""
LONGEST_RENEWED_LEASE = Millis(900_000)
"""The longest that `lease=` takes, where a heartbeat renews it."""
MARGIN = Millis(86_400_000)
"""How much further ahead than that a record may look before it is called corrupt: what wrote it may have had a clock
that was fast, and not have known it yet, or be a release of this library that knows of a longer time limit."""
A_YEAR = Seconds(365 * 86_400)
FIRST_POLL, LONGEST_POLL = Millis(50), Millis(1_000)


class Policy(NamedTuple):
    """How deliveries of one kind are treated."""

    expires_after: Seconds
    on_conflict: OnConflict = "raise"
    on_unknown: OnUnknown = "rerun"
    lease: Millis = Millis(30_000)  # where no platform's deadline bounds it
    allowance: Millis = ALLOWANCE
    wait: Millis = Millis(60_000)  # longest wait for another's reply, where no deadline bounds it

    @property
    def reruns(self) -> bool:
        """Whether a delivery whose owner fell silent is run again."""
        return self.on_unknown == "rerun"

    def releases(self, outcome: Raised | Unsuccessful) -> bool:
        """Whether the next delivery may run after this: an interrupted function has not spoken."""
        interrupted = isinstance(outcome, Raised) and not isinstance(outcome.error, Exception)
        return self.reruns or not interrupted

    def lease_until(self, now: Millis, deadline: Millis | None) -> Millis:
        """When others may take over: an allowance behind the owner's own end."""
        end = now + self.lease if deadline is None else deadline
        return Millis(end + self.allowance)

    def expires_at(self, lease_until: Millis) -> Seconds:
        """When the record may go: a whole expiry behind the lease, rounded up to whole seconds."""
        return Seconds(-(-lease_until // 1000) + self.expires_after)

    def open_expires_at(self, lease_until: Millis) -> Seconds | None:
        """The same while it is in progress: a silent owner that must never run again is not forgotten."""
        return self.expires_at(lease_until) if self.reruns else None

    @property
    def keeps_aside_for(self) -> Seconds:
        """How long a large result is kept, in an item that nobody renews: longer than the record with its last claim.

        That comes within an expiry of the first lease's end; but a record whose owner must never run again stays
        until a person comes.
        """
        leases = 2 * (LONGEST_LEASE + self.allowance) // 1000
        return Seconds(2 * self.expires_after + leases + (0 if self.reruns else A_YEAR))

    def believes(self, record: Record, now: Millis) -> bool:
        """Whether any policy could have granted this record's lease."""
        margin = 2 * max(self.allowance, ALLOWANCE) + MARGIN
        return record.lease_until <= now + LONGEST_LEASE + margin and record.claimed <= now + margin
