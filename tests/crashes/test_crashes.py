"""Killed before and after every request and every effect: only a plain step is ever repeated, in its own window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.crashes.handler import KINDS, OnDynamoDB, OnSqlite
from tests.crashes.matrix import Case, explore, table
from twicesafe.stores.dynamodb import DynamoDBStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def on_sqlite() -> OnSqlite:
    return OnSqlite()


@pytest.fixture
def on_dynamodb(dynamodb_endpoint: str) -> OnDynamoDB:
    return prepared(dynamodb_endpoint)


def prepared(endpoint: str) -> OnDynamoDB:
    """The tables, made."""
    DynamoDBStore("crashes", endpoint=endpoint, connect_timeout=60, read_timeout=60).create_table()
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    if "crash-stock" not in client.list_tables()["TableNames"]:
        client.create_table(
            TableName="crash-stock",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "sku", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "sku", "KeyType": "HASH"}],
        )
    return OnDynamoDB(endpoint)


@pytest.fixture(params=["on_sqlite", "on_dynamodb"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_only_plain_steps_are_repeated_and_only_by_a_kill_in_their_own_window(kind: Any, tmp_path: Path) -> None:
    cases = explore(kind, tmp_path)
    print(table(kind, cases))
    assert all(_is_right(name, case) for case in cases for name in KINDS)
    repeated = {(name, case.point.when, case.point.what) for case in cases for name in KINDS if case.effects[name] == 2}
    for name in ("order", "mail"):
        assert (name, "after", f"effect {name}") in repeated  # the matrix does see it
    assert max(case.calls_of_charge for case in cases) == 2  # and the second one had no effect
    assert any(case.deliveries > 1 for case in cases)


def _is_right(name: str, case: Case) -> bool:
    """Once; a plain step twice, if the kill was after its effect and before it was recorded."""
    had = case.effects[name]
    return had == 1 or (had == 2 and KINDS[name] == "plain" and case.point.effect == name)
