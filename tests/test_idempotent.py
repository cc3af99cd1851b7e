"""The decorator, as a user meets it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
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
from tests.keys import samples
from tests.stand_ins import Context, Failing
from twicesafe import idempotent, step
from twicesafe.protocol.commands import Complete, SaveStep
from twicesafe.stores.dynamodb.layout import Layout
from twicesafe.stores.dynamodb.templates import iam_policy
from twicesafe.stores.memory import MemoryStore


@dataclass
class Order:
    id: str
    lines: list[str]


@dataclass
class Receipt:
    order: Order
    total: int


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def sqs(*ids: str) -> dict[str, Any]:
    return {"Records": [samples.sqs(message_id=one) for one in ids]}


def test_a_second_call_gets_the_first_reply_with_its_types(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store, name="fulfil")
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
    answer = idempotent(store=store, name="work", key=lambda: "once")(lambda: next(replies))
    assert [answer(), answer()] == [value, value]


def test_an_async_function_is_protected_too(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store, name="charge")
    async def charge(amount: int) -> tuple[int, ...]:
        calls.append(amount)
        await asyncio.sleep(0)
        return (amount,)

    async def twice() -> list[tuple[int, ...]]:
        return [await charge(3), await charge(3)]

    assert asyncio.run(twice()) == [(3,), (3,)]
    assert calls == [3]


def test_class_methods_and_static_methods_are_keyed_by_their_arguments(store: MemoryStore) -> None:
    calls = []

    class Shop:
        @classmethod
        @idempotent(store=store, name="open")
        def open(cls, town: str) -> str:
            calls.append(("open", town))
            return town

        @idempotent(store=store, name="tax")
        @staticmethod
        def tax(amount: int) -> int:
            calls.append(("tax", str(amount)))
            return amount

    assert Shop.open("Bern") == Shop().open("Bern") == "Bern"
    assert Shop.tax(1) == Shop().tax(1) == 1
    assert calls == [("open", "Bern"), ("tax", "1")]


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
    protected = [idempotent(store=store, name="power")(one) for one in made]
    assert [one(2) for one in protected] == [one(2) for one in made] == [4, 9, 2, 4]
    assert [one(exponent=2) for one in protected] == [4, 9, 2, 4]


def test_a_partial_of_a_method_is_keyed_by_what_the_key_names(store: MemoryStore) -> None:
    class Shop:
        def sell(self, item: str) -> str:
            return item

    sell = idempotent(store=store, name="sell", key=lambda item: item)(partial(Shop.sell, Shop()))
    assert [sell("book"), sell("pen"), sell(item="book")] == ["book", "pen", "book"]


def test_another_decorator_below_changes_nothing(store: MemoryStore) -> None:
    calls = []

    def traced(function: Any) -> Any:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    class Shop:
        @idempotent(store=store, name="sell", key=lambda item: item)
        @traced
        def sell(self, item: str) -> str:
            calls.append(item)
            return item

    assert [Shop().sell("book"), Shop().sell(item="book"), Shop().sell("pen")] == ["book", "book", "pen"]
    assert calls == ["book", "pen"]


@pytest.mark.parametrize("context", [None, Context()])
def test_a_handler_may_be_called_by_keywords(store: MemoryStore, context: Any) -> None:
    seen = []
    handler = idempotent(store=store, name="handler")(
        lambda event, context: seen.append(event["Records"][0]["messageId"])
    )
    handler(sqs("a"), context)
    handler(context=context, event=sqs("a", "b"))
    handler(sqs("b"), context=context)
    assert seen == ["a", "b"]


def test_a_bound_method_can_be_a_handler(store: MemoryStore) -> None:
    seen = []

    class App:
        def handle(self, event: Any, context: Any) -> None:
            seen.append(event["Records"][0]["messageId"])

    idempotent(store=store, name="app")(App().handle)(sqs("a", "b", "a"), None)
    assert seen == ["a", "b"]


def test_what_no_event_can_be_is_a_plain_argument(store: MemoryStore) -> None:
    orders = []
    fulfil = idempotent(store=store, name="handler")(lambda order, context: orders.append(order))
    for _ in range(2):
        fulfil(Order("o-1", []), {"why": "a function may call its second parameter so"})
    assert orders == [Order("o-1", [])]


@pytest.mark.parametrize("context", [MagicMock(), {}, object()])
def test_a_stand_in_for_the_context_is_no_part_of_a_key(store: MemoryStore, context: Any) -> None:
    seen = []
    if isinstance(context, MagicMock):
        context.get_remaining_time_in_millis.return_value = 5_000
    handler = idempotent(store=store, name="handler")(lambda event, context: seen.append(1))
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

    hidden = idempotent(store=store, name="hidden", key=lambda: "once")(lambda: charge())
    handler = idempotent(store=store, name="handler")(lambda event, context: charge())
    later = idempotent(store=store, name="later", key=lambda: "once")(lambda: (ran.append(one) for one in "ab"))
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
        idempotent(store=store, name="traced", key=lambda: "once")(traced)()


def test_the_wrapper_keeps_name_docstring_and_signature(store: MemoryStore) -> None:
    def charge(amount: int, *, note: str = "") -> int:
        """Charge it."""
        return amount

    async def charge_async(amount: int) -> int:
        """Charge it, async."""
        return amount

    for function in (charge, charge_async, partial(charge, note="x")):
        protected = idempotent(store=store, name="charge")(function)
        inside = function.func if isinstance(function, partial) else function
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            assert getattr(protected, name) == getattr(inside, name)
        assert inspect.signature(protected) == inspect.signature(function)
        assert inspect.iscoroutinefunction(protected) == inspect.iscoroutinefunction(function)


def test_another_payload_under_the_same_key_is_refused(store: MemoryStore) -> None:
    charge = idempotent(store=store, key=lambda order, total: order, name="handler")(lambda order, total: total)
    charge("o-1", 1)
    with pytest.raises(twicesafe.PayloadMismatch):
        charge("o-1", 2)


def test_a_key_with_a_missing_part_is_an_error_before_any_effect(store: MemoryStore) -> None:
    calls = []
    handler = idempotent(store=store, key="[a, b]", name="handler")(lambda event, context: calls.append(event))
    with pytest.raises(twicesafe.MissingKey, match=r"\[1\]"):
        handler({"a": 1}, Context())
    assert calls == []


def test_an_exception_releases_the_claim_and_is_not_hidden(store: MemoryStore) -> None:
    attempts = []

    @idempotent(store=store, name="flaky", key=lambda: "once")
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

    @idempotent(store=store, final_errors=(CardDeclined,), name="charge", key=lambda: "once")
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
    odd = idempotent(store=store, name="odd", key=lambda: "once")(lambda: calls.append(1) or object())
    for _ in range(2):
        with pytest.raises(twicesafe.UnserializableReply):
            odd()
    assert calls == [1]


def test_a_recursion_on_its_own_key_is_an_error_at_once(store: MemoryStore) -> None:
    @idempotent(store=store, name="around")
    def around(depth: int) -> Any:
        return around(depth)

    with pytest.raises(twicesafe.KeyAlreadyHeld):
        around(1)


def test_a_protected_function_inside_another_has_its_own_key(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store, name="inner")
    def inner(n: int) -> int:
        calls.append(n)
        return n

    outer = idempotent(store=store, name="outer", key=lambda: "once")(lambda: [inner(1), inner(2), inner(1)])
    assert (outer(), calls) == ([1, 2, 1], [1, 2])


def test_32_threads_at_once_run_it_once(store: MemoryStore) -> None:
    calls = []

    @idempotent(store=store, on_conflict="wait", name="slow", key=lambda: "once")
    def slow() -> int:
        calls.append(1)
        time.sleep(0.05)
        return 5

    with ThreadPoolExecutor(32) as pool:
        assert {one.result() for one in [pool.submit(slow) for _ in range(32)]} == {5}
    assert calls == [1]


def test_a_duplicate_of_a_running_call_hears_when_to_try_again(store: MemoryStore) -> None:
    running, over = threading.Event(), threading.Event()

    @idempotent(store=store, name="slow", key=lambda: "once")
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


# A store that does not answer


@pytest.mark.parametrize("error", [None, twicesafe.ConfigurationError("the file became read-only")])
@pytest.mark.parametrize("applied", [True, False])
def test_a_completion_without_an_answer_gives_the_reply_on_the_error(applied: bool, error: Any) -> None:
    store = Failing(Complete, applied=applied, error=error)
    work = idempotent(store=store, name="w", key=lambda: "once")(lambda: 42)
    with pytest.raises(twicesafe.NotRecorded) as caught:
        work()
    assert caught.value.reply == 42


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (twicesafe.StoreUnavailable("s", "Read timeout: h did not answer"), "confirm it: Read timeout: h did not an"),
        (twicesafe.ConfigurationError("The store may not be used. Do this."), "confirm it: The store may not be used."),
    ],
)
@pytest.mark.parametrize("final", [True, False])
def test_a_completion_without_an_answer_says_why(error: Any, said: str, final: bool) -> None:
    def fails() -> None:
        if final:
            raise ValueError("no")

    work = idempotent(
        store=Failing(Complete, error=error), name="work", final_errors=(ValueError,), key=lambda: "once"
    )(fails)
    with pytest.raises(twicesafe.NotRecorded, match=said) as caught:
        work()
    assert caught.value.reason == getattr(error, "reason", str(error))
    assert ".." not in str(caught.value)


def test_a_step_without_an_answer_ends_the_execution_and_its_result_goes_along() -> None:
    store, effects = Failing(SaveStep, applied=False), []

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        with contextlib.suppress(twicesafe.StoreUnavailable):  # as users do
            step("one", effects.append, 1)
        return "reply"

    with pytest.raises(twicesafe.StoreUnavailable):
        work()
    store.kind = type(None)
    assert work() == "reply"
    assert effects == [1]


async def _who_async(event: Any) -> str:
    return "ann"


class _AsyncCaller:
    async def __call__(self, event: Any) -> str:
        return "ann"

    async def who(self, event: Any) -> str:
        return "ann"


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
        {"store": 3},
        {"scope": "requestContext.user"},
        {"scope": _who_async},
        {"scope": partial(_who_async)},
        {"scope": _AsyncCaller()},
        {"scope": _AsyncCaller().who},
        {"scope": lambda event: (yield event)},
        {"name": ""},
        {"name": 3},
        {"key": "[["},
        {"persistence_store": None},
        {"key": 3},
    ],
)
def test_a_wrong_option_is_an_error_at_decoration(options: dict[str, Any]) -> None:
    with pytest.raises(twicesafe.ConfigurationError):
        idempotent(**{"name": "work", **options})(lambda order: order)


def _key_of_event(event: Any, context: Any) -> str | None:
    return twicesafe.current_execution().key


def test_on_lambda_a_key_begins_as_the_policy_of_its_function_asks(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    handler = idempotent(store=store)(_key_of_event)
    (statement,) = json.loads(iam_policy(Layout("orders"), "checkout"))["Statement"]
    (pattern,) = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert fnmatchcase(handler({"order": 7}, Context()), pattern)


def test_an_option_that_there_is_not_is_named_with_those_that_there_are() -> None:
    options: dict[str, Any] = {"event_key_jmespath": "id"}
    with pytest.raises(twicesafe.ConfigurationError, match=r"no option event_key_jmespath=\. Its options are .*key"):
        idempotent(**options)(_key_of_event)
