"""A shorter request says the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from twicesafe.protocol.commands import Claim, Complete, Release, Transact
from twicesafe.protocol.records import Status, Step
from twicesafe.stores.dynamodb.direct.brief import EXPRESSIONS, brief
from twicesafe.stores.dynamodb.expressions import begin, find, transaction
from twicesafe.stores.dynamodb.layout import Layout

LAYOUT = Layout("orders")
COMPLETE = Complete("key", "me", Status.COMPLETED, "reply", 9)
COMMANDS = [
    Claim("key", "me", 1, 2, 3, "rule:print"),
    COMPLETE,
    Release("key", "me", 1, 2, {f"step {number}": Step(True, "r") for number in range(18)}),
]


def said(parameters: dict[str, Any]) -> dict[str, Any]:
    """What DynamoDB makes of it: each word in an expression is what it stands for."""
    stands_for = {
        **parameters.get("ExpressionAttributeNames", {}),
        **{word: json.dumps(value) for word, value in parameters.get("ExpressionAttributeValues", {}).items()},
    }
    return {
        name: re.sub(r"[#:]\w+", lambda word: stands_for[word[0]], value) if name in EXPRESSIONS else value
        for name, value in parameters.items()
        if not name.startswith("ExpressionAttribute")
    }


@pytest.mark.parametrize("command", COMMANDS, ids=[type(command).__name__ for command in COMMANDS])
def test_a_request_says_the_same_in_less(command: Any) -> None:
    request = begin(command, LAYOUT)
    assert request is not None
    short = brief(request.parameters)
    assert said(short) == said(request.parameters)
    assert len(json.dumps(short)) < len(json.dumps(request.parameters))


def test_one_without_expressions_is_as_it_is() -> None:
    parameters = find("key", LAYOUT).parameters
    assert brief(parameters) == parameters


def test_the_users_own_writes_are_as_they_are() -> None:
    write = {"Put": {"TableName": "stock", "ConditionExpression": "#a = :a", "ExpressionAttributeNames": {"#a": "b"}}}
    parameters = transaction(Transact(COMPLETE, (write,), "token"), LAYOUT).parameters
    own, users = brief(parameters)["TransactItems"]
    assert users == write
    assert said(own["Update"]) == said(parameters["TransactItems"][0]["Update"])
