"""Names of functions: two that are not the same never share a key unnoticed."""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import nullcontext
from functools import lru_cache, partial, update_wrapper, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, MagicMock, Mock

import pytest

import twicesafe
from tests.keys import samples as s
from tests.stand_ins import Clocked, Context
from twicesafe import ConfigurationError, idempotent
from twicesafe.protocol.commands import List
from twicesafe.stores.memory import MemoryStore
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = {"Records": [s.sqs()]}


@pytest.fixture
def store() -> Clocked:
    return Clocked()


def plain(order: str) -> str:
    return f"plain {order}"


def other(order: str) -> str:
    return f"other {order}"


def unwrapped(function: Callable[..., Any]) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def wrapped(function: Callable[..., Any], greeting: Any = None) -> Any:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return (greeting or "") + function(*args, **kwargs)

    return wrapper


def made_for(tenant: str) -> Callable[[str], str]:
    def send(order: str) -> str:
        return f"{tenant} {order}"

    return send


def made_alone() -> Callable[[str], str]:
    def send(order: str) -> str:
        return order

    return send


def made_recursive() -> Callable[[int], int]:
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    return factorial


class Sender:
    def __init__(self, kind: object) -> None:
        self.kind = kind

    def __call__(self, order: str) -> str:
        return f"{self.kind} {order}"

    def send(self, order: str) -> str:
        return f"{self.kind} {order}"

    @classmethod
    def open(cls, order: str) -> str:
        return f"{cls.__name__} {order}"


class Slotted:
    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, order: str) -> str:
        return f"{self.kind} {order}"


class Wrapping:
    """A decorator that is a class, as some libraries have."""

    def __init__(self, function: Any) -> None:
        update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


AMBIGUOUS: dict[str, Any] = {
    "a lambda": lambda order: order,
    "a lambda of a module": wrapped(lambda order: order),
    "a function that takes variables from another": made_for("red"),
    "a wrapper without wraps": unwrapped(plain),
    "a wrapper with wraps around such a function": wrapped(made_for("red")),
    "a cache around such a function": lru_cache(made_for("red")),
    "a wrapping object around such a function": Wrapping(made_for("red")),
    "a partial": partial(plain, "o-1"),
    "a partial of a partial": partial(partial(plain), order="o-1"),
    "a partial of a handler": partial(lambda kind, event, context: kind, "sms"),
    "a bound method": Sender("sms").send,
    "a bound class method": Sender.open,
    "a bound method of a built-in": [].append,
}


@pytest.mark.parametrize("function", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_function_that_its_own_name_does_not_tell_from_another_needs_one(store: Clocked, function: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'@idempotent\(name="\.\.\."\)'):
        idempotent(store=store)(function)
    assert callable(idempotent(store=store, name="send")(function))


CLEAR: dict[str, Any] = {
    "a function of a module": plain,
    "a wrapper with wraps": wrapped(plain),
    "a cache": lru_cache(plain),
    "a wrapping object": Wrapping(plain),
    "a function inside of another that takes nothing from it": made_alone(),
    "a function inside of another that calls itself": made_recursive(),
    "a method": Sender.__call__,
    "a callable object": Sender("sms"),
    "a callable object with slots": Slotted("sms"),
    "a built-in": len,
}


@pytest.mark.parametrize("function", CLEAR.values(), ids=CLEAR)
def test_a_function_whose_own_name_tells_it_from_another_needs_none(store: Clocked, function: Any) -> None:
    assert callable(idempotent(store=store)(function))


def test_a_method_that_calls_super_takes_nothing_from_around_it(store: Clocked) -> None:
    class Loud(Sender):
        @idempotent(store=store, key=lambda self, order: [self.kind, order])
        def send(self, order: str) -> str:
            return super().send(order).upper()

    assert Loud("sms").send("o-1") == "SMS O-1"


# Two under one name


def call(protected: Any) -> Any:
    return protected("o-1")


PAIRS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "two functions under one name": (plain, other, {"name": "send"}),
    "two lambdas under one name": (lambda order: 1, lambda order: 2, {"name": "send"}),
    "two functions of one name with other values from the decorator around them": (
        wrapped(plain, "a"),
        wrapped(plain, "b"),
        {},
    ),
    "two callable objects": (Sender("sms"), Sender("mail"), {}),
    "two callable objects that cannot be told apart": (Sender(object()), Sender(object()), {}),
    "two callable objects with slots": (Slotted("sms"), Slotted("mail"), {}),
    "an object and a function": (Sender("sms"), plain, {"name": "send"}),
    "a built-in and another": (len, sum, {"name": "count"}),
}


