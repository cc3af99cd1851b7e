from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.steps.play import Play
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.memory import MemoryStore
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "records.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def dynamodb(dynamodb_endpoint: str) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore("steps", connection="direct", endpoint=dynamodb_endpoint, connect_timeout=30, read_timeout=30)
    store.create_table()
    yield store
    store.close()


FORMS = [("memory", "sync"), ("memory", "async"), ("sqlite", "sync"), ("dynamodb", "sync"), ("dynamodb", "async")]


@pytest.fixture(params=FORMS, ids="-".join)
def play(request: pytest.FixtureRequest) -> Play:
    store, form = request.param
    return Play(request.getfixturevalue(store), form, f"order-{uuid.uuid4()}")
