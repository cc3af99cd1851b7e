"""The user's own key: all of what was asked for, or an error before any effect."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert compile_selector(expression)(EVENT, "a second argument") == value


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
        compile_selector(expression)(EVENT)
    assert error.value.selector == expression
    assert error.value.part == part


@pytest.mark.parametrize("expression", ["json(body)", "base64(body)", "length(body.secret)", "abs(body)"])
def test_an_error_shows_nothing_of_the_event(expression: str) -> None:
    with pytest.raises(MissingKey) as error:
        compile_selector(expression)({"body": CANARY})
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
        compile_selector(lambda event: value)({})


@pytest.mark.parametrize("value", [0, False, 0.0, "x", ["a", 0], {"a": 0}, ({"detail": None},), {"a": {"b": None}}])
def test_what_is_there_is_a_key_even_if_it_is_nothing_much(value: object) -> None:
    assert compile_selector(lambda event: value)({}) == value


def test_the_error_names_the_function_and_the_part() -> None:
    def user_and_order(event: Any) -> Any:
        return {"user": event.get("user"), "order": 7}

    with pytest.raises(MissingKey, match=r"user_and_order has nothing at \.user"):
        compile_selector(user_and_order)({})


def test_the_functions_own_error_is_its_own() -> None:
    with pytest.raises(KeyError, match="user"):
        compile_selector(lambda event: event["user"])({})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_null_is_never_a_part_of_a_key(value: object) -> None:
    def has_null(part: object) -> bool:
        return part is None or (isinstance(part, list) and any(map(has_null, part)))

    try:
        found = compile_selector("[a, a]")({"a": value})
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
    assert compile_selector("json(@).a[].b[].c[]")(body) == [1, 2]
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("wrong", "said"), [(5, "payload= takes a function"), ("a[", "payload='a\\[' is not a JMESPath")]
)
def test_a_message_names_the_option(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        compile_selector(wrong, "payload")
