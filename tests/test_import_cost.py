"""A cold start pays for each module that `import twicesafe` brings, so they are named here."""

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
PAID = ["binascii", "contextvars", "hashlib"]

# What the DynamoDB store adds when it is opened for AWS itself: no SDK, no HTTP library, no asyncio.
OPENED = ["hmac", "pwd", "socket", "ssl", "zlib"]

# Its own rooms that wait until somebody uses them.
LATER = [
    "audit",
    "cli",
    "downstream",
    "integrations",
    "lab",
    "providers",
    "stores.dynamodb",
    "stores.memory",
    "stores.sqlite",
    "testing",
]

OPENING = """
import sys
for name in sys.argv[2:]:
    __import__(name)
sys.path.insert(0, sys.argv[1])
import json, twicesafe
before = set(sys.modules)
from twicesafe.stores.base import open_store
open_store("dynamodb://records")
print(json.dumps(sorted(set(sys.modules) - before)))
"""

PROGRAM = """
import json, sys
for name in sys.argv[2:]:
    __import__(name)
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import twicesafe
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture(scope="module")
def added() -> list[str]:
    source = Path(twicesafe.__file__).parents[1]
    command = [sys.executable, "-IS", "-c", PROGRAM, str(source), *FREE, *PAID]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_importing_twicesafe_brings_no_other_module(added: list[str]) -> None:
    assert [name for name in added if not name.startswith(("twicesafe", "_"))] == []


@pytest.mark.parametrize("room", LATER)
def test_importing_twicesafe_leaves_a_room_for_later(added: list[str], room: str) -> None:
    assert [name for name in added if f"{name}.".startswith(f"twicesafe.{room}.")] == []


def test_opening_a_dynamodb_store_brings_no_sdk() -> None:
    source = Path(twicesafe.__file__).parents[1]
    environment = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [sys.executable, "-IS", "-c", OPENING, str(source), *FREE, *PAID, *OPENED]
    opened = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert [name for name in json.loads(opened) if not name.startswith("twicesafe")] == []
