"""The user's own key: all of what was asked for, or an error before any effect."""

from __future__ import annotations

import base64
import functools
import json
import operator
import traceback
from collections import UserDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import attrs
import pytest
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from twicesafe.errors import ConfigurationError, MissingKey
from twicesafe.keys.selectors import BoundArguments, compile_selector

CANARY = "tok_51H-secret"
ORDER = {"id": 7, "lines": [{"sku": "a"}, {"sku": "b"}], "note": None, "zero": 0, "no": False, "empty": ""}
EVENT = {
    "detail": ORDER,
    "body": json.dumps({"order": ORDER, "nested": json.dumps({"id": 8})}),
    "data": base64.b64encode(json.dumps(ORDER).encode()).decode(),
    "prices": {"a": {"eur": 1}, "b": {"eur": 2}},
    "Records": [{"body": '{"id": 1}'}, {"body": '{"id": 2}'}],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("detail.id", 7),
        ("detail.zero", 0),
        ("detail.no", False),
        ("[detail.id, detail.zero]", [7, 0]),
        ("{order: detail.id, first: detail.lines[0].sku}", {"order": 7, "first": "a"}),
        ("detail.lines[].sku", ["a", "b"]),
        ("detail.lines[?sku=='b'].sku", ["b"]),
        ("detail.lines[*].sku | [0]", "a"),
        ("json(body).order.id", 7),
        ("json(json(body).nested).id", 8),
        ("json(base64(data)).id", 7),
        ("Records[0].json(body).id", 1),
        ("Records[].json(body).id", [1, 2]),
        ("to_string(detail.id)", "7"),
        ("to_string(detail.note || detail.id)", "7"),
        ("join('#', [detail.lines[0].sku, to_string(detail.id)])", "a#7"),
        ("detail.missing || detail.id", 7),
        ("json(detail.empty || body).order.id", 7),
        ("detail.lines[].color || detail.id", 7),
        ("prices.*.eur", [1, 2]),
        ("detail", ORDER),
    ],
)
def test_an_expression_finds_all_that_it_asks_for(expression: str, value: object) -> None:
    assert compile_selector(expression)({"event": EVENT, "context": "a second argument"}) == value


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("detail.missing", "all"),
        ("detail.note", "all"),
        ("detail.empty", "all"),
        ("[detail.id, detail.missing]", "[1]"),
        ("{order: detail.id, user: detail.user}", ".user"),
        ("[detail.id, [detail.zero, detail.missing]]", "[1][1]"),
        ("detail | [id, missing]", "[1]"),
        ("detail.[id, missing]", "[1]"),
        ("[detail.lines[].sku, detail.lines[].color]", "2 of 2 elements"),
        ("detail.lines[*].color", "2 of 2 elements"),
        ("[{sku: 'a'}, detail.lines[0]][].color", "2 of 2 elements"),
        ("detail.lines[?sku=='b'].color", "1 of 1 elements"),
        ("[detail.id, detail.note][]", "1 of 2 elements"),
        ("detail.lines[?sku=='c'].sku", "all"),
        ("to_string(detail.note)", "all: to_string() was given a null"),
        ("join('#', ['order', detail.note])", "all: join() was given a NoneType"),
        ("length(detail.missing)", "all: length() was given a null"),
        ("json(detail.missing)", "all: json() was given a null"),
        ("json(data)", "all: json() was given a text that is no JSON"),
        ("base64(body)", "all: base64() was given a text that is no base64 of UTF-8"),
        ("abs(detail.id, detail.id)", "all: ArityError"),
        ("prices.*.color", "2 of 2 elements"),
    ],
)
def test_an_expression_of_which_a_part_is_missing_is_an_error(expression: str, part: str) -> None:
    with pytest.raises(MissingKey) as error:
        compile_selector(expression)({"event": EVENT})
    assert error.value.selector == expression
    assert error.value.part == part


@pytest.mark.parametrize("expression", ["json(body)", "base64(body)", "length(body.secret)", "abs(body)"])
def test_an_error_shows_nothing_of_the_event(expression: str) -> None:
    with pytest.raises(MissingKey) as error:
        compile_selector(expression)({"event": {"body": CANARY}})
    assert CANARY[:8] not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("expression", ["[[", "", "a.", "nowhere(@)", "a[].{b: nowhere(c)}", "a | [?nowhere(b)]"])
def test_what_is_no_expression_is_an_error_at_once(expression: str) -> None:
    with pytest.raises(ConfigurationError):
        compile_selector(expression)


@pytest.mark.parametrize(
    "value", [None, "", [], (), {}, b"", set(), ["a", None], ("a", ("b", "")), {"a": 1, "b": None}]
)
def test_a_function_of_whose_answer_a_part_is_missing_is_an_error(value: object) -> None:
    with pytest.raises(MissingKey):
        compile_selector(lambda event: value)({"event": {}})


@pytest.mark.parametrize("value", [0, False, 0.0, "x", ["a", 0], {"a": 0}, ({"detail": None},), {"a": {"b": None}}])
def test_what_is_there_is_a_key_even_if_it_is_nothing_much(value: object) -> None:
    assert compile_selector(lambda event: value)({"event": {}}) == value


