"""The shape of a row, and how it turns an event into units."""

from __future__ import annotations

from ...errors import MalformedEvent
from ...tuples import NamedTuple
from .reading import UnreadableError, get, listed
from .unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .credentials import Credentials
    from .unit import Kind, OnConflict

HOUR = 3_600
DAY = 24 * HOUR


class Reading(NamedTuple):
    """What one record says; what is None is as in its row."""

    identity: Mapping[str, str] | None
    payload: object = None
    scope: Mapping[str, str] = {}
    order: str | None = None
    item: object | None = None
    kind: Kind | None = None
    expires_after: int | None = None
    credentials: Credentials | None = None
    compared: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] | None = None


def nothing(_record: Any, _event: Any) -> Reading:
    """A source that has no identity of its own."""
    return Reading(None)


def undivided(event: Any) -> list[tuple[Any, Any]]:
    """An event that is one delivery."""
    return [(event, event)]


def records(event: Any) -> list[tuple[Any, Any]]:
    """Each record with an event of its own. EventBridge Pipes sends the bare list."""
    if isinstance(event, list):
        return [(record, [record]) for record in event]
    return [(record, {**event, "Records": [record]}) for record in listed(event, "Records")]


def first_record(event: Any) -> Any:
    """What tells the source of a list of records."""
    found = event if isinstance(event, list) else get(event, "Records")
    return found[0] if isinstance(found, list) and found else None


def is_from(event: Any, *sources: str) -> bool:
    """Whether the first record says that it is from one of these."""
    return get(first_record(event), "eventSource") in sources


class Row(NamedTuple):
    """One event source."""

    name: str
    kind: Kind
    recognises: Callable[[Any], bool]
    expires_after: int  # seconds
    on_conflict: OnConflict
    reply_kept: bool
    read: Callable[[Any, Any], Reading] = nothing  # of a record, and the event of that record alone
    split: Callable[[Any], list[tuple[Any, Any]]] = undivided
    left_out: tuple[tuple[str, str], ...] = ()
    is_http: bool = False  # its reply is {"statusCode": ...}

    def units(self, event: Any) -> list[Unit]:
        """The deliveries in an event that this row recognises; a record that cannot be read says why.

        Raises:
            MalformedEvent: it is not what the source sends, and no batch.
        """
        try:
            parts = self.split(event)
        except UnreadableError as error:
            raise MalformedEvent(self.name, str(error)) from None
        return [self._unit(*part, f"record {place} of {len(parts)}: ") for place, part in enumerate(parts, 1)]

    def _unit(self, record: Any, event: Any, where: str) -> Unit:
        malformed = None
        try:
            found = self._read(record, event)
        except UnreadableError as error:
            if record is event:
                raise MalformedEvent(self.name, str(error)) from None
            found, malformed = Reading(None), MalformedEvent(self.name, f"{where}{error}")
        return Unit(
            source=self.name,
            kind=found.kind or self.kind,
            identity=found.identity,
            scope=found.scope,
            event=event,
            payload=found.payload,
            expires_after=found.expires_after or self.expires_after,
            on_conflict=self.on_conflict,
            reply_kept=self.reply_kept,
            order=found.order,
            item=found.item,
            left_out=self.left_out if found.left_out is None else found.left_out,
            compared=found.compared,
            credentials=found.credentials,
            malformed=malformed,
        )

    def _read(self, record: Any, event: Any) -> Reading:
        if record is not event and not self.recognises(event):  # the whole event was, by its first record
            raise UnreadableError("it is not of this source")
        return self.read(record, event)
