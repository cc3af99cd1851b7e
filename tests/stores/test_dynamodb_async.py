"""The async form: connections or a client for each event loop, closed with it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aiobotocore.session import get_session

from twicesafe.errors import ConfigurationError
from twicesafe.protocol.commands import Claim, Claimed, Load
from twicesafe.protocol.records import Millis, Record
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["direct", "botocore"])
def store(dynamodb: DynamoDBStore, dynamodb_endpoint: str, request: pytest.FixtureRequest) -> Iterator[DynamoDBStore]:
    """A fresh one, on a table that is there."""
    opened = DynamoDBStore("records", connection=request.param, endpoint=dynamodb_endpoint)
    yield opened
    opened.close()


@pytest.fixture
def key(store: DynamoDBStore) -> str:
    trial = Trial(store.apply)
    trial.claim("ann")
    return trial.key


async def owner_of(store: DynamoDBStore, key: str) -> str | None:
    record = await store.apply_async(Load(key))
    assert isinstance(record, Record)
    return record.owner


def test_a_host_is_found_by_its_name(dynamodb: DynamoDBStore, dynamodb_endpoint: str) -> None:
    for connection in ("direct", "botocore"):
        endpoint = dynamodb_endpoint.replace("127.0.0.1", "localhost")
        opened = DynamoDBStore("records", connection=connection, endpoint=endpoint)  # type: ignore[arg-type]
        assert asyncio.run(opened.apply_async(Load("no such key"))) is None
        opened.close()


def test_loops_may_follow_one_another(store: DynamoDBStore, key: str) -> None:
    for _ in range(4):
        assert asyncio.run(owner_of(store, key)) == "ann"
    assert store._async_connection is not None
    assert not store._async_connection._opened  # each took its client along
    gc.collect()  # what was not closed would warn now, and warnings are errors here


def test_loops_may_run_beside_one_another(store: DynamoDBStore, key: str) -> None:
    owners: list[str | None] = []
    threads = [threading.Thread(target=lambda: owners.append(asyncio.run(owner_of(store, key)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert owners == ["ann"] * 4


def test_the_tasks_of_a_loop_share_what_is_open(store: DynamoDBStore, key: str) -> None:
    async def many() -> int:
        await asyncio.gather(*(owner_of(store, key) for _ in range(20)))
        assert store._async_connection is not None
        return len(store._async_connection._opened)

    assert asyncio.run(many()) == 1


@pytest.mark.parametrize("delay", [0, 0.001, 0.01, 0.05])
def test_a_cancelled_first_task_does_not_stop_the_others(store: DynamoDBStore, key: str, delay: float) -> None:
    async def one_is_cancelled() -> str | None:
        first = asyncio.ensure_future(owner_of(store, key))
        second = asyncio.ensure_future(owner_of(store, key))
        await asyncio.sleep(delay)
        first.cancel()
        await asyncio.wait([first])
        return await second

    assert asyncio.run(one_is_cancelled()) == "ann"


def test_a_loop_that_cannot_make_its_client_says_why_each_time(
    monkeypatch: pytest.MonkeyPatch, dynamodb_endpoint: str
) -> None:
    store = DynamoDBStore("records", connection="botocore", region="eu-west-1", endpoint=dynamodb_endpoint)
    store._connection._options = store._options._replace(endpoint="nowhere")

    async def twice() -> None:
        for _ in range(2):
            asked = [store.apply_async(Load("order")) for _ in range(3)]
            errors = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(error) for error in errors] == [ConfigurationError] * 3

    asyncio.run(twice())
    store.close()


def test_a_store_may_be_closed_inside_its_loop_and_used_again(store: DynamoDBStore, key: str) -> None:
    async def closed_inside() -> str | None:
        await owner_of(store, key)
        store.close()
        return await owner_of(store, key)

    assert asyncio.run(closed_inside()) == "ann"


def test_a_store_that_is_closed_between_two_runs_of_a_loop_closes_its_client(store: DynamoDBStore, key: str) -> None:
    loop = asyncio.new_event_loop()
    for _ in range(2):
        assert loop.run_until_complete(owner_of(store, key)) == "ann"
        store.close()
    loop.close()
    gc.collect()


def test_a_client_of_the_users_own_is_taken_as_it_is_and_left_open(
    dynamodb_endpoint: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def with_their_client() -> None:
        async with get_session().create_client("dynamodb", endpoint_url=dynamodb_endpoint) as client:
            monkeypatch.delenv("AWS_DEFAULT_REGION")  # it has its own
            store = DynamoDBStore("records", async_client=client)
            assert await owner_of(store, key) == "ann"
            store.close()
            await client.get_item(TableName="records", Key={"id": {"S": key}})

    asyncio.run(with_their_client())


def in_what(store: DynamoDBStore) -> Any:
    """The thread that the store's requests are sent from."""
    threads: list[threading.Thread] = []
    send = store._connection.send
    store._connection.send = lambda *asked: threads.append(threading.current_thread()) or send(*asked)
    claim = Claim("thread", "ann", Millis(1), Millis(2), None)
    assert asyncio.run(store.apply_async(claim)) is not None
    (thread,) = set(threads)
    return thread


def test_with_a_sync_client_of_the_users_own_a_worker_thread_waits(dynamodb_by_botocore: DynamoDBStore) -> None:
    store = DynamoDBStore("records", client=dynamodb_by_botocore._connection.client)
    assert in_what(store) is not threading.main_thread()


@pytest.mark.parametrize("store", ["botocore"], indirect=True)
def test_without_aiobotocore_a_worker_thread_waits(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "twicesafe.stores.dynamodb.aiobotocore", raising=False)
    monkeypatch.setitem(sys.modules, "aiobotocore.session", None)
    assert in_what(store) is not threading.main_thread()


def test_a_claim_from_a_loop_and_one_from_a_thread_meet(store: DynamoDBStore) -> None:
    trial = Trial(store.apply)
    lease_until = Millis(trial.now + 1000)
    claim = Claim(trial.key, "bob", trial.now, lease_until, None)
    assert isinstance(asyncio.run(store.apply_async(claim)), Claimed)
    assert store.apply(claim) == Claimed(1, trial.now, lease_until, {}, 0)
