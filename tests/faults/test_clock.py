"""A host whose clock is wrong: DynamoDB's answers correct it, before anything follows from them."""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from tests.faults.delivery import Worker
from tests.faults.proxy import answer
from tests.stand_ins import Context
from twicesafe.cli.commands import commands
from twicesafe.errors import InProgress, StoreUnavailable
from twicesafe.execution.current import current_execution, instant
from twicesafe.idempotent import idempotent
from twicesafe.protocol.commands import Claim, Claimed, Load
from twicesafe.protocol.records import Millis, Record, Seconds
from twicesafe.stores.base import deadline
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb.clock import wall
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from tests.faults.proxy import Exchange, FaultProxy

HOUR = 3_600
WRONG = (HOUR, -HOUR, 60, -60, 3, -3)
"""Seconds that the host's clock is behind DynamoDB's, or ahead of it."""
NEARLY = 2_500
"""Milliseconds: a Date has whole seconds, and an answer takes its time on a busy machine."""
REMAINING = 10_000


@pytest.fixture(params=["direct", "botocore"])
def fresh(proxy: FaultProxy, table: str, request: pytest.FixtureRequest) -> Iterator[DynamoDBStore]:
    """A cold process's store: no answer has come yet."""
    store = DynamoDBStore(table, connection=request.param, endpoint=proxy.endpoint, connect_timeout=5, read_timeout=20)
    yield store
    store.close()


@pytest.fixture
def known(proxy: FaultProxy, table: str) -> Iterator[DynamoDBStore]:
    """The store of a process that knows DynamoDB's time."""
    store = DynamoDBStore(table, endpoint=proxy.endpoint, connect_timeout=5, read_timeout=20)
    yield store
    store.close()


@pytest.fixture
def order() -> str:
    return f"order-{os.urandom(8).hex()}"


def load(store: DynamoDBStore, form: str = "sync", loop: asyncio.AbstractEventLoop | None = None) -> None:
    if loop is None or form == "sync":
        store.apply(Load("nothing"))
    else:
        loop.run_until_complete(store.apply_async(Load("nothing")))


