"""Events that are handed to Lambda's own queue: SNS, S3, EventBridge and its schedules, alarms, mail."""

from __future__ import annotations

from .reading import fields, first, get, has, only, text
from .row import DAY, HOUR, Reading, Row, first_record, is_from, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SNS_RETRIES = 23 * DAY
"""100,015 tries over 23 days: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"""
EVENTBRIDGE_RETRIES = 30 * HOUR
"""A day of EventBridge's own tries, then the 6 hours of Lambda's queue."""
SNS_NOISE = (("Sns.Timestamp, Signature, SigningCertUrl, UnsubscribeUrl", "they tell nothing about the message"),)
S3_NOISE = (
    ("eventTime, responseElements.x-amz-id-2", "a repeated notification may have others; the sequencer is the same"),
    ("userIdentity, requestParameters.sourceIPAddress", "who caused it does not tell one event from another"),
)
SCHEDULE_NOISE = (("id", "a rule can fire twice for one scheduled time, each time with another id"),)
EVENTBRIDGE_NOISE = (("time, resources", "they describe the event, and the id alone tells it from others"),)


def _is_sns(event: Any) -> bool:
    return bool(get(first_record(event), "EventSource") == "aws:sns")


def _sns(record: Any, _: Any) -> Reading:
    return notification(get(record, "Sns"))


def notification(sns: Any) -> Reading:
    """A notification keeps its id when SNS sends it again."""
    payload = only(sns, "Subject", "Message", "MessageAttributes")
    return Reading(fields(sns, topic="TopicArn", message_id="MessageId"), payload)


def _is_s3(event: Any) -> bool:
    return is_from(event, "aws:s3")


def _s3(record: Any, _: Any) -> Reading:
    identity = fields(
        record, bucket="s3/bucket/name", key="s3/object/key", version="s3/object/versionId?", event="eventName"
    )
    if has(record, "s3/object/sequencer"):
        return Reading({**identity, **fields(record, sequencer="s3/object/sequencer")})
    if has(record, "responseElements/x-amz-request-id"):
        return Reading({**identity, **fields(record, request_id="responseElements/x-amz-request-id")})
    return Reading({**identity, **fields(record, event_time="eventTime")})


def _is_s3_test(event: Any) -> bool:
    return bool(get(event, "Event") == "s3:TestEvent")


def _is_envelope(event: Any) -> bool:
    return has(event, "detail-type", "source", "id")


def _is_by(event: Any, source: str) -> bool:
    return _is_envelope(event) and bool(event["source"] == source)


def _is_s3_event(event: Any) -> bool:
    return _is_by(event, "aws.s3") and has(event, "detail/object/key")


def _s3_event(event: Any, _: Any) -> Reading:
    identity = fields(
        event,
        bucket="detail/bucket/name",
        key="detail/object/key",
        version="detail/object/version-id?",
        event="detail-type",
    )
    if has(event, "detail/object/sequencer"):
        return Reading({**identity, **fields(event, sequencer="detail/object/sequencer")})
    return Reading({**identity, **fields(event, id="id")})


def _is_schedule(event: Any) -> bool:
    return _is_by(event, "aws.events") and bool(event["detail-type"] == "Scheduled Event")


def _is_scheduler(event: Any) -> bool:
    return _is_by(event, "aws.scheduler")


def _schedule(event: Any, _: Any) -> Reading:
    return Reading({"schedule": first(event, "resources"), "time": text(event, "time")})


def _is_eventbridge(event: Any) -> bool:
    return _is_envelope(event) and not (_is_s3_event(event) or _is_schedule(event) or _is_scheduler(event))


def _eventbridge(event: Any, _: Any) -> Reading:
    """A replay out of an archive is asked for, and so runs again."""
    return Reading(
        fields(event, account="account", source="source", replay="replay-name?", id="id"), only(event, "detail")
    )


def _is_alarm(event: Any) -> bool:
    return has(event, "alarmData") and bool(get(event, "source") == "aws.cloudwatch")


def _alarm(event: Any, _: Any) -> Reading:
    names = {"alarm": "alarmArn", "state": "alarmData/state/value", "since": "alarmData/state/timestamp"}
    return Reading(fields(event, **names))


def _is_ses(event: Any) -> bool:
    return is_from(event, "aws:ses")


def _ses(record: Any, _: Any) -> Reading:
    return Reading(fields(record, rule="ses/receipt/action/functionArn?", message_id="ses/mail/messageId"))


SNS = Row("sns", "natural", _is_sns, SNS_RETRIES, "wait", False, _sns, records, SNS_NOISE)
CARRIED = (
    Row("s3", "natural", _is_s3, 7 * DAY, "wait", False, _s3, records, S3_NOISE),
    Row("s3-eventbridge", "natural", _is_s3_event, 7 * DAY, "wait", False, _s3_event, left_out=S3_NOISE),
    Row(
        "schedule-rule", "natural", _is_schedule, EVENTBRIDGE_RETRIES, "wait", False, _schedule, left_out=SCHEDULE_NOISE
    ),
    Row("scheduler", "natural", _is_scheduler, EVENTBRIDGE_RETRIES, "wait", False, _schedule, left_out=SCHEDULE_NOISE),
    Row(
        "eventbridge",
        "natural",
        _is_eventbridge,
        EVENTBRIDGE_RETRIES,
        "wait",
        False,
        _eventbridge,
        left_out=EVENTBRIDGE_NOISE,
    ),
)
"""Those that often come as the body of an SQS message."""

ROWS = (
    SNS,
    *CARRIED,
    Row("s3-test", "never", _is_s3_test, DAY, "wait", False),
    Row("cloudwatch-alarm", "natural", _is_alarm, DAY, "wait", False, _alarm),
    Row("ses", "natural", _is_ses, DAY, "wait", False, _ses, records),
)
