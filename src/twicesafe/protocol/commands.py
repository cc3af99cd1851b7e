"""What a flow can ask for, and what it can be told.

A store command is one atomic operation on one key. A driver command is what else a flow needs from
outside: time, waiting, and the user's function. What that function did comes back as a value.
"""

from __future__ import annotations

from ..tuples import NamedTuple
from .records import NO_STEPS, Millis, Record, Seconds, Status, Steps
from .tenure import Instant, Tenure  # noqa: TC001 - tests read the hints of commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeAlias, TypeVar, overload

    T = TypeVar("T")


# Store commands


class Claim(NamedTuple):
    """Take the right to run, where nobody else has it."""

    key: str
    owner: str
    now: Millis
    lease_until: Millis
    expires_at: Seconds | None  # None: never, while it is in progress
    fingerprint: str = ""
    takes_over: bool = True  # also from an owner that fell silent
    not_before: Millis = Millis(0)  # later than the claims of others that it knows of, whatever `now` says
    corrects: Millis | None = None  # place of the same owner's claim by a time that was wrong
    offset: Millis | None = None  # the correction that is in `now`; None: not known

    @property
    def claimed(self) -> Millis:
        """Its place in the order of the key's claims, which the record keeps."""
        return Millis(max(self.now, self.not_before))


class Complete(NamedTuple):
    """Record the answer; the steps are dropped with it."""

    key: str
    owner: str
    status: Status  # COMPLETED or FAILED
    reply: str | None
    expires_at: Seconds


class Release(NamedTuple):
    """Give the right back: the steps stay, the owner is taken out, the lease ends now."""

    key: str
    owner: str
    claimed: Millis  # the time of its owner's last claim: no copy of an earlier one takes the key again
    expires_at: Seconds
    steps: Steps = NO_STEPS  # results not confirmed before


class Renew(NamedTuple):
    """Make the lease longer, and the expiry with it; it never makes it shorter."""

    key: str
    owner: str
    lease_until: Millis
    expires_at: Seconds | None


class SaveStep(NamedTuple):
    """Record what is known of a step, and of earlier ones that were not confirmed.

    An intent never replaces a result, and no result replaces another.
    """

    key: str
    owner: str
    steps: Steps


class Keep(NamedTuple):
    """Keep a text in an item of its own, which nobody else writes: its key ends in the owner."""

    key: str
    owner: str
    now: Millis
    text: str
    expires_at: Seconds


class Transact(NamedTuple):
    """One of the owner's changes, and writes of the user's own, all of them or none; where the store can do that."""

    change: SaveStep | Complete
    writes: tuple[dict[str, Any], ...]  # in the store's own form
    token: str  # drawn for this request, and the same when it is sent again

    @property
    def key(self) -> str:
        """The record's."""
        return self.change.key


class Load(NamedTuple):
    """Read the record, strongly consistent."""

    key: str


class Forget(NamedTuple):
    """By a person's hand: remove the record, if it still is the one that they saw."""

    seen: Record

    @property
    def key(self) -> str:
        """The record's."""
        return self.seen.key


class Redo(NamedTuple):
    """By a person's hand: begin a new generation, if the record still is the one that they saw.

    What is left is a released record without steps, whose life starts now; its attempts go on counting, so that
    the fence grows.
    """

    seen: Record
    expires_at: Seconds
    now: Millis

    @property
    def key(self) -> str:
        """The record's."""
        return self.seen.key


class SettleStep(NamedTuple):
    """By a person's hand: say of one step what became of it, if the record still is the one that they saw."""

    seen: Record
    steps: Steps
    expires_at: Seconds | None

    @property
    def key(self) -> str:
        """The record's."""
        return self.seen.key


class List(NamedTuple):
    """Read a page of records, in the store's own order."""

    prefix: str = ""
    after: str | None = None  # the cursor of the page before
    limit: int = 100


StoreCommand: TypeAlias = (
    "Claim | Complete | Release | Renew | SaveStep | Keep | Transact | Load | Forget | Redo | SettleStep | List"
)


# Their replies


class Claimed(NamedTuple):
    """The right to run is this owner's."""

    attempt: int
    started: Millis
    lease_until: Millis  # as recorded: an older copy of this claim may have come first
    steps: Steps = NO_STEPS
    generation: int = 0


class Existing(NamedTuple):
    """The claim changed nothing, because of this record."""

    record: Record


class Done(NamedTuple):
    """It is applied."""


class Lost(NamedTuple):
    """It changed nothing: the record is not this owner's to change, or no longer."""

    record: Record | None


class Denied(NamedTuple):
    """A condition of the user's own did not hold, so that nothing is applied."""

    reasons: tuple[dict[str, Any], ...]  # one for each of the writes, as the store says it


class Contended(NamedTuple):
    """Others were at the same items, so that nothing is applied; another try may be."""

    store: str
    reason: str


class Page(NamedTuple):
    """Some records."""

    records: tuple[Record, ...]
    after: str | None  # cursor of the next page; None: there is none


StoreReply: TypeAlias = "Claimed | Existing | Done | Lost | Denied | Contended | Page | Record | None"


# Driver commands, and what the user's function did


class Now(NamedTuple):
    """What time is it."""


class Sleep(NamedTuple):
    """Wait."""

    duration: Millis


class Run(NamedTuple):
    """Call the user's function."""

    tenure: Tenure


class RunStep(NamedTuple):
    """Call a step's function."""

    name: str


class RunRecover(NamedTuple):
    """Call the function that finds out whether a step's effect was had; None: it was not."""

    name: str


class Returned(NamedTuple):
    """It returned: its reply as it is kept, and as the first caller gets it."""

    kept: str | None
    value: object


class Unkept(NamedTuple):
    """It returned what cannot be kept: it is done all the same, and every caller hears the error."""

    kept: str  # says that it is done, and why its reply is not here
    value: object
    error: Exception


class Unsuccessful(NamedTuple):
    """It returned a reply that says that it failed: for the caller, and not to be kept."""

    value: object


class Failed(NamedTuple):
    """It raised an error that was named as final: an answer."""

    kept: str
    error: BaseException


class Raised(NamedTuple):
    """It raised."""

    error: BaseException


Outcome: TypeAlias = "Returned | Unkept | Unsuccessful | Failed | Raised"
DriverCommand: TypeAlias = "Now | Sleep | Run | RunStep | RunRecover"
Command: TypeAlias = "StoreCommand | DriverCommand"
Flow: TypeAlias = "Generator[Command, Any, T]"


if TYPE_CHECKING:

    @overload
    def ask(command: Claim) -> Flow[Claimed | Existing]: ...
    @overload
    def ask(command: Complete | Release | Renew | SaveStep | Forget | Redo | SettleStep) -> Flow[Done | Lost]: ...
    @overload
    def ask(command: Transact) -> Flow[Done | Lost | Denied | Contended]: ...
    @overload
    def ask(command: Keep) -> Flow[Done]: ...
    @overload
    def ask(command: Load) -> Flow[Record | None]: ...
    @overload
    def ask(command: List) -> Flow[Page]: ...
    @overload
    def ask(command: Now) -> Flow[Instant]: ...
    @overload
    def ask(command: Sleep) -> Flow[None]: ...
    @overload
    def ask(command: Run | RunStep) -> Flow[Outcome]: ...
    @overload
    def ask(command: RunRecover) -> Flow[Outcome | None]: ...


def ask(command: Command) -> Flow[Any]:
    """Yield one command and return its reply, with the reply's type."""
    return (yield command)
