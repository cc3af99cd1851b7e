"""What an audit says, and what it saw: plain values, from one operation up to the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Effect: TypeAlias = Literal["ignored", "read", "state", "keyed", "same", "accumulating"]
    Ending: TypeAlias = Literal["returned", "raised", "killed", "exited", "hung", "unloadable"]
    Kind: TypeAlias = Literal["state", "twice", "lost", "changed", "reply"]
    When: TypeAlias = Literal["every redelivery", "warm", "crash", "overlap", "lost answer", "two crashes"]
    Basis: TypeAlias = Literal["observed", "assumed"]
    Standing: TypeAlias = Literal["new", "accepted", "known"]
    Verdict: TypeAlias = Literal["safe", "unsafe", "unknown"]
    Reason: TypeAlias = Literal["reads only", "same data", "deduplicated outside", "protected"]


class Line(NamedTuple):
    """A line of the user's code."""

    file: str  # relative to the folder where it was found
    number: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


class Key(NamedTuple):
    """What an outside system deduplicates by."""

    name: str  # "MessageDeduplicationId"
    value: str
    system: str  # "SQS FIFO"
    horizon: int | None  # seconds until it forgets; None: see the service
    is_honoured: bool = True  # False: nothing says that this system looks at it


class Outgoing(NamedTuple):
    """Something that left: a message, a mail, a request."""

    content: Any  # JSON
    key: Key | None = None


class Operation(NamedTuple):
    """One request of the handler to something outside its process."""

    delivery: int
    number: int  # of the delivery, from 1
    service: str
    name: str
    target: str
    effect: Effect
    outgoing: tuple[Outgoing, ...]  # of keyed, same and accumulating ones
    token: Key | None  # of a state effect that the service deduplicates itself
    summary: str  # what was sent, in short
    outcome: str
    is_done: bool  # it was not refused
    is_assumed: bool  # that it is an effect is a rule, such as RFC 9110's of POST, and was not observed
    resends: int | None  # the number of the operation that a client library sent again by itself
    line: Line | None
    records: tuple[str, ...] = ()  # the names of those that it changed; in traced runs only
    step: str = ""  # of twicesafe, that it was sent in

    @property
    def is_effect(self) -> bool:
        """Whether it changed something."""
        return self.is_done and self.effect not in ("ignored", "read")

    @property
    def place(self) -> str:
        """Where it is done, as records say it."""
        return f"{self.service} {self.target}"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.service} {self.name} {self.target}".strip()


class Moment(NamedTuple):
    """A line of a timeline."""

    what: Literal["begins", "operation", "dies", "loses", "ends"]
    delivery: int
    later: float  # seconds since the first delivery began
    operation: Operation | None = None
    text: str = ""


class Delivery(NamedTuple):
    """What became of one delivery."""

    number: int
    ending: Ending
    reply: Any  # JSON; an error's fields where it raised
    line: Line | None = None  # where it raised
    is_normal: bool = False  # the platform, or the caller, is content and does not send it again


class Record(NamedTuple):
    """A piece of state as its service's own API shows it."""

    place: str  # "dynamodb orders"
    name: str  # of its key
    value: Any  # JSON


class Note(NamedTuple):
    """Something that was not observed, and so makes the verdict unknown."""

    what: str
    line: Line | None = None


class Run(NamedTuple):
    """What one schedule came to."""

    schedule: str
    moments: tuple[Moment, ...]
    deliveries: tuple[Delivery, ...]
    records: tuple[Record, ...]
    bookkeeping: tuple[str, ...]  # places whose records are protection, and not data
    notes: tuple[Note, ...]
    supplied: tuple[str, ...]  # what the world made up
    services: tuple[str, ...]
    started: float = 0.0  # epoch seconds of the audit's clock

    @property
    def operations(self) -> tuple[Operation, ...]:
        """In the order in which they were applied."""
        return tuple(moment.operation for moment in self.moments if moment.operation is not None)

    @property
    def effects(self) -> tuple[Operation, ...]:
        """What changed something that is no protection."""
        return tuple(each for each in self.operations if each.is_effect and each.place not in self.bookkeeping)

    @property
    def last(self) -> Delivery:
        """The delivery that came last."""
        return self.deliveries[-1]


class Finding(NamedTuple):
    """A difference between a schedule's outcome and a clean run's."""

    kind: Kind
    when: When
    effect: str  # "sns Publish orders"
    line: Line | None
    detail: str
    basis: Basis
    schedule: str
    timeline: tuple[Moment, ...]
    fix: str
    also: tuple[When, ...] = ()
    fields: tuple[str, ...] = ()  # of a record that is there once, and changed
    standing: Standing = "new"  # accepted by the user, or known to the baseline: then it does not fail

    @property
    def fingerprint(self) -> str:
        """The same for the same finding in another version of the code."""
        return f"{self.kind}:{self.effect}:{self.line.file if self.line else ''}"


class Audit(NamedTuple):
    """The answer."""

    handler: str
    event: str  # its name
    verdict: Verdict
    reason: Reason | None  # of safe
    unknowns: tuple[str, ...]
    findings: tuple[Finding, ...]
    operations: tuple[Operation, ...]  # of the clean run
    keys: tuple[Key, ...]  # that protection outside rests on
    assumptions: tuple[str, ...]
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    schedules: tuple[str, ...]  # that were run
    classes: tuple[str, ...]  # of schedules that it rests on
    versions: Mapping[str, str]
    seconds: Mapping[str, float]  # where the time went
    hidden: int = 0  # findings that show only in ways that were not asked for
    options: tuple[str, ...] = ()  # what a command line needs besides handler and event to ask for the same
    folders: tuple[str, ...] = ("",)  # from which lines name their files
    file: str = ""  # the handler's own
    bookkeeping: tuple[str, ...] = ()  # places whose records are protection, and not data

    @property
    def effects(self) -> tuple[Operation, ...]:
        """Those operations that changed something that is no protection."""
        return tuple(each for each in self.operations if each.is_effect and each.place not in self.bookkeeping)

    @property
    def horizon(self) -> int | None:
        """Seconds until the first of the outside systems forgets; None: none does, or it is not known."""
        return min((key.horizon for key in self.keys if key.horizon is not None), default=None)


def span(seconds: int) -> str:
    """A time in the largest unit that is whole."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} seconds"
