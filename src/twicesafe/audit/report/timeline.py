"""A run as lines: what each delivery did, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..results import Moment


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


def after(seconds: float) -> str:
    """A time between two deliveries."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
