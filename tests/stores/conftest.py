"""The stores that there are: a store's fixture, and its name in the list, and it is compared with memory."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twicesafe.protocol.commands import StoreCommand, StoreReply
    from twicesafe.stores.base import Store

STORES = ["sqlite", "sqlite_in_turn", "dynamodb", "dynamodb_by_botocore"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


class InTurn(SqliteStore):
    """Two stores on one file, as two processes would have them: what one knows, the other has changed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.other = SqliteStore(path)
        self._turns = cycle([super().apply, super().apply, self.other.apply])

    def apply(self, command: StoreCommand, /) -> StoreReply:
        return next(self._turns)(command)


@pytest.fixture
def sqlite_in_turn(path: Path) -> Iterator[InTurn]:
    store = InTurn(path)
    yield store
    store.close()
    store.other.close()


@pytest.fixture(scope="session")
def dynamodb(dynamodb_endpoint: str) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore("records", endpoint=dynamodb_endpoint, connection="direct", read_timeout=20)
    store.create_table()
    yield store
    store.close()


@pytest.fixture(scope="session")
def dynamodb_by_botocore(dynamodb: DynamoDBStore, dynamodb_endpoint: str) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore("records", endpoint=dynamodb_endpoint, connection="botocore", read_timeout=20)
    yield store
    store.close()


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest) -> Store:
    store: Store = request.getfixturevalue(request.param)
    return store
