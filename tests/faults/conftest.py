"""A store behind a proxy, and an effect that is counted elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.delivery import Worker
from tests.faults.faults import SILENT
from tests.faults.ledger import Ledger, ledger
from tests.faults.proxy import FaultProxy
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.testing.contract import event_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def effects() -> Iterator[Ledger]:
    with ledger() as server:
        yield server


@pytest.fixture(scope="session")
def table(dynamodb_endpoint: str) -> str:
    store = DynamoDBStore("faults", endpoint=dynamodb_endpoint, read_timeout=20)
    store.create_table()
    store.close()
    return "faults"


@pytest.fixture(scope="session")
def shared_proxy(dynamodb_endpoint: str) -> Iterator[FaultProxy]:
    with FaultProxy(dynamodb_endpoint).listening() as listening:
        yield listening


@pytest.fixture
def proxy(shared_proxy: FaultProxy) -> FaultProxy:
    shared_proxy.forget()
    return shared_proxy


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for all tests: each has a client of its own."""
    with event_loop() as running:
        yield running


def opened(proxy: FaultProxy, table: str, connection: Any, read_timeout: float) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore(
        table,
        connection=connection,
        endpoint=proxy.endpoint,
        connect_timeout=5,
        read_timeout=read_timeout,
        tries=2,
    )
    yield store
    store.close()


@pytest.fixture(scope="session", params=["direct", "botocore"])
def connection(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="session")
def patient(shared_proxy: FaultProxy, table: str, connection: Any) -> Iterator[DynamoDBStore]:
    yield from opened(shared_proxy, table, connection, read_timeout=5)


@pytest.fixture(scope="session")
def impatient(shared_proxy: FaultProxy, table: str, connection: Any) -> Iterator[DynamoDBStore]:
    yield from opened(shared_proxy, table, connection, read_timeout=0.3)


@pytest.fixture
def store(patient: DynamoDBStore, impatient: DynamoDBStore, request: pytest.FixtureRequest) -> DynamoDBStore:
    """One that soon gives up where silence is the fault; else one that a slow machine does not disturb."""
    callspec = getattr(request.node, "callspec", None)
    fault = callspec.params.get("fault") if callspec else None
    return impatient if fault is None or fault in SILENT else patient


@pytest.fixture(params=["sync", "async"])
def worker(
    store: DynamoDBStore,
    effects: Ledger,
    proxy: FaultProxy,
    loop: asyncio.AbstractEventLoop,
    request: pytest.FixtureRequest,
) -> Worker:
    return Worker(store, effects, loop if request.param == "async" else None, key=f"faults#{os.urandom(8).hex()}")
