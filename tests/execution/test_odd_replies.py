"""Replies that raise when they are looked at: the effect is done, so it is recorded as done, and never had again."""

from __future__ import annotations

import asyncio
import types
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, decisions_made
from twicesafe import UnkeptReply, UnserializableReply, idempotent, on_decision, step
from twicesafe.protocol.records import Status
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class UnboundProxy:
    """As werkzeug's LocalProxy and Django's lazy objects, with nothing behind it."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("working outside of request context")

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...

    @property
    def __await__(self) -> Any:
        raise RuntimeError("working outside of request context")

    def __bool__(self) -> bool:
        raise RuntimeError("working outside of request context")


class BoundProxy:
    """The same with a dict behind it; it has a class's methods for all that any object may have."""

    @property
    def __class__(self) -> Any:
        return dict

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...

    @property
    def __await__(self) -> Any:
        raise AttributeError("dict has no __await__")


class HasEverything:
    """As the clients of xmlrpc and some boxes for settings: whatever is asked for is there."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self


class RaisesAtAnyAttribute:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no attributes")


class RaisesInItsType(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("no attributes")


class OfAClassThatRaises(metaclass=RaisesInItsType):
    pass


class DictThatRaises(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise KeyError("not today")

    def items(self) -> Any:
        raise KeyError("not today")

    def __iter__(self) -> Any:
        raise KeyError("not today")


class TextThatRaises(str):
    __slots__ = ()

    def lower(self) -> str:
        raise ValueError("no lower case")

    def __str__(self) -> str:
        raise ValueError("no text")

    def encode(self, *_: Any) -> bytes:
        raise ValueError("no bytes")


class TruthThatRaises:
    """As an array of numpy's, of more than one element."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


class NumberThatRaises(int):
    def __ge__(self, other: object) -> bool:
        raise ArithmeticError("not ordered")

    def __int__(self) -> int:
        raise ArithmeticError("no number")


def recursive() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def with_a_name_of_halves() -> object:
    kind = type("Odd", (), {})
    kind.__qualname__ = "\ud83d\ude00"
    return kind()


ODD: dict[str, Callable[[], Any]] = {
    "a proxy with nothing behind it": UnboundProxy,
    "a proxy": BoundProxy,
    "an object that has everything": HasEverything,
    "an object that raises at any attribute": RaisesAtAnyAttribute,
    "an object of a class that raises": OfAClassThatRaises,
    "a mock": MagicMock,
    "a namespace": lambda: types.SimpleNamespace(a=1),
    "a dict that raises": lambda: DictThatRaises(statusCode=200),
    "a generator inside of a dict": lambda: {"lines": (line for line in "ab")},
    "an ellipsis": lambda: ...,
    "a number of 5,000 digits": lambda: 10**5000,
    "bytes that are no text": lambda: [b"\xff", memoryview(b"\xff")],
    "a list that contains itself": recursive,
    "an infinity": lambda: [float("inf"), Decimal("Infinity"), float("nan")],
    "a class": lambda: Status,
    "halves of a surrogate pair": lambda: ["\ud83d", "\ud83d\ude00", "\ude00"],
    "an object with halves in its type's name": with_a_name_of_halves,
    "a text that raises": lambda: {"a": TextThatRaises("x")},
}
OF_HTTP: dict[str, Callable[[], Any]] = {
    **ODD,
    "a mock of a dict": lambda: Mock(spec=dict),
    "a status of infinity": lambda: {"statusCode": float("-inf")},
    "a status of a Decimal's infinity": lambda: {"statusCode": Decimal("Infinity")},
    "a status that raises": lambda: {"statusCode": NumberThatRaises(200)},
    "a status that is a proxy": lambda: {"statusCode": UnboundProxy()},
    "a header's name that raises": lambda: {"statusCode": 200, "headers": {TextThatRaises("X"): "1"}},
    "headers that raise": lambda: {"statusCode": 200, "headers": DictThatRaises(a="1")},
}
OF_A_QUEUE: dict[str, Callable[[], Any]] = {
    **ODD,
    "failures whose truth raises": lambda: {"batchItemFailures": TruthThatRaises()},
    "failures that are a proxy": lambda: {"batchItemFailures": UnboundProxy()},
}


