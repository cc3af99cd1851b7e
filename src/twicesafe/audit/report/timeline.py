"""A run as lines: what each delivery did, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..results import Moment, Operation

State = Literal["before", "begins", "acts", "waits", "ends", "after"]


class Row(NamedTuple):
    """A line of a timeline."""

    mark: str  # "1", "2" … for operations, "✗" for a death, "" for the rest
    delivery: int
    what: str
    outcome: str
    later: str  # said where the time jumps


def rows(moments: Sequence[Moment]) -> list[Row]:
    """The lines of a timeline, without the ends that say nothing."""
    found: list[Row] = []
    number = 0
    begun = 0.0
    for moment in moments:
        later = ""
        if moment.what == "begins":
            if moment.later > 0:
                later = f"{after(moment.later - begun)} later"
            begun = max(begun, moment.later)
            what = "is delivered" + (f" ({moment.text})" if moment.text else "")
            found.append(Row("", moment.delivery, what, "", later))
        elif moment.operation is not None:
            number += 1
            operation = moment.operation
            what = f"{operation.title} {operation.summary}".strip()
            found.append(Row(str(number), moment.delivery, what, operation.outcome, ""))
        elif moment.what == "dies":
            found.append(Row("✗", moment.delivery, "dies", "", ""))
        elif moment.what == "loses":
            found.append(Row("✗", moment.delivery, "the answer never comes", "", ""))
        else:
            found.append(Row("", moment.delivery, moment.text, "", ""))
    return found


class Step(NamedTuple):
    """A line of a timeline, with what each delivery does meanwhile."""

    row: Row
    operation: Operation | None
    states: tuple[State, ...]  # of each delivery, the first first


def steps(moments: Sequence[Moment]) -> list[Step]:
    """The lines of a timeline, as lanes."""
    states: list[State] = ["before"] * max((moment.delivery for moment in moments), default=0)
    found = []
    for moment, row in zip(moments, rows(moments), strict=True):
        ended = moment.what in ("dies", "ends")
        states[moment.delivery - 1] = "begins" if moment.what == "begins" else "ends" if ended else "acts"
        found.append(Step(row, moment.operation, tuple(states)))
        states[moment.delivery - 1] = "after" if ended else "waits"
    return found


def after(seconds: float) -> str:
    """A time between two deliveries."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