@pytest.mark.parametrize(("first", "second", "options"), PAIRS.values(), ids=PAIRS)
def test_the_second_of_two_functions_with_one_name_is_refused_before_any_effect(
    store: Clocked, first: Any, second: Any, options: dict[str, Any]
) -> None:
    one, two = idempotent(store=store, **options)(first), idempotent(store=store, **options)(second)
    argument = "o-1" if first is not len else ["o-1"]
    reply = one(argument)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="Two functions have the name") as error:
            two(argument)
    assert "test_naming.py" in str(error.value)
    assert one(argument) == reply
    assert len(store._records) == 1


def test_two_handlers_with_one_name_are_refused_before_any_effect(store: Clocked) -> None:
    ran: list[str] = []
    mail = idempotent(store=store, name="h")(lambda event, context: ran.append("mail"))
    bill = idempotent(store=store, name="h")(lambda event, context: ran.append("bill"))
    mail(EVENT, Context())
    with pytest.raises(ConfigurationError, match="Two functions"):
        bill(EVENT, Context())
    assert ran == ["mail"]


def test_a_second_object_is_refused_although_the_first_is_gone(store: Clocked) -> None:
    def send(kind: str) -> Any:
        return idempotent(store=store)(Sender(kind))("o-1")

    assert send("sms") == "sms o-1"
    gc.collect()
    with pytest.raises(ConfigurationError, match="Two functions"):
        send("mail")


def test_objects_under_names_are_functions_each(store: Clocked) -> None:
    protected = [idempotent(store=store, name=kind)(Sender(kind)) for kind in ("sms", "mail")]
    assert [one("o-1") for one in protected] == ["sms o-1", "mail o-1"]


def test_one_name_in_two_stores_is_two_names() -> None:
    protected = [idempotent(store=MemoryStore(), name="send")(function) for function in (plain, other)]
    assert [one("o-1") for one in protected] == ["plain o-1", "other o-1"]


def test_a_store_that_cannot_be_hashed_is_compared_too() -> None:
    class Unhashable(MemoryStore):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return self is other

    store = Unhashable()
    idempotent(store=store, name="send")(plain)("o-1")
    other_of_it = idempotent(store=Unhashable(), name="send")(other)
    keep = idempotent(store=store, name="kept")(plain)
    keep("o-1")
    assert other_of_it("o-1") == "other o-1"
    with pytest.raises(ConfigurationError, match="Two functions"):
        idempotent(store=store, name="kept")(other)("o-1")


def test_one_function_may_be_decorated_twice(store: Clocked) -> None:
    one, two = idempotent(store=store)(plain), idempotent(store=store, on_conflict="wait")(plain)
    assert [one("o-1"), two("o-1")] == ["plain o-1"] * 2
    sender = Sender("sms")
    one, two = idempotent(store=store)(sender), idempotent(store=store)(sender)
    assert [one("o-1"), two("o-1")] == ["sms o-1"] * 2


def test_a_function_that_is_gone_has_left_its_name(store: Clocked) -> None:
    idempotent(store=store, name="send")(lambda order: "before")("o-1")
    gc.collect()
    assert idempotent(store=store, name="send")(lambda order: "after")("o-1") == "before"


