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
KEPT_BACK = Millis(500)
"""Time before the platform's deadline at which waiting ends, so that an error ends the delivery, and not the kill. The
error still has to pass through the function, its log, and the runtime, which reads source files for the traceback and
loads an HTTP library: 4 ms of a processor, measured with awslambdaric, and 34 ms at 7 % of one, as a function of 128 MB
has. The rest is for slow disks, and for what functions do with an error, such as sending metrics."""
A_YEAR = Seconds(365 * 86_400)
FIRST_POLL, LONGEST_POLL = Millis(50), Millis(1_000)


def before_the_end(left: Millis, kept: Millis = KEPT_BACK) -> Millis:
    """Return how long to wait, where so much is left: all but what is kept back, or half where that is more."""
    return Millis(max(left - kept, left // 2))


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
