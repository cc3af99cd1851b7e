"""What a call is made into: which calls are one, and how long they are it."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock
from uuid import UUID

import pytest
from pydantic import BaseModel

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, decisions_made, restarted, until
from twicesafe import (
    InProgress,
    KeyAlreadyHeld,
    MissingKey,
    NotEnoughTime,
    PayloadMismatch,
    ReplyTooLarge,
    UnserializableReply,
    UnusableKey,
    current_execution,
    deliveries,
    idempotent,
)
from twicesafe.protocol.policy import ALLOWANCE, LONGEST_LEASE
from twicesafe.stores.memory import MemoryStore
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 86_400


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass
class Order:
    id: str
    note: str = ""


class Model(BaseModel):
    id: str
    total: Decimal


@pytest.fixture
def store() -> Clocked:
    return Clocked()


# Which calls are one


ALIKE: list[tuple[Any, Any, Any]] = [
    (Order("1"), Order("1"), Order("2")),
    (Order("1", "a"), Order("1", "a"), Order("1", "b")),
    (Model(id="1", total=Decimal("1.0")), Model(id="1", total=Decimal("1.00")), Model(id="1", total=Decimal(2))),
    (Decimal("1.10"), Decimal("1.1"), Decimal("1.2")),
    (1, 1.0, 2),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2, "b": 1}),
    ({"a", "b"}, {"b", "a"}, {"a"}),
    (Size.SMALL, Size.SMALL, Size.LARGE),
    (UUID(int=1), UUID(int=1), UUID(int=2)),
    (b"\x00", bytearray(b"\x00"), b"0"),
    (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 2)),
    ("caf\u00e9", "caf\u00e9", "cafe"),
    (None, None, False),
    (0, 0, ""),
]


@pytest.mark.parametrize(("one", "alike", "other"), ALIKE)
def test_equal_arguments_are_one_call_and_others_are_not(store: Clocked, one: Any, alike: Any, other: Any) -> None:
    calls: list[Any] = []
    work = idempotent(store=store, name="w")(lambda value: calls.append(value))
    for value in (one, alike, other, one):
        work(value)
    assert calls == [one, other]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object(), {"deep": [lambda: 1]}])
def test_an_argument_without_a_text_is_refused_before_any_effect(store: Clocked, value: Any) -> None:
    calls: list[Any] = []
    with pytest.raises(UnusableKey):
        idempotent(store=store, name="w")(lambda value: calls.append(value))(value)
    assert calls == []
    assert store._records == {}


def test_a_key_of_the_users_own_may_leave_such_an_argument_out(store: Clocked) -> None:
    calls: list[str] = []
    work = idempotent(store=store, key=lambda order, client: order, payload=False, name="handler")(
        lambda order, client: calls.append(order)
    )
    work("o-1", object())
    work("o-1", client=object())
    assert calls == ["o-1"]


def test_what_must_not_change_can_be_less_than_all(store: Clocked) -> None:
    charge = idempotent(
        store=store, key=lambda order, **_: order, payload=lambda order, amount, **_: amount, name="work"
    )(lambda order, amount, note: note)
    assert [charge("o-1", amount=1, note=note) for note in "ab"] == ["a", "a"]
    with pytest.raises(PayloadMismatch):
        charge("o-1", amount=2, note="a")


def test_a_name_keeps_the_key_over_a_rename(store: Clocked) -> None:
    def before(order: str) -> str:
        return "before"

    def after(order: str) -> str:
        return "after"

    assert idempotent(store=store, name="charge")(before)("o-1") == "before"
    assert idempotent(store=store, name="charge")(after)("o-1") == "before"
    assert [idempotent(store=store)(one)("o-1") for one in (before, after)] == ["before", "after"]


def test_two_functions_of_one_event_do_not_suppress_each_other(store: Clocked) -> None:
    seen: list[str] = []
    for name in ("mail", "invoice"):
        idempotent(store=store, name=name)(lambda event, context, name=name: seen.append(name))(
            {"Records": [s.sqs()]}, Context()
        )
    assert seen == ["mail", "invoice"]


def test_a_missing_part_of_the_users_key_is_an_error_before_any_effect(store: Clocked) -> None:
    calls: list[int] = []
    handler = idempotent(store=store, key="[user, order]", name="handler")(lambda event, context: calls.append(1))
    with pytest.raises(MissingKey):
        handler({"user": 1}, Context())
    assert calls == []


def test_the_users_own_key_protects_what_has_none(store: Clocked) -> None:
    calls: list[int] = []
    handler = idempotent(store=store, key="authorizationToken", name="handler")(lambda event, context: calls.append(1))
    event = s.SAMPLES["token authorizer"][0]
    handler(event, Context())
    handler(event, Context())
    assert calls == [1]


def test_a_direct_invocation_is_the_same_for_lambdas_own_retries_alone(store: Clocked) -> None:
    calls: list[int] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: calls.append(1))
    for request in ("r-1", "r-1", "r-2"):
        handler({"order": 1}, Context(request=request))
    assert len(calls) == 2
    handler({"order": 1}, None)
    handler({"order": 1}, None)
    assert len(calls) == 4


# For how long


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, DAY), ({"expires_after": 90}, 90), ({"expires_after": timedelta(days=7)}, 7 * DAY)]
)
def test_a_reply_is_honoured_for_that_long(store: Clocked, options: dict[str, Any], seconds: int) -> None:
    calls: list[int] = []
    work = idempotent(store=store, name="work", **options, key=lambda: "once")(lambda: calls.append(1))
    work()
    store.advance(seconds - 2)
    work()
    assert len(calls) == 1
    store.advance(40)  # the expiry counts from the end of the work, and is rounded up to whole seconds
    work()
    assert len(calls) == 2


@pytest.mark.parametrize("options", [{}, {"key": "Records[0].messageId"}], ids=["its own key", "the user's key"])
def test_an_expiry_that_a_redelivery_outlives_is_warned_of_once(
    store: Clocked, options: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_warned", set())
    handler = idempotent(store=store, name="handler", expires_after=60, **options)(lambda event, context: None)
    for _ in range(2):
        handler(s.SAMPLES["sqs"][0], Context())
    (warning,) = [record for record in caplog.records if "expires_after=" in record.message]
    assert "60 s, and sqs can deliver the same event again for up to 1209600 s" in warning.message


@pytest.mark.parametrize(("name", "days"), [("sqs", 14), ("sns", 23), ("eventbridge", 30 / 24), ("http api", 1)])
def test_by_default_longer_than_the_source_delivers_again(store: Clocked, name: str, days: float) -> None:
    calls: list[int] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: calls.append(1))
    handler(s.SAMPLES[name][0], Context())
    store.advance(days * DAY - 60)
    handler(s.SAMPLES[name][0], Context())
    assert len(calls) == 1
    store.advance(600)
    handler(s.SAMPLES[name][0], Context())
    assert len(calls) == 2


def test_a_function_inside_is_remembered_as_long_as_the_event_around_it(store: Clocked) -> None:
    calls: list[int] = []
    inner = idempotent(store=store, name="inner", key=lambda: "once")(lambda: calls.append(1))

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        inner()
        if current_execution().attempt == 1:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        handler({"Records": [s.sqs()]}, Context())
    store.advance(10 * DAY)
    handler({"Records": [s.sqs()]}, Context())
    assert calls == [1]


# The platform's deadline


@pytest.mark.parametrize("remaining", [0, -5])
def test_no_time_left_is_no_claim(store: Clocked, remaining: int) -> None:
    calls: list[int] = []
    with pytest.raises(NotEnoughTime):
        idempotent(store=store, name="handler")(lambda event, context: calls.append(1))(
            {"Records": [s.sqs()]}, Context(remaining)
        )
    assert calls == []
    assert store._records == {}


def test_the_lease_is_the_deadline_and_others_honour_it_an_allowance_longer(store: Clocked) -> None:
    seen: list[Any] = []

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        execution = current_execution()
        seen.append((execution.deadline, execution.remaining_time(), store.record.lease_until))

    handler({"Records": [s.sqs()]}, Context(remaining=60_000))
    ((deadline, remaining, lease_until),) = seen
    assert abs(lease_until - deadline - ALLOWANCE) < 100  # each is read off the clocks at its own moment
    assert 0 < remaining <= 60_000


def test_a_function_inside_ends_with_the_deadline_around_it(store: Clocked) -> None:
    deadlines: list[Any] = []
    inner = idempotent(store=store, name="inner", key=lambda: "once")(
        lambda: deadlines.append(current_execution().deadline)
    )

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        deadlines.append(current_execution().deadline)
        inner()

    handler({"Records": [s.sqs()]}, Context())
    assert deadlines[0] == deadlines[1]


@pytest.mark.parametrize(
    "remaining", [16 * 60_000, 3_600_000, 5_400_000, 10**12, 10**400, 1e300, *map(float, ("inf", "nan"))]
)
def test_a_context_with_more_time_than_lambda_gives_makes_no_corrupt_record(store: Clocked, remaining: Any) -> None:
    refused: list[InProgress] = []
    elsewhere = Clocked()
    elsewhere._records = store._records

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        with pytest.raises(InProgress) as conflict:
            idempotent(store=elsewhere, name="handler")(lambda event, context: None)(event, context)
        refused.append(conflict.value)

    handler({"Records": [s.sqs()]}, Context(remaining))
    (conflict,) = refused
    lease = remaining if remaining <= LONGEST_LEASE else 30_000  # NaN is not
    assert 0 <= lease + ALLOWANCE - conflict.retry_in < 5_000


@pytest.mark.parametrize("remaining", [None, "abc", MagicMock()])
def test_a_context_that_says_no_time_is_one_without_a_deadline(store: Clocked, remaining: Any) -> None:
    deadlines: list[Any] = []

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        deadlines.append(current_execution().deadline)

    handler({"Records": [s.sqs()]}, Context(remaining))
    assert deadlines == [None]


@pytest.mark.parametrize("form", ["sync", "async"])
def test_a_lease_that_no_believable_deadline_bounds_is_renewed(store: Clocked, form: str) -> None:
    @idempotent(store=store, name="handler", lease=1)
    def handler(event: Any, context: Any) -> None:
        first = store.record.lease_until
        until(lambda: store.record.lease_until > first)

    @idempotent(store=store, name="handler", lease=1)
    async def async_handler(event: Any, context: Any) -> None:
        await asyncio.to_thread(handler.__wrapped__, event, context)

    event, context = {"Records": [s.sqs()]}, Context(10**12)
    if form == "sync":
        handler(event, context)
    else:
        asyncio.run(async_handler(event, context))


@pytest.mark.parametrize("remaining", [1_800_000, 5_400_000])
def test_the_longest_deadlines_of_lambda_need_no_renewal(store: Clocked, remaining: int) -> None:
    threads: list[int] = []
    idempotent(store=store, name="handler")(lambda event, context: threads.append(threading.active_count()))(
        {"Records": [s.sqs()]}, Context(remaining)
    )
    assert threads == [threading.active_count()]


def test_a_deadline_is_told_by_the_clock_of_the_store_as_it_is_known_now(store: Clocked) -> None:
    other = Clocked()
    other.offset = -3_600_000
    seen: list[int] = []
    inner = idempotent(store=other, name="inner", key=lambda: "once")(
        lambda: seen.append(current_execution().deadline or 0)
    )

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        deadline = current_execution().deadline or 0
        store.offset = 60_000
        seen.append((current_execution().deadline or 0) - deadline)
        store.offset = 0
        inner()
        seen[-1] -= deadline

    handler({"Records": [s.sqs()]}, Context())
    assert seen == [60_000, -3_600_000]


# Nested, and many at once


def test_a_call_inside_of_itself_with_other_arguments_is_another(store: Clocked) -> None:
    @idempotent(store=store, name="factorial")
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    assert factorial(5) == 120
    assert len(store._records) == 6


@pytest.mark.parametrize("on_conflict", ["raise", "wait"])
def test_a_call_inside_of_itself_is_an_error_at_once(store: Clocked, on_conflict: Any) -> None:
    @idempotent(store=store, on_conflict=on_conflict, name="around")
    def around(depth: int) -> Any:
        return around(depth)

    with pytest.raises(KeyAlreadyHeld):
        around(1)


def test_a_decorator_twice_is_an_error_at_once(store: Clocked) -> None:
    protect = idempotent(store=store, name="work", key=lambda: "once")
    with pytest.raises(KeyAlreadyHeld):
        protect(protect(lambda: 1))()


def test_the_same_key_in_another_store_is_another(store: Clocked) -> None:
    inner = idempotent(store=MemoryStore(), name="w", key=lambda: "once")(lambda: "inner")
    assert idempotent(store=store, name="w", key=lambda: "once")(lambda: inner())() == "inner"


def test_executions_of_nested_functions_are_each_their_own(store: Clocked) -> None:
    keys: list[str | None] = []

    @idempotent(store=store, name="inner", key=lambda: "once")
    def inner() -> None:
        keys.append(current_execution().key)

    @idempotent(store=store, name="outer", key=lambda: "once")
    def outer() -> None:
        keys.append(current_execution().key)
        inner()
        keys.append(current_execution().key)

    outer()
    assert keys[0] == keys[2] != keys[1]
    with pytest.raises(LookupError):
        current_execution()


@pytest.fixture(params=["memory", "sqlite"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "records.db")


def test_threads_on_one_store_keep_their_calls_apart(shared: Any) -> None:
    calls: list[int] = []

    @idempotent(store=shared, on_conflict="wait", name="work")
    def work(number: int) -> tuple[int, str | None]:
        calls.append(number)
        time.sleep(0.005)
        return number, current_execution().key

    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(work, [number % 10 for number in range(100)]))
    assert sorted(calls) == list(range(10))
    assert [number for number, _ in replies] == [number % 10 for number in range(100)]
    assert len(set(replies)) == 10


def test_tasks_on_one_store_keep_their_calls_apart(shared: Any) -> None:
    calls: list[int] = []

    @idempotent(store=shared, on_conflict="wait", name="work")
    async def work(number: int) -> tuple[int, str | None]:
        calls.append(number)
        await asyncio.sleep(0.005)
        return number, current_execution().key

    async def all_at_once() -> list[tuple[int, str | None]]:
        return await asyncio.gather(*(work(number % 10) for number in range(60)))

    replies = asyncio.run(all_at_once())
    assert sorted(calls) == list(range(10))
    assert [number for number, _ in replies] == [number % 10 for number in range(60)]
    assert len(set(replies)) == 10


def test_threads_and_tasks_meet_on_one_key(shared: Any) -> None:
    """One function's record is another's, sync or async."""
    calls: list[str] = []

    @idempotent(store=shared, name="w", on_conflict="wait", key=lambda: "once")
    def work() -> str:
        calls.append("thread")
        time.sleep(0.02)
        return "done"

    @idempotent(store=copy.copy(shared), name="w", on_conflict="wait", key=lambda: "once")
    async def work_async() -> str:
        calls.append("task")
        await asyncio.sleep(0.02)
        return "done"

    with ThreadPoolExecutor(8) as pool:
        at_once = [pool.submit(one) for one in [work, lambda: asyncio.run(work_async())] * 4]
        assert {one.result() for one in at_once} == {"done"}
    assert len(calls) == 1


def test_a_waiting_duplicate_gets_the_reply_and_a_refused_one_hears_when_to_come_again(store: Clocked) -> None:
    running, over = threading.Event(), threading.Event()

    def slow() -> str:
        running.set()
        assert over.wait(30)
        return "done"

    refuse: Callable[[], str] = idempotent(store=store, name="w", key=lambda: "once")(slow)
    wait: Callable[[], str] = idempotent(store=store, name="w", on_conflict="wait", key=lambda: "once")(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(refuse)
        assert running.wait(30)
        with pytest.raises(InProgress) as refused:
            refuse()
        second = pool.submit(wait)
        over.set()
        assert (first.result(), second.result()) == ("done", "done")
    assert 1 <= refused.value.retry_after <= 32
    assert refused.value.attempt == 1


def test_who_waits_for_a_crashed_delivery_runs_when_its_lease_is_over(store: Clocked) -> None:
    attempts: list[int] = []

    def crash() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        idempotent(store=store, name="w", on_unknown="raise", key=lambda: "once")(crash)()
    work = idempotent(store=restarted(store), name="w", on_conflict="wait", key=lambda: "once")(
        lambda: attempts.append(current_execution().attempt)
    )
    with ThreadPoolExecutor(1) as pool, decisions_made() as made:
        waiting = pool.submit(work)
        time.sleep(0.05)
        assert not waiting.done()
        store.advance(60)
        waiting.result()
    assert attempts == [2]
    assert [one.verdict for one in made] == ["ran"]


def test_who_waits_gives_up_before_the_deadline(store: Clocked) -> None:
    def crash(event: Any, context: Any) -> None:
        raise KeyboardInterrupt

    event = {"Records": [s.kinesis()]}
    with pytest.raises(KeyboardInterrupt):
        idempotent(store=store, name="h", on_unknown="raise")(crash)(event, Context())
    calls: list[int] = []
    handler = idempotent(store=restarted(store), name="h")(lambda event, context: calls.append(1))
    with pytest.raises((InProgress, NotEnoughTime)):  # the second on a slow machine
        handler(event, Context(remaining=200))
    assert calls == []


# Every source, through the decorator


@pytest.mark.parametrize("name", sorted(s.SAMPLES.keys() - {"no object"}))
def test_a_second_delivery_runs_only_where_nothing_tells_that_it_is_one(name: str, store: Clocked) -> None:
    event, source, kind, fields = s.SAMPLES[name]
    seen: list[str] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: seen.append(current_execution().source))
    with decisions_made() as made:
        for _ in range(2):
            handler(copy.deepcopy(event), Context())
    is_protected = fields is not None or kind == "explicit"  # by its identity, or by Lambda's request id
    assert [one.verdict for one in made] == (["ran", "replayed"] if is_protected else ["unprotected"] * 2)
    assert seen == [source] * (1 if is_protected else 2)


# Replies


REPLIES: list[Any] = [
    None,
    False,
    0,
    "",
    [],
    (1, ("a",)),
    {1, 2},
    frozenset("a"),
    b"\x00\xff",
    Decimal("1.10"),
    UUID(int=7),
    date(2026, 1, 1),
    timedelta(microseconds=1),
    {1: "one", "two": 2.0},
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_a_replay_is_the_first_reply_with_its_types(reply: Any, store: Clocked) -> None:
    work = idempotent(store=store, name="work", key=lambda: "once")(lambda: reply)
    first, again = work(), work()
    assert (type(first), first) == (type(again), again) == (type(reply), reply)


class Small(Clocked):
    reply_limit = 200


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_reply_over_the_limit_is_done_said_each_time_and_never_run_again(asynchronous: bool) -> None:
    store, calls = Small(), []

    def work() -> str:
        calls.append(1)
        return os.urandom(400).hex()

    async def work_async() -> str:
        return work()

    plain, coroutine = (
        idempotent(store=store, name="work", key=lambda: "once")(work),
        idempotent(store=store, name="work_async", key=lambda: "once")(work_async),
    )
    for _ in range(2):
        with pytest.raises(ReplyTooLarge) as error:
            asyncio.run(coroutine()) if asynchronous else plain()
        assert (error.value.limit, error.value.attempt) == (200, 1)
    assert calls == [1]


def test_a_reply_that_compression_brings_under_the_limit_is_kept() -> None:
    store = Small()
    work = idempotent(store=store, name="work", key=lambda: "once")(lambda: "order " * 1_000)
    assert work() == work() == "order " * 1_000
    assert len(store.record.reply or "") < Small.reply_limit


def test_what_lambda_could_not_send_is_refused_of_a_handler_and_kept_of_a_function(store: Clocked) -> None:
    handler = idempotent(store=store, name="h")(lambda event, context: {1, 2})
    for _ in range(2):
        with pytest.raises(UnserializableReply, match="runtime cannot send"):
            handler({"order": 1}, Context())
    assert idempotent(store=store, name="f", key=lambda: "once")(lambda: {1, 2})() == {1, 2}
