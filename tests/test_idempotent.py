"""The decorator, as a user meets it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial, wraps
from typing import Any
from unittest.mock import MagicMock

import pytest

import twicesafe
from twicesafe import idempotent, step
from twicesafe.protocol.commands import Complete, SaveStep, StoreCommand, StoreReply
from twicesafe.stores.dynamodb.layout import Layout
from twicesafe.stores.dynamodb.templates import iam_policy
from twicesafe.stores.memory import MemoryStore


class Context:
    """As Lambda gives it."""

    aws_request_id = "request-1"

    def __init__(self, remaining: int = 10_000) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


@dataclass
class Order:
    id: str
    lines: list[str]


@dataclass
class Receipt:
    order: Order
    total: int


class Failing(MemoryStore):
    """A store that gives no answer to some commands, applied or not."""

    def __init__(self, kind: type, *, applied: bool, error: twicesafe.TwicesafeError | None = None) -> None:
        super().__init__()
        self.error = error or twicesafe.StoreUnavailable("failing", "it was told to")
        self.kind = kind
        self.applied = applied

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if not isinstance(command, self.kind):
            return super().apply(command)
        if self.applied:
            super().apply(command)
        raise self.error


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def sqs(*ids: str, fifo: bool = False) -> dict[str, Any]:
    name = "orders.fifo" if fifo else "orders"
    return {"Records": [sqs_record(one, name) for one in ids]}


def sqs_record(one: str, queue: str) -> dict[str, Any]:
    attributes = {"MessageGroupId": one[0], "MessageDeduplicationId": one} if queue.endswith(".fifo") else {}
    return {
        "messageId": one,
        "receiptHandle": os.urandom(4).hex(),
        "body": f'{{"order": "{one}"}}',
        "attributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{queue}",
    }


def http(key: str | None, body: str = "{}") -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "POST /orders",
        "rawPath": "/orders",
        "headers": {"idempotency-key": key} if key else {},
        "requestContext": {"http": {"method": "POST", "path": "/orders"}, "domainName": "x.execute-api.amazonaws.com"},
        "body": body,
        "isBase64Encoded": False,
    }


def test_a_second_call_gets_the_first_reply_with_its_types(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store)
    def fulfil(order: Order, total: int = 3) -> Receipt:
        calls.append(order)
        return Receipt(order, total)

    first = fulfil(Order("o-1", ["a"]))
    assert fulfil(order=Order("o-1", ["a"]), total=3) == first == Receipt(Order("o-1", ["a"]), 3)
    assert fulfil(Order("o-2", ["a"])) != first
    assert len(calls) == 2


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_a_falsy_reply_is_a_reply(store: MemoryStore, value: object) -> None:
    replies = iter([value, "again"])
    answer = idempotent(store=store)(lambda: next(replies))
    assert [answer(), answer()] == [value, value]


def test_an_async_function_is_protected_too(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store)
    async def charge(amount: int) -> tuple[int, ...]:
        calls.append(amount)
        await asyncio.sleep(0)
        return (amount,)

    async def twice() -> list[tuple[int, ...]]:
        return [await charge(3), await charge(3)]

    assert asyncio.run(twice()) == [(3,), (3,)]
    assert calls == [3]


def test_methods_are_keyed_without_self(store: MemoryStore) -> None:
    calls = []

    class Shop:
        @idempotent(store=store)
        def sell(self, item: str) -> str:
            calls.append(("sell", item))
            return item

        @classmethod
        @idempotent(store=store)
        def open(cls, town: str) -> str:
            calls.append(("open", town))
            return town

        @idempotent(store=store)
        @staticmethod
        def tax(amount: int) -> int:
            calls.append(("tax", str(amount)))
            return amount

    assert Shop().sell("book") == Shop().sell("book") == "book"
    assert Shop.open("Bern") == Shop().open("Bern") == "Bern"
    assert Shop.tax(1) == Shop().tax(1) == 1
    assert calls == [("sell", "book"), ("open", "Bern"), ("tax", "1")]


def test_partials_and_callable_objects_are_functions(store: MemoryStore) -> None:
    calls = []

    class Add:
        def __call__(self, left: int, right: int) -> int:
            calls.append((left, right))
            return left + right

    added, three = idempotent(store=store)(Add()), idempotent(store=store, name="three")(partial(Add(), 3))
    assert [added(1, 2), added(1, 2), three(4), three(4)] == [3, 3, 7, 7]
    assert calls == [(1, 2), (3, 4)]


def test_calls_of_a_callable_object_differ_by_all_their_arguments(store: MemoryStore) -> None:
    class Add:
        def __call__(self, left: int, right: int) -> int:
            return left + right

    class More(Add):
        pass

    for added in (idempotent(store=store, name="add")(Add()), idempotent(store=store, name="more")(More())):
        assert [added(1, 2), added(5, 2), added(1, right=7)] == [3, 7, 8]


def test_what_a_partial_holds_is_part_of_its_key(store: MemoryStore) -> None:
    def power(base: int, exponent: int = 1, *, modulus: int = 1000) -> int:
        return base**exponent % modulus

    made = [partial(power, 2), partial(power, 3), partial(power, 3, modulus=7), partial(partial(power, 3), modulus=5)]
    protected = [idempotent(store=store)(one) for one in made]
    assert [one(2) for one in protected] == [one(2) for one in made] == [4, 9, 2, 4]
    assert [one(exponent=2) for one in protected] == [4, 9, 2, 4]


def test_what_a_partial_of_a_method_belongs_to_is_not(store: MemoryStore) -> None:
    class Shop:
        def sell(self, item: str) -> str:
            return item

    sell = idempotent(store=store)(partial(Shop.sell, Shop()))
    assert [sell("book"), sell("pen"), sell(item="book")] == ["book", "pen", "book"]


def test_another_decorator_below_changes_nothing(store: MemoryStore) -> None:
    calls = []

    def traced(function: Any) -> Any:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    class Shop:
        @idempotent(store=store)
        @traced
        def sell(self, item: str) -> str:
            calls.append(item)
            return item

    assert [Shop().sell("book"), Shop().sell(item="book"), Shop().sell("pen")] == ["book", "book", "pen"]
    assert calls == ["book", "pen"]


@pytest.mark.parametrize("context", [None, Context()])
def test_a_handler_may_be_called_by_keywords(store: MemoryStore, context: Any) -> None:
    seen = []
    handler = idempotent(store=store)(lambda event, context: seen.append(event["Records"][0]["messageId"]))
    handler(sqs("a"), context)
    handler(context=context, event=sqs("a", "b"))
    handler(sqs("b"), context=context)
    assert seen == ["a", "b"]


def test_a_bound_method_can_be_a_handler(store: MemoryStore) -> None:
    seen = []

    class App:
        def handle(self, event: Any, context: Any) -> None:
            seen.append(event["Records"][0]["messageId"])

    idempotent(store=store)(App().handle)(sqs("a", "b", "a"), None)
    assert seen == ["a", "b"]


def test_what_no_event_can_be_is_a_plain_argument(store: MemoryStore) -> None:
    orders = []
    fulfil = idempotent(store=store)(lambda order, context: orders.append(order))
    for _ in range(2):
        fulfil(Order("o-1", []), {"why": "a function may call its second parameter so"})
    assert orders == [Order("o-1", [])]


@pytest.mark.parametrize("context", [MagicMock(), {}, object()])
def test_a_stand_in_for_the_context_is_no_part_of_a_key(store: MemoryStore, context: Any) -> None:
    seen = []
    if isinstance(context, MagicMock):
        context.get_remaining_time_in_millis.return_value = 5_000
    handler = idempotent(store=store)(lambda event, context: seen.append(1))
    handler(sqs("a"), context)
    handler(sqs("a"), context)
    assert seen == [1]


def test_what_yields_is_refused_at_decoration(store: MemoryStore) -> None:
    def lines() -> Any:
        yield 1

    async def async_lines() -> Any:
        yield 1

    for function in (lines, async_lines, partial(lines)):
        with pytest.raises(twicesafe.ConfigurationError, match="yields"):
            idempotent(store=store)(function)


def test_what_has_not_run_is_not_recorded_as_done(store: MemoryStore) -> None:
    ran = []

    async def charge() -> int:
        ran.append(1)
        return 1

    hidden = idempotent(store=store, name="hidden")(lambda: charge())
    handler = idempotent(store=store, name="handler")(lambda event, context: charge())
    later = idempotent(store=store, name="later")(lambda: (ran.append(one) for one in "ab"))
    for call in (hidden, partial(handler, sqs("a"), Context()), later):
        for _ in range(2):
            with pytest.raises(twicesafe.ConfigurationError, match="has not run"):
                call()
    assert ran == []


def test_an_async_function_that_is_hidden_below_a_decorator_is_named_in_the_error(store: MemoryStore) -> None:
    async def charge() -> int:
        return 1

    @wraps(charge)
    def traced() -> Any:
        return charge()

    with pytest.raises(twicesafe.ConfigurationError, match="right above the 'async def'"):
        idempotent(store=store)(traced)()


def test_the_wrapper_keeps_name_docstring_and_signature(store: MemoryStore) -> None:
    def charge(amount: int, *, note: str = "") -> int:
        """Charge it."""
        return amount

    async def charge_async(amount: int) -> int:
        """Charge it, async."""
        return amount

    for function in (charge, charge_async, partial(charge, note="x")):
        protected = idempotent(store=store)(function)
        inside = function.func if isinstance(function, partial) else function
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            assert getattr(protected, name) == getattr(inside, name)
        assert inspect.signature(protected) == inspect.signature(function)
        assert inspect.iscoroutinefunction(protected) == inspect.iscoroutinefunction(function)


def test_another_payload_under_the_same_key_is_refused(store: MemoryStore) -> None:
    charge = idempotent(store=store, key=lambda order, total: order)(lambda order, total: total)
    charge("o-1", 1)
    with pytest.raises(twicesafe.PayloadMismatch):
        charge("o-1", 2)


def test_a_key_with_a_missing_part_is_an_error_before_any_effect(store: MemoryStore) -> None:
    calls = []
    handler = idempotent(store=store, key="[a, b]")(lambda event, context: calls.append(event))
    with pytest.raises(twicesafe.MissingKey, match=r"\[1\]"):
        handler({"a": 1}, Context())
    assert calls == []


def test_an_exception_releases_the_claim_and_is_not_hidden(store: MemoryStore) -> None:
    attempts = []

    @idempotent(store=store)
    def flaky() -> int:
        attempts.append(twicesafe.current_execution().attempt)
        if len(attempts) == 1:
            raise ZeroDivisionError("first")
        return 7

    with pytest.raises(ZeroDivisionError, match="first"):
        flaky()
    assert (flaky(), flaky(), attempts) == (7, 7, [1, 2])


def test_a_final_error_is_raised_again_as_the_same_class(store: MemoryStore) -> None:
    class CardDeclined(Exception):
        pass

    calls = []

    @idempotent(store=store, final_errors=(CardDeclined,))
    def charge() -> None:
        calls.append(1)
        raise CardDeclined("o-1", 49)

    for _ in range(2):
        with pytest.raises(CardDeclined) as caught:
            charge()
        assert caught.value.args == ("o-1", 49)
    assert calls == [1]


def test_a_reply_that_cannot_be_kept_is_done_and_never_runs_again(store: MemoryStore) -> None:
    calls = []
    odd = idempotent(store=store, name="odd")(lambda: calls.append(1) or object())
    for _ in range(2):
        with pytest.raises(twicesafe.UnserializableReply):
            odd()
    assert calls == [1]


def test_a_recursion_on_its_own_key_is_an_error_at_once(store: MemoryStore) -> None:
    @idempotent(store=store)
    def around(depth: int) -> Any:
        return around(depth)

    with pytest.raises(twicesafe.KeyAlreadyHeld):
        around(1)


def test_a_protected_function_inside_another_has_its_own_key(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store)
    def inner(n: int) -> int:
        calls.append(n)
        return n

    outer = idempotent(store=store, name="outer")(lambda: [inner(1), inner(2), inner(1)])
    assert (outer(), calls) == ([1, 2, 1], [1, 2])


def test_32_threads_at_once_run_it_once(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store, on_conflict="wait")
    def slow() -> int:
        calls.append(1)
        time.sleep(0.05)
        return 5

    with ThreadPoolExecutor(32) as pool:
        assert {one.result() for one in [pool.submit(slow) for _ in range(32)]} == {5}
    assert calls == [1]


def test_a_duplicate_of_a_running_call_hears_when_to_try_again(store: MemoryStore) -> None:
    running, over = threading.Event(), threading.Event()

    @idempotent(store=store)
    def slow() -> bool:
        running.set()
        return over.wait(5)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow)
        running.wait(5)
        with pytest.raises(twicesafe.InProgress) as caught:
            slow()
        over.set()
        assert first.result()
    assert 1 <= caught.value.retry_after <= 33


# Batches


def test_each_message_is_a_delivery_and_a_failure_does_not_stop_the_others(store: MemoryStore) -> None:
    seen: list[str] = []
    broken = {"b"}

    @idempotent(store=store)
    def handler(event: Any, context: Any) -> None:
        (record,) = event["Records"]
        seen.append(record["messageId"])
        if record["messageId"] in broken:
            raise ValueError(record["messageId"])

    with pytest.raises(ValueError, match="b"):
        handler(sqs("a", "b", "c"), Context())
    broken.clear()
    assert handler(sqs("c", "b", "a"), Context()) is None
    assert seen == ["a", "b", "c", "b"]


def test_failures_are_reported_where_the_mapping_asks_for_it(store: MemoryStore) -> None:
    @idempotent(store=store, report_failures=True)
    def handler(event: Any, context: Any) -> None:
        if event["Records"][0]["messageId"] != "a":
            raise ValueError

    answer = handler(sqs("a", "b", "c"), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}


def test_in_a_fifo_group_nothing_after_a_failure_runs(store: MemoryStore) -> None:
    seen = []

    @idempotent(store=store, report_failures=True)
    def handler(event: Any, context: Any) -> None:
        seen.append(event["Records"][0]["messageId"])
        if seen[-1] == "a1":
            raise ValueError

    answer = handler(sqs("a1", "b1", "a2", "b2", fifo=True), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "a1"}, {"itemIdentifier": "a2"}]}
    assert seen == ["a1", "b1", "b2"]


def test_the_handlers_own_word_counts(store: MemoryStore) -> None:
    seen = []

    @idempotent(store=store)
    def handler(event: Any, context: Any) -> Any:
        one = event["Records"][0]["messageId"]
        seen.append(one)
        return {"batchItemFailures": [{"itemIdentifier": one}] if one == "b" and seen.count("b") == 1 else []}

    assert handler(sqs("a", "b"), Context()) == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert handler(sqs("a", "b"), Context()) == {"batchItemFailures": []}
    assert seen == ["a", "b", "b"]


def test_a_batch_can_be_kept_whole(store: MemoryStore) -> None:
    sizes = []
    handler = idempotent(store=store, unit="event", name="whole")(
        lambda event, context: sizes.append(len(event["Records"]))
    )
    for _ in range(2):
        handler(sqs("a", "b"), Context())
    assert sizes == [2]


# HTTP


def test_http_replays_for_its_key_and_runs_openly_without_one(store: MemoryStore) -> None:
    sources = []

    @idempotent(store=store)
    def handler(event: Any, context: Any) -> Any:
        execution = twicesafe.current_execution()
        sources.append((execution.source, execution.key is not None))
        return {"statusCode": 201, "body": str(len(sources))}

    bodies = [handler(http(key), Context())["body"] for key in ("k-1", "k-1", None, None)]
    assert bodies == ["1", "1", "2", "3"]
    assert sources == [("http-api", True), ("http-api", False), ("http-api", False)]


def test_http_hears_422_for_another_payload_and_400_without_a_required_key(store: MemoryStore) -> None:
    handler = idempotent(store=store, require_key=True, name="h")(lambda event, context: {"statusCode": 200})
    assert handler(http("k", '{"a": 1}'), Context())["statusCode"] == 200
    assert handler(http("k", '{"a": 2}'), Context())["statusCode"] == 422
    assert handler(http(None), Context())["statusCode"] == 400
    assert handler(http("k" * 256), Context())["statusCode"] == 400


def test_a_reply_of_5xx_is_given_and_not_kept(store: MemoryStore) -> None:
    statuses = iter([503, 200, 500])
    handler = idempotent(store=store, name="h")(lambda event, context: {"statusCode": next(statuses)})
    assert [handler(http("k"), Context())["statusCode"] for _ in range(3)] == [503, 200, 200]


# Ends of all kinds


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_releases_the_claim(store: MemoryStore, ending: type[BaseException]) -> None:
    endings = iter([ending, None])

    @idempotent(store=store)
    def work() -> str:
        if (error := next(endings)) is not None:
            raise error
        return "done"

    with pytest.raises(ending):
        work()
    assert work() == "done"


def test_an_interrupt_of_what_must_never_run_again_leaves_it_unknown(store: MemoryStore) -> None:
    @idempotent(store=store, on_unknown="raise", lease=1)
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    with pytest.raises(twicesafe.InProgress):
        work()


def test_a_cancelled_task_releases_the_claim(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store)
    async def work() -> str:
        calls.append(1)
        if len(calls) == 1:
            await asyncio.sleep(30)
        return "done"

    async def cancel_and_retry() -> str:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await work()

    assert asyncio.run(cancel_and_retry()) == "done"


def test_a_lost_lease_that_is_swallowed_completes_nothing(store: MemoryStore) -> None:
    @idempotent(store=store)
    def handler(event: Any, context: Any) -> str:
        time.sleep(0.03)
        try:
            step("late", lambda: "effect")
        except Exception:
            return "swallowed"
        return "not reached"

    with pytest.raises(twicesafe.LeaseLost):
        handler(sqs("a"), Context(remaining=20))
    with pytest.raises(twicesafe.LeaseLost):
        handler(sqs("a"), Context(remaining=20))


def test_no_time_left_is_no_claim(store: MemoryStore) -> None:
    calls = []
    handler = idempotent(store=store, name="h")(lambda event, context: calls.append(1))
    with pytest.raises(twicesafe.NotEnoughTime):
        handler(sqs("a"), Context(remaining=0))
    assert calls == []


def test_a_step_in_a_thread_left_over_is_refused_before_its_effect(store: MemoryStore) -> None:
    import contextvars

    over, effects, heard = threading.Event(), [], []

    def late() -> None:
        over.wait(5)
        try:
            step("late", effects.append, 1)
        except twicesafe.TwicesafeError as error:
            heard.append(error)

    threads = []

    @idempotent(store=store)
    def work() -> None:
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(late,)))
        threads[0].start()

    work()
    over.set()
    threads[0].join()
    assert effects == []
    assert isinstance(heard[0], twicesafe.LeaseLost)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_records_nothing(store: MemoryStore) -> None:
    @idempotent(store=store)
    def handler(event: Any, context: Any) -> str:
        child = os.fork()
        if child == 0:
            try:
                step("child", lambda: 1)
            except twicesafe.WrongProcess:
                os._exit(7)
            os._exit(0)
        return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    handler_key: dict[str, Any] = {"custom": 1}
    assert handler(handler_key, Context()) == "7"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_was_frozen_past_its_lease_runs_no_further_step(tmp_path: Any) -> None:
    url, marker = f"sqlite:///{tmp_path}/r.db", tmp_path / "effects"

    @idempotent(store=url)
    def handler(event: Any, context: Any) -> None:
        (tmp_path / "started").touch()
        time.sleep(0.3)
        step("late", marker.touch)

    child = os.fork()
    if child == 0:
        try:
            handler(sqs("a"), Context(remaining=600))
        except twicesafe.LeaseLost:
            os._exit(9)
        os._exit(0)
    end = time.monotonic() + 10
    while not (tmp_path / "started").exists() and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(child, signal.SIGSTOP)
    time.sleep(0.7)
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not marker.exists()


# Steps, and a store that does not answer


def test_a_recorded_step_is_not_run_again(store: MemoryStore) -> None:
    effects = []

    def charge(amount: int, idempotency_key: str) -> str:
        effects.append(idempotency_key)
        return f"charge of {amount}"

    @idempotent(store=store)
    def handler(event: Any, context: Any) -> str:
        charged = step("charge", charge, 49)
        if twicesafe.current_execution().attempt == 1:
            raise ConnectionError
        return charged

    with pytest.raises(ConnectionError):
        handler({"direct": 1}, Context())
    assert handler({"direct": 1}, Context()) == "charge of 49"
    assert len(effects) == 1
    assert effects[0][14] == "8"


def test_two_steps_of_one_name_are_an_error(store: MemoryStore) -> None:
    effects = []

    @idempotent(store=store)
    def work() -> None:
        for one in (1, 2):
            step("mail", effects.append, one)

    with pytest.raises(twicesafe.DuplicateStep):
        work()
    assert effects == [1]


def test_a_loop_tells_its_steps_apart(store: MemoryStore) -> None:
    effects = []

    @idempotent(store=store)
    def work() -> None:
        for one in (1, 2):
            step("mail", effects.append, one, each=one)

    work()
    assert effects == [1, 2]


def test_outside_of_a_protected_function_a_step_just_runs() -> None:
    assert step("add", lambda a, b: a + b, 1, 2) == 3


@pytest.mark.parametrize("error", [None, twicesafe.ConfigurationError("the file became read-only")])
@pytest.mark.parametrize("applied", [True, False])
def test_a_completion_without_an_answer_gives_the_reply_on_the_error(applied: bool, error: Any) -> None:
    store = Failing(Complete, applied=applied, error=error)
    work = idempotent(store=store, name="w")(lambda: 42)
    with pytest.raises(twicesafe.NotRecorded) as caught:
        work()
    assert caught.value.reply == 42


def test_a_step_without_an_answer_ends_the_execution_and_its_result_goes_along() -> None:
    store, effects = Failing(SaveStep, applied=False), []

    @idempotent(store=store)
    def work() -> str:
        with contextlib.suppress(twicesafe.StoreUnavailable):  # as users do
            step("one", effects.append, 1)
        return "reply"

    with pytest.raises(twicesafe.StoreUnavailable):
        work()
    store.kind = type(None)
    assert work() == "reply"
    assert effects == [1]


def test_decisions_reach_the_hooks_and_a_broken_hook_changes_nothing(store: MemoryStore) -> None:
    seen: list[twicesafe.Decision] = []

    @twicesafe.on_decision
    def broken(decision: twicesafe.Decision) -> None:
        seen.append(decision)
        raise ValueError("a hook's own trouble")

    from twicesafe import decisions

    try:
        work = idempotent(store=store, name="w")(lambda: 1)
        assert [work(), work()] == [1, 1]
    finally:
        decisions._hooks.remove(broken)
    assert [one.verdict for one in seen] == ["ran", "replayed"]


@pytest.mark.parametrize(
    "options",
    [
        {"on_conflict": "maybe"},
        {"on_unknown": "hope"},
        {"unit": "half"},
        {"payload": True},
        {"lease": 0},
        {"lease": 3600},
        {"expires_after": -1},
        {"final_errors": ("x",)},
        {"final_errors": ValueError},
        {"final_errors": [ValueError]},
        {"final_errors": (KeyboardInterrupt,)},
        {"final_errors": (BaseException,)},
        {"final_errors": (twicesafe.InProgress,)},
        {"store": 3},
        {"scope": "requestContext.user"},
        {"name": ""},
        {"name": 3},
        {"key": "[["},
        {"key": 3},
    ],
)
def test_a_wrong_option_is_an_error_at_decoration(options: dict[str, Any]) -> None:
    with pytest.raises(twicesafe.ConfigurationError):
        idempotent(**options)(lambda: 1)


def test_on_lambda_a_missing_store_or_a_local_one_is_an_error_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    for options in ({}, {"store": "sqlite:////tmp/records.db"}):
        with pytest.raises(twicesafe.ConfigurationError):
            idempotent(**options)(lambda: 1)  # type: ignore[call-overload]


def test_on_lambda_a_key_begins_as_the_policy_of_its_function_asks(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    handler = idempotent(store=store)(lambda event, context: twicesafe.current_execution().key)
    (statement,) = json.loads(iam_policy(Layout("orders"), "checkout"))["Statement"]
    (pattern,) = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert fnmatchcase(handler({"order": 7}, Context()), pattern)


def test_protection_can_be_switched_off_for_a_local_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", "1")
    calls = []
    work = idempotent(lambda: calls.append(1))
    work()
    work()
    assert calls == [1, 1]