def test_functions_of_one_code_under_a_given_name_are_one_and_their_other_values_are_warned_of_once(
    store: Clocked, caplog: pytest.LogCaptureFixture
) -> None:
    protected = [idempotent(store=store, name="send to tenants")(made_for(tenant)) for tenant in ("red", "blue", "red")]
    assert [one("o-1") for one in protected] == ["red o-1"] * 3
    (warning,) = [record for record in caplog.records if "same code" in record.message]
    assert warning.levelname == "WARNING"


def test_functions_of_one_code_with_the_same_values_are_one_in_silence(
    store: Clocked, caplog: pytest.LogCaptureFixture
) -> None:
    protected = [idempotent(store=store, name="send to one")(made_for("red")) for _ in range(2)]
    assert [one("o-1") for one in protected] == ["red o-1"] * 2
    assert not caplog.records


MODULE = """
from functools import partial
from twicesafe import idempotent

class Sender:
    def __call__(self, order): return f"sender {order}"

class Library(type(partial)): pass

@idempotent(store=STORE)
def plain(order): return f"plain {order}"

@idempotent(store=STORE, name="given")
def given(order): return f"given {order}"

sender = idempotent(store=STORE)(Sender())
named = idempotent(store=STORE, name="lambda")(lambda order: f"lambda {order}")
"""
FUNCTIONS = ("plain", "given", "sender", "named")


