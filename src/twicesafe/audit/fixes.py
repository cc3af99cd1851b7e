"""What to do about a finding, as code. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .world.effects import PROVIDERS

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
TIME = re.compile(r"\d{4}-\d\d-\d\dT|_at |time|date")
CLIENTS = {"lambda": "lambda_client"}
"""What a client is called where the service's own name is none."""
ACTIONS = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
"""Of a DynamoDB transaction, by the operations that do the same alone."""
WHOLE = ("PutItem", "PutObject")
"""Operations that may be repeated, as long as they write the same."""
DRAWN = 'step("new_id", new_id) for what is new each time: the same in each attempt'
READ = 'step("read", read, …) for what it is made of: the same in each attempt'
TAKES_TOKEN = ("StartExecution",)
"""Operations that send no token by themselves, but take one."""


def fix_for(kind: Kind, when: When, operation: Operation | None, detail: str, source: str, decorator: str) -> str:
    """Code, with a word on where it goes.

    Args:
        operation: the effect; of a finding about the reply, one that came before it.
        source: who sent the event.
        decorator: as it must be written above the handler for this event.
    """
    if operation is not None and operation.step and "StepInDoubt" in detail:
        return _of_doubt(operation)
    if operation is not None and operation.step and kind != "reply" and when not in ("every redelivery", "warm"):
        return _of_window(operation)
    effect = _step(operation)
    if kind == "reply" and "fails" in detail:
        return f"{decorator} on the handler: a later delivery does not run; in it, {effect}, and {READ}"
    if kind == "reply":
        return f"{decorator} on the handler: a repeated caller gets the first reply; in it, {effect}"
    if kind == "lost":
        return f"{decorator} on the handler instead of the marker, and {effect}"
    if operation is not None and operation.effect != "state":
        return f"{effect} under {decorator}"
    if "one more" in detail:
        derived = f"derive its key from the event, such as {IDS[source]}; or " if source in IDS else ""
        return f"{derived}{decorator} on the handler, with {DRAWN}"
    if TIME.search(detail):
        return f"if_not_exists(created_at, :now) in an UpdateExpression, or the event's time; or {decorator}"
    if operation is not None and operation.name in WHOLE:
        return f"{decorator} on the handler, with {READ}"
    return f"{decorator} on the handler, with {effect}"


def _of_window(operation: Operation) -> str:
    """The effect is in a step: it is repeated by what comes between it and the step's record."""
    if operation.name in WHOLE:
        return f"{DRAWN}; or {READ}"
    if _is_transactable(operation):
        return f"{_step(operation)} in the place of this step: it has no window"
    if _token(operation):
        return f"{_step(operation)} in the place of this step: the same key in each attempt"
    return f"{_recovered(operation)}; at_most_once=True never repeats it; a plain step does, if a crash comes first"


def _of_doubt(operation: Operation) -> str:
    """What the step does not repeat, it does not know either: its key may be forgotten."""
    return f"{_recovered(operation)}; without it, 'twicesafe records resolve --step' says what became of it"


def _recovered(operation: Operation) -> str:
    name = operation.step.partition("[")[0]  # what follows is its each=
    return f'step("{name}", …, recover=find_it) asks what became of it'


def _step(operation: Operation | None) -> str:
    """The effect as a step."""
    if operation is None:
        return 'step("write", …)'
    name = _snake(operation.name)
    if operation.service == "http":
        header = _token(operation)
        said = f" with the parameter idempotency_key sent as {header}" if header else ""
        return f'step("{name}", {name}, …){said}'
    call = f"{CLIENTS.get(operation.service, operation.service)}.{name}"
    if _is_transactable(operation):
        action = ACTIONS.get(operation.name)
        write = f'{{"{action}": {{"TableName": "{operation.target}", …}}}}' if action else "…"
        return f'step.transact("{name}", writes=[{write}])'
    if _token(operation):
        return f'step("{name}", aws_call({call}), …)'
    return f'step("{name}", {call}, …)'


def _is_transactable(operation: Operation) -> bool:
    return operation.service == "dynamodb" and operation.effect == "state"


def _token(operation: Operation) -> str | None:
    """Where a key would stand by which the other side deduplicates; None: it is not known to."""
    key = operation.outgoing[0].key if operation.outgoing else None
    if key is not None:
        return key.name
    if operation.service == "http":
        return PROVIDERS.get(urlsplit(operation.target).hostname or "")
    is_fifo = operation.target.endswith(".fifo")
    return "token" if is_fifo or operation.name in TAKES_TOKEN else None


def _snake(name: str) -> str:
    return re.sub(r"(?<![A-Z])(?=[A-Z])", "_", name).lower().lstrip("_")