def heard(call: Callable[[], Any]) -> object:
    """Return the error of ours that it raises, or what it returns."""
    try:
        return call()
    except UnkeptReply as error:
        return error


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("odd", ODD)
def test_a_function_that_returns_it_runs_once(odd: str, form: str) -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, name="work", key=lambda: "one")
    def work() -> Any:
        calls.append(1)
        return ODD[odd]()

    @idempotent(store=store, name="work", key=lambda: "one")
    async def work_async() -> Any:
        calls.append(1)
        return ODD[odd]()

    for _ in range(3):
        heard(work if form == "sync" else lambda: asyncio.run(work_async()))
        store.advance(60)
    assert calls == [1]
    assert store.record.status is Status.COMPLETED


@pytest.mark.parametrize("odd", OF_HTTP)
def test_a_handler_behind_http_that_returns_it_runs_once(odd: str) -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, name="work")
    def handler(event: Any, context: Any) -> Any:
        calls.append(1)
        return OF_HTTP[odd]()

    for _ in range(3):
        heard(lambda: handler(s.http_api(), Context()))
        store.advance(90)
    assert calls == [1]
    assert store.record.status is Status.COMPLETED


@pytest.mark.parametrize("odd", OF_A_QUEUE)
def test_a_handler_of_a_queue_that_returns_it_runs_once(odd: str) -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, name="work")
    def handler(event: Any, context: Any) -> Any:
        calls.append(1)
        return OF_A_QUEUE[odd]()

    for _ in range(3):
        heard(lambda: handler({"Records": [s.sqs()]}, Context()))
        store.advance(90)
    assert calls == [1]
    assert store.record.status is Status.COMPLETED


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("options", [{}, {"at_most_once": True}])
def test_a_step_that_returns_it_is_recorded_at_once(
    tmp_path: Path, options: dict[str, Any], odd: str, form: str
) -> None:
    store, calls = SqliteStore(tmp_path / "records.db"), []

    def charge() -> Any:
        calls.append(1)
        return ODD[odd]()

    async def charge_async() -> Any:
        return charge()

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> None:
        heard(lambda: step("charge", charge, **options))
        raise ConnectionError

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work_async() -> None:
        try:
            await step("charge", charge_async, **options)
        except UnkeptReply:
            raise ConnectionError from None
        raise ConnectionError

    for _ in range(3):
        with pytest.raises(ConnectionError):
            work() if form == "sync" else asyncio.run(work_async())
    assert calls == [1]
    store.close()


def test_what_recovers_a_step_may_return_it_too() -> None:
    store, calls = Clocked(), []

    def charge() -> None:
        calls.append("charge")
        raise TimeoutError

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> Any:
        return step("charge", charge, recover=lambda: calls.append("find") or UnboundProxy(), settles_after=0)

    with pytest.raises(TimeoutError):
        work()
    for _ in range(2):
        with pytest.raises(UnserializableReply):
            work()
    assert calls == ["charge", "find"]


def test_the_reason_is_heard_by_the_first_caller_and_by_each_later_one() -> None:
    handler = idempotent(store=Clocked(), name="work")(lambda event, context: {"statusCode": float("inf"), "a": proxy})
    proxy = UnboundProxy()
    reasons = []
    for _ in range(2):
        with pytest.raises(UnserializableReply) as error:
            handler(s.http_api(), Context())
        reasons.append(error.value.reason)
    assert reasons[0] == reasons[1] != ""


