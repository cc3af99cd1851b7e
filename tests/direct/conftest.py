"""A store that speaks directly to a server of the test's, sync and async."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from twicesafe.protocol.commands import Load
from twicesafe.protocol.records import Record
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.testing.contract import event_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from tests.direct.server import Server


class Asker:
    """Asks stores for records, sync or async."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop  # None: the sync form

    @contextmanager
    def store(self, server: Server | str, **options: Any) -> Iterator[DynamoDBStore]:
        """A store at the server; its time limits are those of a slow machine."""
        endpoint = server if isinstance(server, str) else server.endpoint
        options = {"connect_timeout": 20, "read_timeout": 20, "tries": 2, **options}
        store = DynamoDBStore("records", connection="direct", endpoint=endpoint, **options)
        try:
            yield store
        finally:
            store.close()

    def load(self, store: DynamoDBStore, key: str = "order#1") -> Record | None:
        """What the store has under the key."""
        load = Load(key)
        record = store.apply(load) if self.loop is None else self.loop.run_until_complete(store.apply_async(load))
        assert record is None or isinstance(record, Record)
        return record

    def ask(self, store: DynamoDBStore, key: str = "order#1") -> str | None:
        """The key of that."""
        record = self.load(store, key)
        return record and record.key


@pytest.fixture(scope="session")
def shared_loop() -> Iterator[asyncio.AbstractEventLoop]:
    with event_loop() as loop:
        yield loop


@pytest.fixture(params=["sync", "async"])
def asker(request: pytest.FixtureRequest, shared_loop: asyncio.AbstractEventLoop) -> Asker:
    return Asker(shared_loop if request.param == "async" else None)
