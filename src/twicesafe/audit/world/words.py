"""What was sent and what came of it, in a few words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .state import untyped
from .supply import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..messages import Answer, AwsRequest
    from ..results import Effect

LONGEST = 100
LEFT_OUT = ("TableName", "QueueUrl", "TopicArn", "Bucket", "ReturnConsumedCapacity", "Body", "ClientRequestToken")
SENT = {
    "SendMessage",
    "Publish",
    "SendEmail",
    "SendMessageBatch",
    "PublishBatch",
    "PutEvents",
    "Invoke",
    "SendRawEmail",
}


def summary(parameters: Any) -> str:
    """What was sent."""
    if isinstance(parameters, dict):
        parameters = {name: value for name, value in parameters.items() if name not in LEFT_OUT}
        for name in ("Key", "Item"):
            if isinstance(parameters.get(name), dict):
                return short(_untyped(parameters[name]))
        parameters = next((parameters[name] for name in ("Message", "MessageBody") if name in parameters), parameters)
    return short(parameters) if parameters not in ({}, "", None) else ""


def outcome(request: AwsRequest, answer: Answer, effect: Effect) -> str:
    """What came of an AWS call."""
    if answer.status >= 400:
        code = code_of(answer) or str(answer.status)
        return (
            "refused: the condition does not hold" if code == "ConditionalCheckFailedException" else f"refused: {code}"
        )
    if request.service == "dynamodb" and request.name == "GetItem":
        return "found" if b'"Item"' in answer.body else "nothing there"
    if request.name in SENT:
        return "sent"
    return {"read": "read", "ignored": "done, and not counted"}.get(effect, "done")


def _untyped(item: Mapping[str, Any]) -> Any:
    is_typed = all(isinstance(value, dict) and len(value) == 1 for value in item.values())
    return {name: untyped(value) for name, value in item.items()} if is_typed else item


def short(value: Any) -> str:
    """A value in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