def test_the_error_names_the_function_and_the_part() -> None:
    def user_and_order(event: Any) -> Any:
        return {"user": event.get("user"), "order": 7}

    with pytest.raises(MissingKey, match=r"user_and_order has nothing at \.user"):
        compile_selector(user_and_order)({"event": {}})


def test_the_functions_own_error_is_its_own() -> None:
    with pytest.raises(KeyError, match="user"):
        compile_selector(lambda event: event["user"])({"event": {}})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_null_is_never_a_part_of_a_key(value: object) -> None:
    def has_null(part: object) -> bool:
        return part is None or (isinstance(part, list) and any(map(has_null, part)))

    try:
        found = compile_selector("[a, a]")({"event": {"a": value}})
    except MissingKey:
        return
    assert not has_null(found)


# The arguments of a call


def plain(a: int, b: int = 2, *rest: int, c: int = 3, **more: int) -> None: ...


def keyed(a: int, /, b: int) -> None: ...


@dataclass
class Point:
    x: int = 0
    y: int = 0


CALLS: list[tuple[Callable[..., Any], list[tuple[tuple[Any, ...], dict[str, Any]]], dict[str, Any]]] = [
    (
        plain,
        [((1,), {}), ((1, 2), {}), ((), {"a": 1}), ((1,), {"c": 3}), ((), {"c": 3, "b": 2, "a": 1})],
        {"a": 1, "b": 2, "rest": (), "c": 3, "more": {}},
    ),
    (plain, [((1, 2, 9), {"z": 8})], {"a": 1, "b": 2, "rest": (9,), "c": 3, "more": {"z": 8}}),
    (keyed, [((1, 2), {}), ((1,), {"b": 2})], {"a": 1, "b": 2}),
    (Point, [((), {}), ((0,), {"y": 0})], {"x": 0, "y": 0}),
    (partial(plain, 1, c=9), [((), {}), ((2,), {}), ((), {"b": 2})], {"a": 1, "b": 2, "rest": (), "c": 9, "more": {}}),
]


@pytest.mark.parametrize(("function", "calls", "bound"), CALLS)
def test_calls_that_python_takes_for_one_are_one(function: Any, calls: Any, bound: Any) -> None:
    arguments = BoundArguments(function)
    assert [arguments.bind(*call) for call in calls] == [bound] * len(calls)


@pytest.mark.parametrize("call", [((), {}), ((1,), {"a": 1}), ((1, 2, 3), {"b": 2})])
def test_a_call_that_does_not_fit_is_pythons_own_error(call: Any) -> None:
    with pytest.raises(TypeError):
        BoundArguments(plain).bind(*call)


def test_what_a_list_is_taken_from_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    real = json.loads
    monkeypatch.setattr("twicesafe.keys.expressions.json.loads", lambda text: parsed.append(text) or real(text))
    body = json.dumps({"a": [{"b": [{"c": [1, 2]}]}]})
    assert compile_selector("json(@).a[].b[].c[]")({"event": body}) == [1, 2]
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("wrong", "said"), [(5, "payload= takes a function"), ("a[", "payload='a\\[' is not a JMESPath")]
)
def test_a_message_names_the_option(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        compile_selector(wrong, "payload")


# Which of a call's arguments it is given


def pay(order: Any, amount: int = 1, *, note: str = "") -> None: ...


ORDERED = {"order": "o-1", "amount": 5, "note": "n"}


class Keys:
    def of(self, order: str) -> str:
        return order

    def __call__(self, order: str) -> str:
        return order


def default_of_a_loop(n: int = 7) -> Callable[..., Any]:
    return lambda order, n=n: [order, n]


CHOSEN: list[tuple[Callable[..., Any], object]] = [
    (lambda order: order, "o-1"),
    (lambda amount: amount, 5),
    (lambda amount, order: [order, amount], ["o-1", 5]),
    (lambda note: note, "n"),
    (lambda order, *, note: [order, note], ["o-1", "n"]),
    (lambda o: o, "o-1"),
    (lambda o, a: [o, a], ["o-1", 5]),
    (lambda o, amount=0: [o, amount], ["o-1", 5]),
    (lambda order, **others: [order, others], ["o-1", {"amount": 5, "note": "n"}]),
    (lambda **all_of_it: all_of_it, ORDERED),
    (lambda *all_of_it: all_of_it, ("o-1", 5, "n")),
    (lambda first, *others: [first, others], ["o-1", (5, "n")]),
    (lambda: "once", "once"),
    (default_of_a_loop(), ["o-1", 7]),
    (lambda it=None: it, "o-1"),
    (str, "o-1"),
    (operator.itemgetter(slice(2)), "o-"),
    (Keys().of, "o-1"),
    (Keys(), "o-1"),
    (partial(lambda prefix, order: [prefix, order], "p"), ["p", "o-1"]),
    (lambda order, /: order, "o-1"),
    (lambda order, /, amount: [order, amount], ["o-1", 5]),
    (lambda order, /, *, note: [order, note], ["o-1", "n"]),
    (lambda order, /, **others: [order, others], ["o-1", {"amount": 5, "note": "n"}]),
    (functools.singledispatch(lambda order: order), "o-1"),
    (partial(lambda order, suffix: [order, suffix], suffix="s"), ["o-1", "s"]),
]


@pytest.mark.parametrize(("function", "value"), CHOSEN)
def test_a_function_is_given_what_it_names_or_else_what_comes_first(function: Any, value: object) -> None:
    assert compile_selector(function)(ORDERED) == value


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c, d: a,
        lambda order, missing: order,
        lambda a, b, c, d, **e: a,
        lambda *, it: it,
        lambda order, *, it: it,
    ],
)
def test_a_function_that_takes_more_than_there_is_is_a_clear_error(function: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"takes .* and the call has order"):
        compile_selector(function)({"order": "o-1"})


