"""The event of a redelivery: the same, but for what the platform or the caller renews each time; pure.

Lambda's own retry of an asynchronous event (SNS, EventBridge, S3 …) and the retry of a stream's batch are
the same to the byte. What others renew stands in the table below, a row a source.
"""

from __future__ import annotations

import copy
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..keys.sources.table import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    Renewal: TypeAlias = Callable[[Any, int], Any]
    """From an old value, and which delivery it is, to the new one; what it does not know stays as it is."""

APART = timedelta(minutes=1)
"""How far a redelivery lies behind the delivery before it."""
LONG_RUN = re.compile(r"[0-9A-Za-z+/]{8,}")
CLOCK = "%d/%b/%Y:%H:%M:%S %z"
"""API Gateway's requestTime."""


def redelivered(event: Any, number: int) -> Any:
    """The event as it comes the given time; the first time it is what it is.

    The same number always makes the same event, so that what was seen can be shown again.
    """
    if number == 1:
        return event
    event = copy.deepcopy(event)
    for path, new in RENEWED.get(source_of(event), {}).items():
        _renew(event, path.split("/"), new, number)
    return event


def _renew(holder: Any, path: list[str], new: Renewal, number: int) -> None:
    name, *rest = path
    for place in _places(holder, name):
        if rest:
            _renew(holder[place], rest, new, number)
        else:
            holder[place] = new(holder[place], number)


def _places(holder: Any, name: str) -> Iterator[Any]:
    """Where in a list or an object a name leads: "*" everywhere. A header is written in any case."""
    if isinstance(holder, list):
        return iter(range(len(holder)) if name == "*" else ())
    if isinstance(holder, dict):
        return iter([key for key in holder if name == "*" or str(key).lower() == name.lower()])
    return iter(())


def _token(old: Any, number: int) -> Any:
    """Another of the same look: an id, a handle, a trace."""
    if not isinstance(old, str) or not old:
        return old
    new = LONG_RUN.sub(lambda run: _letters(f"{number} {run[0]}", len(run[0])), old)
    return new if new != old else f"{old}-{number}"


def _letters(seed: str, length: int) -> str:
    found = ""
    while len(found) < length:
        found += sha256(f"{len(found)} {seed}".encode()).hexdigest()
    return found[:length]


def _count(old: Any, number: int) -> Any:
    """How often it was delivered, this time included."""
    return str(number) if isinstance(old, str) else number


def _retries(_: Any, number: int) -> Any:
    return number - 1


def _again(_: Any, number: int) -> Any:  # noqa: ARG001 - as all renewals are called
    return True


def _later(old: Any, number: int) -> Any:
    """A time, in milliseconds or microseconds since the epoch, or as API Gateway writes it."""
    if isinstance(old, str) and "/" in old:
        return _later_clock(old, number)
    if not str(old).isdigit():
        return old
    micro = 1_000 if len(str(old)) > 13 else 1
    return type(old)(int(old) + (number - 1) * int(APART.total_seconds() * 1_000) * micro)


def _later_clock(old: str, number: int) -> str:
    try:
        then = datetime.strptime(old, CLOCK)  # noqa: DTZ007 - the zone is in the text, and in the format
    except ValueError:
        return old
    return (then + (number - 1) * APART).strftime(CLOCK)


def _turned(old: Any, number: int) -> Any:
    """A list of brokers, in another order."""
    if not isinstance(old, str):
        return old
    brokers = old.split(",")
    turn = (number - 1) % len(brokers)
    return ",".join(brokers[turn:] + brokers[:turn])


def _headers(where: str) -> dict[str, Renewal]:
    """What proxies and tracers put on each try of a caller."""
    return dict.fromkeys([f"{where}/{name}" for name in HEADERS], _token)


HEADERS = ("x-amzn-trace-id", "x-amzn-requestid", "x-amz-cf-id", "traceparent")
HTTP: Mapping[str, Renewal] = {
    "requestContext/requestId": _token,
    "requestContext/extendedRequestId": _token,
    "requestContext/messageId": _token,
    "requestContext/requestTime": _later,
    "requestContext/requestTimeEpoch": _later,
    "requestContext/time": _later,
    "requestContext/timeEpoch": _later,
    **_headers("headers"),
    **{f"{path}/*": new for path, new in _headers("multiValueHeaders").items()},
}
SQS: Mapping[str, Renewal] = {
    f"{records}/{path}": new
    for records in ("Records/*", "*")  # EventBridge Pipes sends the bare list
    for path, new in {"receiptHandle": _token, "attributes/ApproximateReceiveCount": _count}.items()
}
RENEWED: Mapping[str, Mapping[str, Renewal]] = {
    "sqs": SQS,
    "sqs-fifo": SQS,
    "alb": HTTP,
    "websocket": HTTP,
    "vpc-lattice": HTTP,
    "vpc-lattice-v1": HTTP,
    "function-url": HTTP,
    "http-api": HTTP,
    "rest-api": HTTP,
    "authorizer": HTTP,
    "appsync": {**_headers("request/headers"), **_headers("*/request/headers")},
    "s3": {"Records/*/responseElements/x-amz-id-2": _token},
    "schedule-rule": {"id": _token},
    "scheduler": {"id": _token},
    "kafka": {"bootstrapServers": _turned},
    "activemq": {"messages/*/redelivered": _again, "messages/*/brokerOutTime": _later},
    "rabbitmq": {"rmqMessagesByQueue/*/*/redelivered": _again},
    "config": {"resultToken": _token},
    "s3-batch": {"invocationId": _token},
    "firehose": {"invocationId": _token},
    "kinesis-analytics": {"invocationId": _token},
    "durable-function": {"CheckpointToken": _token},
    "step-functions": {
        "State/RetryCount": _retries,
        "_datadog/State/RetryCount": _retries,
        "Task/Token": _token,
        "_datadog/Task/Token": _token,
    },
}
"""Places in the event, and how each is renewed; evidence in the table of sources (keys/sources): its `left_out`."""
