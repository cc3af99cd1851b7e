"""What to do about a finding, as code. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .results import Kind, Operation, When

IDS = {
    "sqs": 'record["messageId"]',
    "sqs-fifo": 'record["messageId"]',
    "sns": 'record["Sns"]["MessageId"]',
    "s3": 'record["s3"]["object"]["sequencer"]',
    "eventbridge": 'event["id"]',
    "dynamodb": 'record["eventID"]',
    "kinesis": 'record["eventID"]',
}
"""Where the event's own identity stands, by the name of its source."""
CLIENTS = {
    ("sns", "Publish"): "sns.publish",
    ("sqs", "SendMessage"): "sqs.send_message",
    ("ses", "SendEmail"): "ses.send_email",
    ("events", "PutEvents"): "events.put_events",
    ("lambda", "Invoke"): "lambda_client.invoke",
}


def fix_for(kind: Kind, when: When, operation: Operation | None, detail: str, source: str) -> str:
    """Code, with a word on where it goes."""
    if kind == "reply":
        if "fails" in detail:
            return "@idempotent on the handler: a later delivery gets the first reply, and does not run"
        return "@idempotent on the handler: a repeated caller gets the first reply"
    if kind == "lost":
        return f"@idempotent on the handler instead of the marker, and {_step(operation)}"
    if operation is None or operation.effect == "state":
        return _of_state(detail, source, is_window=when in ("crash", "two crashes", "lost answer"), operation=operation)
    if operation.outgoing and operation.outgoing[0].key is not None:
        key = operation.outgoing[0].key
        return (
            f"{_step(operation)} with the parameter idempotency_key handed on as {key.name}, under @idempotent: "
            "the same key in each attempt"
        )
    return f"{_step(operation)} under @idempotent"


def _of_state(detail: str, source: str, *, is_window: bool, operation: Operation | None) -> str:
    if is_window:
        return f"{_step(operation)} under @idempotent"
    if "one more" in detail:
        own = IDS.get(source)
        derived = f"derive its key from the event, such as {own}; or " if own else ""
        return f"{derived}@idempotent on the handler, with {_step(operation)}"
    if re.search(r"\d{4}-\d\d-\d\dT|_at |time|date", detail):
        return (
            "if_not_exists(created_at, :now) in an UpdateExpression, or the event's time; or @idempotent on the handler"
        )
    return f"@idempotent on the handler, with {_step(operation)}"


def _step(operation: Operation | None) -> str:
    if operation is None:
        return 'step("write", …)'
    call = CLIENTS.get((operation.service, operation.name))
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation.name).lower() if operation.service != "http" else "call"
    return f'step("{name}", {call or "…"}, …)'