@pytest.mark.parametrize("key", ["id", lambda order: order["id"], lambda o: o["id"], operator.itemgetter("id")])
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(({"id": 1}, 5), {}), (({"id": 1},), {"amount": 5}), ((), {"amount": 5, "order": {"id": 1}}), (({"id": 1},), {})],
)
def test_a_call_by_keyword_has_the_key_of_the_same_call_by_position(key: Any, args: Any, kwargs: Any) -> None:
    assert compile_selector(key)(BoundArguments(pay).bind(args, kwargs)) == 1


def test_what_a_call_leaves_out_has_its_default() -> None:
    assert compile_selector(lambda order, amount: [order, amount])(BoundArguments(pay).bind(("o-1",), {})) == ["o-1", 1]


# Expressions that look into objects


class Item(BaseModel):
    sku: str
    lines: tuple[int, ...] = ()


@dataclass
class Basket:
    id: str
    items: list[Item]
    first: Point
    note: str = field(default="", compare=False)


class Coordinates(NamedTuple):
    x: int
    y: int


@attrs.frozen
class Parcel:
    id: str


class Opaque:
    id = "o-1"


BASKET = Basket("b-1", [Item(sku="a", lines=(1, 2)), Item(sku="b")], Point(3, 4), "n")


@pytest.mark.parametrize(
    ("value", "expression", "found"),
    [
        (BASKET, "id", "b-1"),
        (BASKET, "note", "n"),
        (BASKET, "[id, first.x]", ["b-1", 3]),
        (BASKET, "items[0].sku", "a"),
        (BASKET, "items[].sku", ["a", "b"]),
        (BASKET, "items[?sku=='b'].sku", ["b"]),
        (BASKET, "items[0].lines[1]", 2),
        (BASKET, "items[0].lines[*]", [1, 2]),
        (BASKET, "first.*", [3, 4]),
        ({"basket": BASKET}, "basket.items[1].sku", "b"),
        ([BASKET], "[0].id", "b-1"),
        ((BASKET,), "[0].id", "b-1"),
        (Coordinates(1, 2), "y", 2),
        (Parcel("p-1"), "id", "p-1"),
        (UserDict({"id": 1}), "id", 1),
        (SQSRecord({"messageId": "m-1"}), "messageId", "m-1"),
        (SQSEvent({"Records": [{"body": '{"id": 7}'}]}), "Records[0].json(body).id", 7),
    ],
)
def test_an_expression_looks_into_dataclasses_models_and_data_classes(
    value: object, expression: str, found: object
) -> None:
    assert compile_selector(expression)({"order": value}) == found


@pytest.mark.parametrize(
    ("value", "expression", "kind"),
    [
        (Opaque(), "id", "Opaque"),
        ({"order": Opaque()}, "order.id", "Opaque"),
        ([Opaque()], "[].id", "Opaque"),
        (date(2026, 1, 1), "year", "date"),
        (object(), "id || 'none'", "object"),
    ],
)
def test_an_expression_says_what_it_cannot_look_into(value: object, expression: str, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"cannot look into a {kind}\. Give a function instead.*lambda order"):
        compile_selector(expression)({"order": value})


# What is refused at once


async def awaited(order: Any) -> Any:
    return order


def yielded(order: Any) -> Any:
    yield order


@pytest.mark.parametrize("function", [awaited, yielded])
def test_a_key_function_returns_a_value(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="is async or yields"):
        compile_selector(function)


@pytest.mark.parametrize("expression", ["'order.id'", "`1`", "['a', 'b']", "{a: 'b'}", "to_string('id')"])
def test_an_expression_that_looks_at_nothing_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="the same for every call"):
        compile_selector(expression)


def with_database(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function("database", *args, **kwargs)

    return wrapper


@with_database
def injected(database: Any, order: str) -> None: ...


def test_a_call_of_a_decorators_wrapper_that_adds_arguments_is_bound_to_the_wrapper() -> None:
    arguments = BoundArguments(injected)
    assert arguments.bind(("o-1",), {}) == {"args": ("o-1",), "kwargs": {}}
    with pytest.raises(TypeError):
        BoundArguments(pay).bind((), {})
