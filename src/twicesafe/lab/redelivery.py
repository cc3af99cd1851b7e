"""The event of a redelivery: the same, but for what the platform renews each time."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def redelivered(event: Any, number: int) -> Any:
    """The event as it comes the given time; the first time it is what it is.

    SQS: a new receipt handle, and one more in the count of receives. HTTP: a caller's retry has a new
    request id and trace. What other sources renew is left as it is.
    """
    if number == 1 or not isinstance(event, dict):
        return event
    event = copy.deepcopy(event)
    for record in _dicts(event.get("Records")):
        _renew(record, "receiptHandle", lambda _: os.urandom(32).hex())
        _renew(record.get("attributes"), "ApproximateReceiveCount", lambda _: str(number))
    _renew(event.get("requestContext"), "requestId", lambda old: os.urandom(8).hex() if old else old)
    _renew(event.get("headers"), "x-amzn-trace-id", lambda _: f"Root=1-{os.urandom(4).hex()}-{os.urandom(12).hex()}")
    return event


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _renew(fields: Any, name: str, new: Callable[[Any], object]) -> None:
    if isinstance(fields, dict) and name in fields:
        fields[name] = new(fields[name])