class Interrupts:
    """An object that raises as if a signal came, as often as it is told to."""

    def __init__(self, times: int, ending: type[BaseException]) -> None:
        self.times = times
        self.ending = ending

    def __bool__(self) -> bool:
        if self.times:
            self.times -= 1
            raise self.ending
        return False


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_an_interrupt_while_a_reply_is_judged_comes_once_it_is_recorded(
    on_unknown: Any, times: int, ending: type[BaseException]
) -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, name="work", on_unknown=on_unknown)
    def handler(event: Any, context: Any) -> Any:
        calls.append(1)
        return {"batchItemFailures": Interrupts(times, ending)}

    event = {"Records": [s.sqs()]}
    with decisions_made() as made, pytest.raises(ending):
        handler(event, Context())
    assert store.record.status is Status.COMPLETED
    heard(lambda: handler(event, Context()))
    assert calls == [1]
    assert made[0].verdict == "ran"


class InterruptsAsText:
    """A dataclass that raises as if a signal came when its members are asked for, once."""

    times = 1

    @property
    def __dict__(self) -> Any:
        if type(self).times:
            type(self).times -= 1
            raise KeyboardInterrupt
        return {}

    __dataclass_fields__: Any = {}


def test_an_interrupt_while_a_steps_result_is_judged_comes_once_it_is_recorded() -> None:
    store, calls = Clocked(), []

    def charge() -> list[InterruptsAsText]:
        calls.append(1)
        return [InterruptsAsText()]

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> None:
        heard(lambda: step("charge", charge))

    with pytest.raises(KeyboardInterrupt):
        work()
    work()
    assert calls == [1]


# Final errors


class Final(Exception):
    """Named as final."""


class WithAnOddText(Final):
    def __str__(self) -> str:
        raise ValueError("no text")


class WithOddArguments(Final):
    @property
    def args(self) -> Any:  # type: ignore[override]
        raise ValueError("no arguments")


class WithAnOddState(Final):
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise ValueError("no attributes")


class WithAnOddReduction(Final):
    def __reduce__(self) -> Any:
        raise ValueError("not to be pickled")


ERRORS: dict[str, Callable[[], Final]] = {
    "an odd text": WithAnOddText,
    "odd arguments": WithOddArguments,
    "odd attributes": WithAnOddState,
    "an odd reduction": WithAnOddReduction,
    "half a surrogate pair": lambda: Final("\ud800"),
    "both halves": lambda: Final("\ud83d\ude00"),
    "a proxy": lambda: Final(UnboundProxy()),
    "an object that raises": lambda: Final(RaisesAtAnyAttribute()),
    "a list that contains itself": lambda: Final(recursive()),
    "bytes": lambda: Final(b"\xff", ..., 10**5000),
}


@pytest.mark.parametrize("odd", ERRORS)
def test_a_final_error_with_anything_in_it_is_recorded_and_heard_again(tmp_path: Path, odd: str) -> None:
    store, calls = SqliteStore(tmp_path / "records.db"), []

    @idempotent(store=store, name="work", final_errors=(Final,), key=lambda: "once")
    def work() -> None:
        calls.append(1)
        error = ERRORS[odd]()
        raise error

    for _ in range(3):
        with pytest.raises(Final):
            work()
    assert calls == [1]
    store.close()


class OfAnOddClass(Exception):
    """As a proxy of an error whose context is gone."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("working outside of request context")

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...


def test_an_error_that_raises_when_it_is_looked_at_releases_the_claim() -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, name="work", key=lambda: "one", final_errors=(Final,))
    def work() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OfAnOddClass
        return "done"

    with pytest.raises((OfAnOddClass, RuntimeError)):
        work()
    assert (work(), calls) == ("done", [1, 1])


# Hooks


def test_a_hook_that_exits_comes_after_the_record_and_costs_no_reply() -> None:
    store, calls, exits = Clocked(), [], [SystemExit]

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        calls.append(1)
        return "done"

    @on_decision
    def leave(_: object) -> None:
        if exits:
            raise exits.pop()

    try:
        with pytest.raises(SystemExit):
            work()
        assert store.record.status is Status.COMPLETED
        assert (work(), calls) == ("done", [1])
    finally:
        from twicesafe import decisions

        decisions._hooks.remove(leave)