@pytest.fixture(params=["sync", "async"])
def deliver(loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Deliver an order to a handler that calls a function, with a Lambda context or without one."""

    def deliver(
        store: DynamoDBStore,
        order: str,
        does: Callable[[], Any] = lambda: None,
        *,
        remaining: int | None = REMAINING,
        **options: Any,
    ) -> Any:
        context = None if remaining is None else Context(remaining)
        options = {"store": store, "key": lambda event: event["order"], "name": "handler", **options}

        async def handler(event: Any, context: Any) -> Any:
            return does()

        if request.param == "sync":
            return idempotent(**options)(lambda event, context: does())({"order": order}, context)
        coroutine = idempotent(**options)(handler)({"order": order}, context)
        return loop.run_until_complete(coroutine)

    return deliver


def asked_again(commands: list[str]) -> list[str]:
    """The commands, of which a claim was made once more, or twice where the right time is known more closely then."""
    once: list[str] = []
    for command in commands:
        if not once or once[-1] != command:
            once.append(command)
    while once[:4] == ["claim", "replace", "claim", "replace"]:
        del once[:2]
    assert commands.count("claim") >= 2
    return once


def record(store: DynamoDBStore, order: str) -> Record:
    """The record of an order."""
    found: Any = store.apply(Load(key_of(order)))
    assert isinstance(found, Record)
    return found


def key_of(order: str) -> str:
    """The key that a delivery of the order has."""
    keys: list[str] = []
    probe = idempotent(store=MemoryStore(), key=lambda event: event["order"], name="handler")
    probe(lambda event, context: keys.append(current_execution().key or ""))({"order": order}, None)
    return keys[0]


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


@pytest.mark.parametrize("remaining", [REMAINING, None])
@pytest.mark.parametrize("ahead", WRONG)
def test_the_first_delivery_runs_under_a_lease_that_is_right(
    deliver: Callable[..., Any],
    fresh: DynamoDBStore,
    proxy: FaultProxy,
    order: str,
    ahead: int,
    remaining: int | None,
) -> None:
    proxy.clock = ahead
    seen: list[Record] = []

    def does() -> str:
        seen.append(record(fresh, order))
        return "paid"

    assert deliver(fresh, order, does, remaining=remaining) == "paid"
    assert asked_again(proxy.commands) == ["claim", "replace", "load", "complete"]
    now = time.time_ns() // 1_000_000 + ahead * 1000
    (held,) = seen
    assert abs(held.lease_until - now - (remaining or 30_000) - 2_000) < NEARLY
    assert abs(held.started - now) < NEARLY
    proxy.commands.clear()
    assert deliver(fresh, order, does) == "paid"
    deliver(fresh, f"{order}-2")
    assert proxy.commands == ["claim", "claim", "complete"]


def test_a_claim_that_was_refused_for_its_signature_is_put_right_too(
    known: DynamoDBStore, proxy: FaultProxy, order: str, deliver: Callable[..., Any]
) -> None:
    proxy.clock = HOUR
    said = b'{"__type": "x#InvalidSignatureException", "message": "Signature expired: is now earlier than"}'
    proxy.befall("claim", says(400, said, OWN, ahead=HOUR))
    seen: list[int] = []
    deliver(known, order, lambda: seen.append(record(known, order).lease_until - instant(known).wall))
    assert asked_again(proxy.commands) == ["claim", "replace", "load", "complete"]
    assert proxy.commands.count("claim") >= 3
    assert abs(seen[0] - REMAINING - 2_000) < NEARLY


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
@pytest.mark.parametrize("ahead", WRONG)
def test_a_cold_process_takes_no_live_claim_over(
    deliver: Callable[..., Any],
    fresh: DynamoDBStore,
    known: DynamoDBStore,
    proxy: FaultProxy,
    order: str,
    ahead: int,
    on_unknown: str,
) -> None:
    proxy.clock = ahead
    load(known)
    runs: list[str] = []

    def does() -> str:
        runs.append("first")
        proxy.commands.clear()
        with pytest.raises(InProgress) as conflict:
            deliver(fresh, order, lambda: runs.append("second"), on_unknown=on_unknown)
        assert asked_again(proxy.commands) == ["claim"]
        assert abs(conflict.value.retry_in - REMAINING - 2_000) < NEARLY
        return "paid"

    handler = idempotent(store=known, key=lambda event: event["order"], name="handler", on_unknown=on_unknown)  # type: ignore[call-overload] # one of two
    assert handler(lambda event, context: does())({"order": order}, Context(REMAINING)) == "paid"
    assert runs == ["first"]
    assert record(known, order).attempt == 1


@pytest.mark.parametrize("ahead", WRONG)
def test_a_cold_process_takes_over_what_fell_silent(
    deliver: Callable[..., Any], fresh: DynamoDBStore, known: DynamoDBStore, proxy: FaultProxy, order: str, ahead: int
) -> None:
    proxy.clock = ahead
    load(known)
    now = instant(known).wall
    claim = Claim(key_of(order), "ann", Millis(now - 60_000), Millis(now - 10_000), Seconds(now // 1000 + 3_600))
    assert isinstance(known.apply(claim), Claimed)
    proxy.commands.clear()
    assert deliver(fresh, order, lambda: "paid") == "paid"
    assert asked_again(proxy.commands) == ["claim", "replace", "complete"]
    assert record(known, order).attempt == 2


def test_a_reply_does_not_expire_sooner_for_a_clock_that_is_ahead(
    deliver: Callable[..., Any], fresh: DynamoDBStore, known: DynamoDBStore, proxy: FaultProxy, order: str
) -> None:
    proxy.clock = -HOUR
    load(known)
    runs: list[str] = []
    for store in (known, fresh):
        deliver(store, order, lambda: runs.append("paid"), expires_after=HOUR // 2)
    assert runs == ["paid"]


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_deadline_is_as_far_away_as_it_was_when_the_clock_is_corrected(
    deliver: Callable[..., Any], fresh: DynamoDBStore, proxy: FaultProxy, order: str, ahead: int
) -> None:
    proxy.clock = ahead
    seen: list[int] = []

    def does() -> None:
        execution = current_execution()
        seen.append((execution.deadline or 0) - instant(fresh).wall)
        seen.append(execution.remaining_time() or 0)
        seen.append((deadline.get() or 0) - wall())

    deliver(fresh, order, does)
    assert all(REMAINING - NEARLY < left <= REMAINING for left in seen), seen


def test_a_list_shows_states_by_the_right_time(
    proxy: FaultProxy, known: DynamoDBStore, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time_ns() // 1_000_000
    known.apply(Claim(order, "ann", Millis(now), Millis(now + 60_000), Seconds(now // 1000 + 9_999)))
    proxy.clock = HOUR
    url = f"dynamodb://faults?endpoint={proxy.endpoint}"
    commands(["records", "list", "--prefix", order, "--json", "--store", url], standalone_mode=False)
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["state"] == "unknown"


def test_a_refusal_tells_the_time_too(fresh: DynamoDBStore, proxy: FaultProxy, worker: Worker) -> None:
    worker.deliver()
    proxy.clock = HOUR
    duplicate = Worker(fresh, worker._effects, None, worker.key)
    duplicate.deliver()
    assert abs(fresh.clock_offset() - HOUR * 1000) < 2_000


# Whose Date it is

OWN = {"x-amzn-requestid": "R", "content-type": "application/x-amz-json-1.0"}
BOXES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "a page": (503, b"<html>Service Unavailable</html>", {"content-type": "text/html"}),
    "a page that is called DynamoDB's": (503, b"<html>Service Unavailable</html>", OWN),
    "an empty answer": (503, b"", OWN),
    "a message in JSON": (503, b'{"message": "Service Unavailable"}', {"content-type": "application/json"}),
    "a message in JSON that is called DynamoDB's": (503, b'{"message": "Service Unavailable"}', OWN),
    "an error of DynamoDB's without its marks": (500, b'{"__type": "x#InternalServerError"}', {}),
    "a page instead of a reply": (200, b"<html>Log in</html>", {"content-type": "text/html"}),
    "a page instead of a reply that is called DynamoDB's": (200, b"<html>Log in</html>", OWN),
    "another service's reply": (200, b'{"ok": true}', {"content-type": "application/json"}),
    "an empty object": (200, b"{}", {"content-type": "application/json"}),
}


def says(status: int, body: bytes, headers: dict[str, str], ahead: int) -> Callable[[Exchange], None]:
    """Answer so, with a clock of its own."""
    dated = {**headers, "date": formatdate(time.time() + ahead, usegmt=True)}
    return lambda exchange: exchange.answer(answer(status, body, dated))


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("box", BOXES)
def test_the_clock_of_a_box_in_between_says_nothing(
    fresh: DynamoDBStore, proxy: FaultProxy, loop: asyncio.AbstractEventLoop, box: str, form: str
) -> None:
    proxy.befall("load", says(*BOXES[box], ahead=60), times=3)
    with suppress(StoreUnavailable):
        load(fresh, form, loop)
    assert fresh.clock_offset() == 0


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("mark", ["x-amzn-requestid", "x-amz-crc32", "content-type"])
@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (500, b'{"__type":"x#InternalServerError"}')])
def test_the_clock_of_dynamodb_is_believed_by_any_of_its_marks(
    fresh: DynamoDBStore,
    proxy: FaultProxy,
    loop: asyncio.AbstractEventLoop,
    form: str,
    mark: str,
    status: int,
    body: bytes,
) -> None:
    marks = {**OWN, "x-amz-crc32": str(crc32(body))}
    proxy.befall("load", says(status, body, {mark: marks[mark]}, ahead=60), times=3)
    with suppress(StoreUnavailable):
        load(fresh, form, loop)
    assert abs(fresh.clock_offset() - 60_000) < NEARLY
