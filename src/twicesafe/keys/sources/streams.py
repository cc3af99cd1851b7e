"""Streams, which Lambda reads in order: Kinesis, DynamoDB, Kafka and DocumentDB."""

from __future__ import annotations

from binascii import Error as NoBase64
from binascii import a2b_base64

from ...protocol.policy import LONGEST_LEASE
from .reading import UnreadableError, fields, get, has, listed, only, parsed, text
from .row import DAY, Reading, Row, is_from, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_RUN = LONGEST_LEASE // 1000
"""Seconds: a batch that is under way when its records leave the stream may still come again when it ends."""
DYNAMODB_RETENTION = DAY + LONGEST_RUN
KINESIS_RETENTION = 7 * DAY + LONGEST_RUN
"""A stream keeps a day by default, a week as the usual extension; for one that keeps longer, say expires_after=."""
KAFKA = ("aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka")
KINESIS_NOISE = (("approximateArrivalTimestamp", "it is a measurement"),)
DYNAMODB_NOISE = (("dynamodb.ApproximateCreationDateTime", "it is a measurement"),)
KAFKA_NOISE = (("the order of bootstrapServers", "it says where the brokers are, in any order"),)
DOCDB_NOISE = (("clusterTime", "many changes can have one time; the resume token tells them apart"),)
WINDOW_NOISE = (("Records", "a window's reply is its state, which each invocation must hand on"),)


def _is_window(event: Any) -> bool:
    """A tumbling window."""
    in_window = has(event, "window") and isinstance(get(event, "isFinalInvokeForWindow"), bool)
    return in_window and is_from(event, "aws:kinesis", "aws:dynamodb")


def _is_kinesis(event: Any) -> bool:
    return is_from(event, "aws:kinesis") and not _is_window(event)


def _kinesis(record: Any, _: Any) -> Reading:
    """Pipes sends the fields of `kinesis` in the record itself."""
    inside = record["kinesis"] if has(record, "kinesis") else record
    own = fields(record, stream="eventSourceARN", event_id="eventID")
    item = text(inside, "sequenceNumber")
    data = get(inside, "data")
    order = own["event_id"].partition(":")[0]
    change = _change(data)
    if change is None:
        return Reading(own, only(inside, "data", "partitionKey"), order=order, item=item)
    identity = {"stream": own["stream"], **fields(change, table="tableName", event_id="eventID")}
    return Reading(identity, only(change, "eventName"), order=order, item=item)


def _change(data: object) -> Any:
    """A change of DynamoDB's, which may be put into the stream twice, each time with a number of its own."""
    if not isinstance(data, str):
        return None
    try:
        decoded = a2b_base64(data)
    except (NoBase64, ValueError):
        return None
    change = parsed(decoded) if b'"tableName"' in decoded else None
    texts = (get(change, "tableName"), get(change, "eventID"))
    return change if has(change, "dynamodb") and all(isinstance(found, str) and found for found in texts) else None


def _is_dynamodb(event: Any) -> bool:
    return is_from(event, "aws:dynamodb") and not _is_window(event)


def _dynamodb(record: Any, _: Any) -> Reading:
    """A batch is of one shard, which the record does not name."""
    identity = fields(record, stream="eventSourceARN", event_id="eventID")
    item = text(record, "dynamodb/SequenceNumber")
    payload = {**only(record, "eventName"), **only(get(record, "dynamodb"), "Keys", "NewImage", "OldImage")}
    return Reading(identity, payload, order=identity["stream"], item=item)


def _is_kafka(event: Any) -> bool:
    return is_from(event if isinstance(event, list) else [event], *KAFKA)


def _partitions(event: Any) -> list[tuple[Any, Any]]:
    if isinstance(event, list):
        return records(event)
    partitions = get(event, "records")
    if not isinstance(partitions, dict):
        raise UnreadableError("records is no object")
    found = []
    for name in partitions:
        if not isinstance(partitions[name], list):
            raise UnreadableError("records has a partition that is no list")
        found += [(record, {**event, "records": {name: [record]}}) for record in partitions[name]]
    return found


def _kafka(record: Any, event: Any) -> Reading:
    """A topic that is made again starts at offset 0 again: the record's time tells the two apart."""
    names = {"topic": "topic", "partition": "partition", "timestamp": "timestamp?", "offset": "offset"}
    own = fields(record, **names)
    try:
        offset = int(own["offset"])
    except ValueError:
        raise UnreadableError("offset is no number") from None
    partition = f"{own['topic']}-{own['partition']}"
    identity = {"cluster": _cluster(record if isinstance(event, list) else event), **own}
    item = {"partition": partition, "offset": offset}
    return Reading(identity, only(record, "key", "value"), order=partition, item=item)


def _cluster(event: Any) -> str:
    if has(event, "eventSourceArn"):
        return text(event, "eventSourceArn")
    return ",".join(sorted(text(event, "bootstrapServers").split(",")))


def _is_docdb(event: Any) -> bool:
    return isinstance(event, dict) and is_from([event], "aws:docdb")


def _changes(event: Any) -> list[tuple[Any, Any]]:
    return [(change, {**event, "events": [change]}) for change in listed(event, "events")]


def _docdb(change: Any, event: Any) -> Reading:
    identity = {**fields(event, cluster="eventSourceArn"), **fields(change, position="event/_id/_data")}
    return Reading(identity, order=identity["cluster"])


ROWS = (
    Row("stream-window", "never", _is_window, DYNAMODB_RETENTION, "wait", True, left_out=WINDOW_NOISE),
    Row("kinesis", "natural", _is_kinesis, KINESIS_RETENTION, "wait", False, _kinesis, records, KINESIS_NOISE),
    Row("dynamodb", "natural", _is_dynamodb, DYNAMODB_RETENTION, "wait", False, _dynamodb, records, DYNAMODB_NOISE),
    Row("kafka", "natural", _is_kafka, 7 * DAY, "wait", False, _kafka, _partitions, KAFKA_NOISE),
    Row("documentdb", "natural", _is_docdb, 7 * DAY, "wait", False, _docdb, _changes, DOCDB_NOISE),
)
