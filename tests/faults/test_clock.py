"""A host whose clock is wrong: times are corrected by the Date of DynamoDB's answers."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.faults.delivery import Worker
from twicesafe.idempotent import idempotent
from twicesafe.protocol.commands import Load
from twicesafe.stores.dynamodb import DynamoDBStore

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from tests.faults.proxy import FaultProxy

HOUR = 3_600


@pytest.fixture(params=["direct", "botocore"])
def fresh(proxy: FaultProxy, table: str, request: pytest.FixtureRequest) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore(table, connection=request.param, endpoint=proxy.endpoint)
    yield store
    store.close()


def load(store: DynamoDBStore, form: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
    if loop is None or form == "sync":
        store.apply(Load("nothing"))
    else:
        loop.run_until_complete(store.apply_async(Load("nothing")))


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("ahead", [HOUR, -HOUR, 10, -10])
def test_the_difference_is_known_after_one_answer_and_said_once(
    fresh: DynamoDBStore,
    proxy: FaultProxy,
    loop: asyncio.AbstractEventLoop,
    form: str,
    ahead: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy.clock = ahead
    assert fresh.clock_offset() == 0
    for _ in range(3):
        load(fresh, form, loop)
        assert abs(fresh.clock_offset() - ahead * 1000) < 2_000
    (said,) = [record for record in caplog.records if record.name == "twicesafe"]
    assert said.levelno == logging.WARNING
    assert ("behind" if ahead > 0 else "ahead of") in said.getMessage()


@pytest.mark.parametrize("form", ["sync", "async"])
def test_clocks_that_agree_are_left_alone(
    fresh: DynamoDBStore,
    loop: asyncio.AbstractEventLoop,
    form: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(10):
        load(fresh, form, loop)
        assert fresh.clock_offset() == 0
    assert not [record for record in caplog.records if record.name == "twicesafe"]


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_handler_on_a_host_whose_clock_is_wrong_runs_and_replays(
    fresh: DynamoDBStore, proxy: FaultProxy, ahead: int
) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000, aws_request_id="1")
    runs: list[str] = []

    @idempotent(store=fresh, key=lambda event: event["order"], name="handler")
    def handler(event: dict[str, str], context: object) -> int:
        runs.append(event["order"])
        return len(runs)

    proxy.clock = ahead
    load(fresh, "sync")
    for order in (f"{os.urandom(8).hex()}/1", f"{os.urandom(8).hex()}/2"):
        assert handler({"order": order}, context) == handler({"order": order}, context) == len(runs)
    assert len(runs) == 2


def test_a_refusal_tells_the_time_too(fresh: DynamoDBStore, proxy: FaultProxy, worker: Worker) -> None:
    worker.deliver()
    proxy.clock = HOUR
    duplicate = Worker(fresh, worker._effects, None, worker.key)
    duplicate.deliver()
    assert abs(fresh.clock_offset() - HOUR * 1000) < 2_000