def test_a_module_that_is_loaded_again_has_the_same_functions(
    store: Clocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reloaded_app.py").write_text("from builtins import STORE\n" + MODULE)
    monkeypatch.setattr("builtins.STORE", store, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("reloaded_app")
    try:
        before = {name: getattr(module, name) for name in FUNCTIONS}
        replies = {name: function("o-1") for name, function in before.items()}
        again = importlib.reload(module)
        assert {name: getattr(again, name)("o-1") for name in FUNCTIONS} == replies
        assert all(getattr(again, name) is not before[name] for name in FUNCTIONS)
    finally:
        del sys.modules["reloaded_app"]


def test_a_cell_of_a_notebook_that_is_run_again_has_the_same_functions(store: Clocked) -> None:
    space: dict[str, Any] = {"STORE": store, "__name__": "__main__"}
    exec(compile(MODULE, "<ipython-input-3>", "exec"), space)
    before = {name: space[name] for name in FUNCTIONS}
    replies = {name: function("o-1") for name, function in before.items()}
    exec(compile(MODULE, "<ipython-input-3>", "exec"), space)
    assert {name: space[name]("o-1") for name in FUNCTIONS} == replies


def test_two_functions_of_one_module_and_name_are_two(store: Clocked) -> None:
    routes: dict[str, Any] = {}
    source = """
@route("mail")
@idempotent(store=STORE)
def handle(order): return f"mail {order}"

@route("bill")
@idempotent(store=STORE)
def handle(order): return f"bill {order}"
"""

    def route(path: str) -> Any:
        return lambda function: routes.setdefault(path, function)

    exec(source, {"STORE": store, "idempotent": idempotent, "route": route, "__name__": "app"})
    assert routes["mail"]("o-1") == "mail o-1"
    with pytest.raises(ConfigurationError, match="Two functions"):
        routes["bill"]("o-1")


def test_a_loop_at_a_modules_level_makes_two_objects(store: Clocked) -> None:
    protected = [idempotent(store=store)(Sender(kind)) for kind in ("sms", "mail")]
    protected[0]("o-1")
    with pytest.raises(ConfigurationError, match="Two functions"):
        protected[1]("o-1")


def test_a_class_is_not_a_function(store: Clocked) -> None:
    with pytest.raises(ConfigurationError, match="Put it on the method"):
        idempotent(store=store)(Sender)


@pytest.mark.parametrize("name", ["", 3, b"send"])
def test_a_name_is_a_text(store: Clocked, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name="):
        idempotent(store=store, name=name)(plain)


# What is in a function when it is made


def given(function: Any, name: str, store: Any, **options: Any) -> Any:
    return idempotent(store=store, name=name, **options)(function)


def test_a_function_made_for_each_call_is_warned_of_although_the_one_before_is_gone(
    store: Clocked, caplog: pytest.LogCaptureFixture
) -> None:
    def run(order: str, amount: int) -> Any:
        return given(lambda amount: f"{order} {amount}", "charge an order", store)(amount)

    run("o-1", 5)
    run("o-2", 5)
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "hand the values over as arguments" in warning.getMessage()


def test_one_wrapper_around_two_functions_is_two(store: Clocked, caplog: pytest.LogCaptureFixture) -> None:
    one, two = (given(wrapped(function), "with wraps", store) for function in (plain, other))
    one("o-1")
    with pytest.raises(ConfigurationError, match="Two functions"):
        two("o-1")
    one, two = (given(unwrapped(function), "without wraps", store) for function in (plain, other))
    one("o-1")
    assert not caplog.records
    two("o-1")
    (warning,) = caplog.records
    assert "made by the same code" in warning.getMessage()


def injected(settings: Any) -> Any:
    def decorate(function: Any) -> Any:
        @wraps(function)
        def wrapper(*args: Any) -> Any:
            return settings, function(*args)

        return wrapper

    return decorate


@pytest.mark.parametrize(("one", "two"), [({"region": "eu"}, {"region": "us"}), ([1], [2]), (object(), object())])
def test_a_decorator_that_holds_other_values_makes_another_function(store: Clocked, one: Any, two: Any) -> None:
    first, second = idempotent(store=store)(injected(one)(plain)), idempotent(store=store)(injected(two)(plain))
    with pytest.raises(twicesafe.UnkeptReply) if type(one) is object else nullcontext():
        first("o-1")
    with pytest.raises(ConfigurationError, match="Two functions"):
        second("o-1")


def test_two_sources_that_are_executed_are_not_one_that_is_run_again(store: Clocked) -> None:
    def run(source: str) -> Any:
        space = {"STORE": store, "idempotent": idempotent, "__name__": "app"}
        exec(source, space)
        return space["handle"]

    template = "@idempotent(store=STORE)\ndef handle(order): return '{}'\n"
    first, second = run(template.format("a")), run(template.format("b"))
    assert first("o-1") == "a"
    with pytest.raises(ConfigurationError, match="Two functions"):
        second("o-1")


def test_a_cell_that_is_edited_takes_the_place_of_the_one_before(store: Clocked) -> None:
    space: dict[str, Any] = {"STORE": store, "__name__": "__main__"}
    kept: list[Any] = []
    for number, file in enumerate(("<ipython-input-1-abc>", "/tmp/ipykernel_7/123.py", "/tmp/ipykernel_7/456.py")):
        exec(compile("\n" * number + MODULE, file, "exec"), space)
        kept += [space[name] for name in FUNCTIONS]
        for name in FUNCTIONS:
            space[name]("o-1")


def test_a_mock_is_named_after_its_class(store: Clocked) -> None:
    for mock in (MagicMock(), AsyncMock(), Mock(spec=plain)):
        assert callable(idempotent(store=store)(mock))


# Where the records of a local run are


def test_records_lie_beside_the_users_code_whatever_decorates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "local_app.py").write_text("""
from functools import lru_cache, singledispatch
from aws_lambda_powertools import Logger
from pydantic import validate_call
from twicesafe import idempotent

@idempotent
@Logger(service="shop").inject_lambda_context
def handler(event, context): return "done"

@idempotent
@validate_call
def pay(order: str): return order

@idempotent
@lru_cache
def cached(order): return order

@idempotent
@singledispatch
def dispatched(order): return order
""")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("local_app")
    try:
        monkeypatch.chdir(Path(__file__).parent)
        context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
        module.handler(EVENT, context)
        for function in (module.pay, module.cached, module.dispatched):
            assert function("o-1") == "o-1"
    finally:
        del sys.modules["local_app"]
    opened = SqliteStore(tmp_path / ".twicesafe" / "records.db")
    assert len(opened.apply(List()).records) == 4
    opened.close()
