"""The table of event sources, and what it makes of an event."""

from __future__ import annotations

from . import events, http, queues, services, streams, unkeyed
from .row import DAY, Reading, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .unit import Unit


def _direct(event: Any, _: Any) -> Reading:
    """A plain invocation says nothing about itself. An empty batch has nothing to protect."""
    is_empty = event == [] or (isinstance(event, dict) and event.get("Records") == [])
    return Reading(None, event, kind="never" if is_empty else None)


ROWS: tuple[Row, ...] = (
    *queues.ROWS,
    *http.ROWS,
    *events.ROWS,
    *streams.ROWS,
    *services.ROWS,
    *unkeyed.ROWS,
)
"""No event is of two rows, so their order says nothing but which is asked first."""

DIRECT = Row("direct", "explicit", lambda _: True, DAY, "raise", True, _direct)


def source_of(event: Any) -> str:
    """The name of the source that an event comes from, malformed or not."""
    return _row(event).name


def units(event: Any) -> list[Unit]:
    """The deliveries in an event, in its order; at least one.

    Raises:
        MalformedEvent: its source is known, and it is not what that source sends.
    """
    found = read_units(event)
    for unit in found:
        if unit.malformed is not None:
            raise unit.malformed
    return found


def read_units(event: Any) -> list[Unit]:
    """The same, where a record of a batch that cannot be read says why, and hinders no other.

    Raises:
        MalformedEvent: nothing of it can be read.
    """
    row = _row(event)
    found = row.units(event)
    if found:
        return found
    return [unit._replace(source=row.name, kind="never") for unit in DIRECT.units(event)]


class _Asked(dict[str, object]):
    """An empty event that notes what it is asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def _asked_of_an_empty_event() -> frozenset[str]:
    asked = _Asked()
    for row in ROWS:
        row.recognises(asked)
    return frozenset(asked.names)


ASKED = _asked_of_an_empty_event()
"""An event that has none of these looks to every row as an empty one does: it is of none."""


def _row(event: Any) -> Row:
    if isinstance(event, dict) and ASKED.isdisjoint(event):
        return DIRECT
    return next((row for row in ROWS if row.recognises(event)), DIRECT)
