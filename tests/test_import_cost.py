"""A cold start pays for each module that a handler's line brings, and its INIT, so they are named here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import twicesafe

# Loaded before the user's code in each Lambda function, by the runtime's own client (awslambdaric 4.2.2).
FREE = ["contextlib", "decimal", "enum", "functools", "json", "logging", "math", "os", "re", "threading", "traceback"]

# What twicesafe adds to them, with what these bring themselves. Not typing, which takes as long as a dozen of our own
# modules: what only a type checker reads stands under a TYPE_CHECKING that is defined where it is used.
PAID = ["binascii", "contextvars"]

# What the DynamoDB store adds when it is opened for AWS itself: no SDK, no HTTP library, no asyncio.
OPENED = ["hashlib", "pwd", "socket", "ssl"]

# Its own rooms and files that wait until somebody uses them, beyond INIT too.
UNUSED = [
    "answers.s3_batch",
    "audit",
    "cli",
    "downstream",
    "execution.heartbeat",
    "execution.options",
    "execution.room",
    "execution.sql",
    "execution.step_host",
    "execution.steps",
    "execution.transactions",
    "integrations",
    "keys.describe",
    "keys.expressions",
    "keys.sources.services",
    "keys.sources.unkeyed",
    "lab",
    "protocol.by_hand",
    "protocol.entries",
    "protocol.room",
    "protocol.steps",
    "providers",
    "replies.final_errors",
    "replies.hints",
    "replies.known",
    "replies.runtime",
    "replies.scalars",
    "replies.structures",
    "replies.trees",
    "stores.dynamodb.aiobotocore",
    "stores.dynamodb.botocore",
    "stores.dynamodb.client",
    "stores.dynamodb.direct.borrowed",
    "stores.dynamodb.direct.container",
    "stores.dynamodb.direct.loops",
    "stores.dynamodb.table",
    "stores.dynamodb.templates",
    "stores.dynamodb.writes",
    "stores.sqlite",
    "stores.workers",
    "testing",
]

# Those that wait for the store to be opened.
LATER = [*UNUSED, "stores.dynamodb", "stores.memory"]

OPENING = """
import sys
for name in sys.argv[2:]:
    __import__(name)
sys.path.insert(0, sys.argv[1])
import json
before = set(sys.modules)
from twicesafe import idempotent

@idempotent(key=lambda event: event["id"])
def handler(event, context):
    return {}

print(json.dumps(sorted(set(sys.modules) - before)))
"""

PROGRAM = """
import json, sys
for name in sys.argv[2:]:
    __import__(name)
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
from twicesafe import idempotent
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded(program: str, *known: str, **environment: str) -> list[str]:
    """The modules that a program loads, in a fresh process that has those that are known."""
    command = [sys.executable, "-IS", "-c", program, str(Path(twicesafe.__file__).parents[1]), *known]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def of_room(modules: list[str], room: str) -> list[str]:
    return [name for name in modules if f"{name}.".startswith(f"twicesafe.{room}.")]


@pytest.fixture(scope="module")
def added() -> list[str]:
    return loaded(PROGRAM, *FREE, *PAID)


@pytest.fixture(scope="module")
def opened() -> list[str]:
    on_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "orders", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return loaded(OPENING, *FREE, *PAID, *OPENED, TWICESAFE_STORE="dynamodb://records", **aws, **on_lambda)


def test_a_handlers_line_brings_no_other_module(added: list[str]) -> None:
    assert [name for name in added if not name.startswith(("twicesafe", "_"))] == []


@pytest.mark.parametrize("room", LATER)
def test_a_handlers_line_leaves_a_room_for_later(added: list[str], room: str) -> None:
    assert of_room(added, room) == []


def test_opening_a_dynamodb_store_brings_no_sdk(opened: list[str]) -> None:
    assert of_room(opened, "stores.dynamodb.direct.sync")
    assert [name for name in opened if not name.startswith(("twicesafe", "_"))] == []


@pytest.mark.parametrize("room", UNUSED)
def test_init_leaves_a_room_for_later(opened: list[str], room: str) -> None:
    assert of_room(opened, room) == []


def test_what_is_loaded_later_is_there_all_the_same() -> None:
    assert set(twicesafe.__all__) <= set(dir(twicesafe))
    assert all(getattr(twicesafe, name) is not None for name in twicesafe.__all__)
    with pytest.raises(AttributeError, match="'twicesafe' has no attribute 'steps'"):
        _ = twicesafe.steps
    with pytest.raises(ImportError):
        from twicesafe import setp  # noqa: F401
