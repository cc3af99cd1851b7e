"""The table of event sources, and what it makes of an event."""

from __future__ import annotations

from . import events, http, queues, streams
from .row import DAY, Reading, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .unit import Unit


def _direct(event: Any, _: Any) -> Reading:
    """A plain invocation says nothing about itself. An empty batch has nothing to protect."""
    is_empty = event == [] or (isinstance(event, dict) and event.get("Records") == [])
    return Reading(None, event, kind="never" if is_empty else None)


COMMON = (*queues.ROWS, *http.ROWS, *events.ROWS, *streams.ROWS)
ASKED = frozenset(
    """
    CodePipeline.job DeploymentId DurableExecutionArn Event Execution Items Name Records RequestType SecretId
    _datadog alarmData applicationArn arguments authorizationToken awslogs bot claimCertificateId connection-id
    datasetRecords deliveryStreamArn detail-type directive eventSource getObjectContext header httpMethod info
    invocationSchemaVersion invokingEvent messageVersion protocolData raw_path requestContext responseContext
    serverId triggerSource type version widgetContext window xAmzRequestId
    """.split()  # noqa: SIM905 - a list of it would be longer than all the rest
)
"""An event that has none of these looks to every row as an empty one does: it is of none."""

DIRECT = Row("direct", "explicit", lambda _: True, DAY, "raise", True, _direct)


def source_of(event: Any) -> str:
    """The name of the source that an event comes from, malformed or not."""
    return _row(event).name


def is_identified(event: Any) -> bool:
    """Tell if an event is of a source that says what identifies a delivery, or whose callers do."""
    if not isinstance(event, (dict, list)):
        return False
    row = _row(event)
    return row is not DIRECT and row.kind in ("natural", "client")


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


def rows() -> Iterator[Row]:
    """The table. No event is of two rows, so their order says nothing but which is asked first."""
    yield from COMMON
    from . import services, unkeyed  # few functions have such an event

    yield from services.ROWS
    yield from unkeyed.ROWS


def _row(event: Any) -> Row:
    if isinstance(event, dict) and ASKED.isdisjoint(event):
        return DIRECT
    return next((row for row in rows() if row.recognises(event)), DIRECT)
