"""Queues: SQS, with what other sources put into it, and the brokers of Amazon MQ."""

from __future__ import annotations

from ...errors import MalformedEvent
from .events import CARRIED, SNS_RETRIES, notification
from .reading import UnreadableError, fields, get, has, listed, only, parsed
from .row import DAY, Reading, Row, first_record, is_from, records
from .unit import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SQS_RETENTION = 14 * DAY
"""The longest that a queue keeps a message: SQS, SetQueueAttributes, MessageRetentionPeriod."""
MARKS = ('"Notification"', '"detail-type"', '"aws:s3"')
"""A body is only parsed when one of these stands in it."""
SQS_NOISE = (
    ("receiptHandle", "each receive has another"),
    ("attributes.ApproximateReceiveCount, ApproximateFirstReceiveTimestamp", "they change with each receive"),
    ("attributes.SentTimestamp, SenderId, AWSTraceHeader", "they tell nothing about the message"),
)
FIFO_NOISE = (
    *SQS_NOISE,
    ("attributes.MessageDeduplicationId", "unique for 5 minutes only: a producer may use it again for a new message"),
)
MQ_NOISE = (
    ("redelivered, brokerInTime, brokerOutTime", "they change with each delivery"),
    ("connectionId", "a producer that reconnects has another"),
)


def _is_sqs(event: Any) -> bool:
    return is_from(event, "aws:sqs")


def _is_fifo(event: Any) -> bool:
    return _is_sqs(event) and str(get(first_record(event), "eventSourceARN")).endswith(".fifo")


def _is_standard(event: Any) -> bool:
    return _is_sqs(event) and not _is_fifo(event)


def _standard(record: Any, _: Any) -> Reading:
    own = fields(record, queue="eventSourceARN", message_id="messageId")
    inner = _carried(get(record, "body"))
    if inner is not None and inner.identity is not None:
        return inner._replace(identity={"queue": own["queue"], **inner.identity}, item=own["message_id"])
    return Reading(own, only(record, "body", "messageAttributes"), item=own["message_id"])


def _fifo(record: Any, event: Any) -> Reading:
    """A standard queue may have message groups too (fair queues), but keeps no order in them."""
    order = fields(record, group="attributes/MessageGroupId")["group"]
    return _standard(record, event)._replace(order=order)


def _carried(body: object) -> Reading | None:
    """What another source put into the queue: when that source delivers again, the message has another id."""
    if not (isinstance(body, str) and any(mark in body for mark in MARKS)):
        return None
    event = parsed(body)
    try:
        return _of_event(event)
    except (MalformedEvent, UnreadableError):  # it only looks like one: the message's own id is always there
        return None


def _of_event(event: Any) -> Reading | None:
    if get(event, "Type") == "Notification":
        return notification(event)._replace(expires_after=SNS_RETRIES)
    row = next((row for row in CARRIED if row.recognises(event)), None) if isinstance(event, dict) else None
    if row is None:
        return None
    unit = whole(event, row.units(event))
    return Reading(unit.identity, unit.payload)


def _is_activemq(event: Any) -> bool:
    return _is_broker(event, "aws:amq")


def _is_rabbitmq(event: Any) -> bool:
    return _is_broker(event, "aws:rmq")


def _is_broker(event: Any, source: str) -> bool:
    return is_from(event if isinstance(event, list) else [event], source)


def _messages(event: Any) -> list[tuple[Any, Any]]:
    if isinstance(event, list):
        return records(event)
    return [(message, {**event, "messages": [message]}) for message in listed(event, "messages")]


def _by_queue(event: Any) -> list[tuple[Any, Any]]:
    if isinstance(event, list):
        return records(event)
    queues = get(event, "rmqMessagesByQueue")
    if not isinstance(queues, dict):
        raise UnreadableError("rmqMessagesByQueue is no object")
    found = []
    for queue in queues:
        if not isinstance(queues[queue], list):
            raise UnreadableError("rmqMessagesByQueue has a queue that is no list")
        found += [(message, {**event, "rmqMessagesByQueue": {queue: [message]}}) for message in queues[queue]]
    return found


def _activemq(message: Any, event: Any) -> Reading:
    broker = fields(message if isinstance(event, list) else event, broker="eventSourceArn")
    own = fields(message, destination="destination/physicalName", message_id="messageID")
    return Reading({**broker, **own}, only(message, "data", "properties"))


def _rabbitmq(message: Any, event: Any) -> Reading:
    """RabbitMQ itself gives no id: the producer may."""
    if not isinstance(message, dict):
        raise UnreadableError("it is no object")
    payload = only(message, "data")
    if not has(message, "basicProperties/messageId"):
        return Reading(None, payload)
    if isinstance(event, list):
        where = fields(message, broker="eventSourceArn", queue="eventSourceKey")
    else:
        where = {**fields(event, broker="eventSourceArn"), "queue": next(iter(event["rmqMessagesByQueue"]))}
    identity = {**where, **fields(message, message_id="basicProperties/messageId")}
    return Reading(identity, payload, kind="natural")


ROWS = (
    Row("sqs", "natural", _is_standard, SQS_RETENTION, "raise", False, _standard, records, SQS_NOISE),
    Row("sqs-fifo", "natural", _is_fifo, SQS_RETENTION, "raise", False, _fifo, records, FIFO_NOISE),
    Row("activemq", "natural", _is_activemq, 7 * DAY, "raise", False, _activemq, _messages, MQ_NOISE),
    Row("rabbitmq", "client", _is_rabbitmq, 7 * DAY, "raise", False, _rabbitmq, _by_queue, MQ_NOISE),
)
