from __future__ import annotations

import dataclasses
import json
import math
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.errors import TwicesafeError, UnusableKey
from twicesafe.keys.canonical import canonical, digest, fingerprint

BERLIN = timezone(timedelta(hours=2))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Paint(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Shade(str, Enum):
    DARK = "dark"


class Right(Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Order:
    tax: ClassVar[float] = 0.2
    id: str
    hint: dataclasses.InitVar[str] = ""
    seen: int = dataclasses.field(default=0, compare=False)
    late: str = dataclasses.field(init=False)


@dataclasses.dataclass
class Refund:
    id: str


class Customer(pydantic.BaseModel):
    name: str
    born: date | None = None


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str


# The sample numbers of RFC 8785, appendix B, as bit patterns would be tedious: as Python reads them.
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (-1.7976931348623157e308, "-1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (-9007199254740992.0, "-9007199254740992"),
        (295147905179352830000.0, "295147905179352825856"),  # here we keep all digits, and JCS does not
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1.0000000000000001e23, "1.0000000000000001e+23"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (0.0000012, "0.0000012"),
        (0.00001, "0.00001"),
        (0.0001, "0.0001"),
        (1e-27, "1e-27"),
        (333333333.3333332, "333333333.3333332"),
        (333333333.33333325, "333333333.33333325"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
        (1e20, "100000000000000000000"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (1e30, "1e+30"),
    ],
)
def test_a_float_is_written_as_ecmascript_does(number: float, text: str) -> None:
    assert canonical(number) == text


def test_names_are_sorted_by_utf_16_code_units() -> None:
    """The example of RFC 8785, 3.2.3."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    text = canonical(dict.fromkeys(names, 0))
    assert list(json.loads(text)) == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_escaped_no_more_than_json_needs() -> None:
    """The example of RFC 8785, 3.2.2.2."""
    assert canonical('\u20ac$\x0f\nA\'B"\\\\"/') == r'''"€$\u000f\nA'B\"\\\\\"/"'''
    assert canonical("\x7f é 😀") == '"\x7f é 😀"'
    assert canonical({"b": [True, False, None], "a": {}}) == '{"a":{},"b":[true,false,null]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2,)), "[1,[2]]"),
        (Point(1, 2), "[1,2]"),
        (Decimal("1.10"), "1.1"),
        (Decimal(1), "1"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.00"), "0"),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (Decimal("-1.5E-9"), "-1.5e-9"),
        (Decimal("1E+1000000"), "1e+1000000"),
        (10**21, "1e+21"),
        (10**23, "1" + "0" * 23),  # no double is exactly this
        (2**63 - 1, "9223372036854775807"),
        (Size.LARGE, "3"),
        (Shade.DARK, '"dark"'),
        (Colour.RED, 'enum("Colour","RED")'),
        (Right.READ | Right.WRITE, 'enum("Right",3)'),
        (b"a", 'bytes("61")'),
        (bytearray(b"a"), 'bytes("61")'),
        (memoryview(b"a"), 'bytes("61")'),
        ({3, 1, 2}, "set(1,2,3)"),
        (frozenset(), "set()"),
        ({1: "a", "1": "b"}, 'map("1":"b",1:"a")'),
        (uuid.UUID(int=1), 'uuid("00000000-0000-0000-0000-000000000001")'),
        (date(2026, 1, 2), 'date("2026-01-02")'),
        (datetime(2026, 1, 2, 3), 'datetime("2026-01-02T03:00:00")'),
        (datetime(2026, 1, 2, 3, tzinfo=BERLIN), 'datetime("2026-01-02T01:00:00+00:00")'),
        (time(3, 4), 'time("03:04:00")'),
        (timedelta(seconds=1), "timedelta(1000000)"),
        (Refund("7"), 'object("Refund",{"id":"7"})'),
        (Customer(name="Ann"), 'object("Customer",{"born":null,"name":"Ann"})'),
        (Open(name="Ann", age=3), 'object("Open",{"age":3,"name":"Ann"})'),
        ("\ud800", r'"\ud800"'),
        ({"\ud800": 1, "\U0001f600": 2}, '{"\\ud800":1,"😀":2}'),
    ],
)
def test_every_type_has_its_text(value: object, text: str) -> None:
    assert canonical(value) == text


def test_a_dataclass_is_what_its_comparison_compares() -> None:
    assert canonical(Order("7", seen=1)) == canonical(Order("7", "hint", seen=2)) == 'object("Order",{"id":"7"})'
    assert canonical(Order("7")) != canonical(Refund("7"))


def test_a_model_of_pydantic_1_has_its_extra_fields_too() -> None:
    v1 = pytest.importorskip("pydantic.v1")  # not there on Python 3.14

    class Loose(v1.BaseModel):  # type: ignore[name-defined, misc]
        name: str
        inner: dict[str, Any] = {}

        class Config:
            extra = "allow"

    assert canonical(Loose(name="Ann", age=3)).endswith('{"age":3,"inner":{},"name":"Ann"})')


def test_equal_moments_have_one_text() -> None:
    assert canonical(datetime(2026, 1, 2, 14, tzinfo=BERLIN)) == canonical(
        datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
    )
    assert canonical(time(14, tzinfo=BERLIN)) == canonical(time(12, tzinfo=timezone.utc))
    assert canonical(time(1, tzinfo=BERLIN)) != canonical(time(23, tzinfo=timezone.utc))  # Python says so as well
    assert canonical(datetime.min.replace(tzinfo=BERLIN)) != canonical(datetime.min)


@pytest.mark.parametrize(
    "alike",
    [
        [b"a", "a", "61", {"bytes": "61"}, ["bytes", "61"], 'bytes("61")', bytes([97, 0])],
        [1, True, "1", [1], {"1": 1}, {1: 1}, {True: 1}, 1.5, Decimal("1.05"), {1}, {"set": [1]}],
        [None, "null", False, 0, "", [], {}, (None,), set(), b""],
        [2**60, 2**60 + 24, 2.0**60 + 256, 2**60 - 1],  # ECMAScript writes float(2**60) as 2**60 + 24
        [10**22, 10**22 + 1, 10**23, 1e23, 10**30, 10**400, 10**5000, 10**5000 + 1],
        [date(2026, 1, 1), datetime(2026, 1, 1), "2026-01-01", datetime(2026, 1, 1, tzinfo=timezone.utc)],
        [Colour.RED, Colour.BLUE, Paint.RED, "red", "RED"],
        [timedelta(1), timedelta(days=1, microseconds=1), 86400, time(0), time(0, tzinfo=timezone.utc)],
        [{"a": 1, "b": 2}, {"a": {"b": 2}}, {"ab": 12}, ["a", 1, "b", 2]],
        [Refund("1"), {"id": "1"}, ["Refund", {"id": "1"}], Customer(name="1"), Open(name="1"), Open(name="1", age=1)],
        ["\ud83d\ude00", "😀", "\\ud83d\\ude00"],
    ],
)
def test_different_values_have_different_texts(alike: list[object]) -> None:
    texts = [canonical(value) for value in alike]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (math.nan, "$", "NaN"),
        ({"a": [0, -math.inf]}, "$.a[1]", "infinity"),
        ({"a": Decimal("NaN")}, "$.a", "NaN"),
        (Decimal("-Infinity"), "$", "infinity"),
        ({"order": [Fraction(1, 2)]}, "$.order[0]", "Fraction"),
        ([object()], "$[0]", "object"),
        ({"f": test_equal_moments_have_one_text}, "$.f", "function"),
        (Refund, "$", "type"),
        ((n for n in ()), "$", "generator"),
        (Customer(name="Ann").model_copy(update={"born": pydantic.SecretStr("x")}), "$.born", "SecretStr"),
    ],
)
def test_what_has_no_text_is_refused_by_its_path(value: object, path: str, reason: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        canonical(value)
    assert refused.value.path == path
    assert reason in refused.value.reason


def test_a_value_inside_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append({"again": ring})
    with pytest.raises(UnusableKey, match="contains itself"):
        canonical(ring)


def test_a_value_that_is_there_twice_is_no_ring() -> None:
    shared = [1]
    assert canonical([shared, shared]) == "[[1],[1]]"


def test_the_fields_of_a_digest_cannot_run_into_each_other() -> None:
    assert len({digest(*fields) for fields in [("a", "bc"), ("ab", "c"), ("abc",), ("a|bc",), ("", "abc"), ()]}) == 6
    assert len({digest("\ud83d\ude00"), digest("😀"), digest("\ud83d", "\ude00")}) == 3
    assert {len(digest(*"abc" * n)) for n in range(9)} == {64}


def test_a_fingerprint_names_the_version_of_its_rule() -> None:
    assert fingerprint({"a": 1.0}) == fingerprint({"a": 1}) == f"1:{digest(canonical({'a': 1}))}"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
small = st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 2.0**53, 1e21, 10**21, 0.1, 1.5, "1", "a", "", None, True, b"1"])
rich = st.recursive(
    small | st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-2, max_value=2) | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.sampled_from(["a", "b", "$a", 1, "1"]), inner, max_size=2)
    ),
    max_leaves=3,
)


def as_compared(value: Any) -> Any:
    """The value with its types where Python's own comparison would mix them up, as JSON does not."""
    if isinstance(value, dict):
        return "dict", frozenset((as_compared(name), as_compared(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return "list", tuple(as_compared(item) for item in value)
    if type(value) is int and 10**21 <= abs(value) < 10**308 and float(value) == value:
        value = float(value)  # they are one number, and written as one
    if isinstance(value, float):
        exact = abs(value) < 10**21 and value == int(value)  # else it is its shortest decimal
        return "number", Decimal(value) if exact else Decimal(repr(value))
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return "number", Decimal(value)
    return type(value).__name__, value


@given(plain)
def test_plain_json_comes_back_as_it_was(value: object) -> None:
    assert as_compared(json.loads(canonical(value))) == as_compared(value)


@given(plain)
def test_a_text_is_canonical_already(value: object) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text
    text.encode()


@given(rich, rich)
def test_texts_are_equal_exactly_when_values_are(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (as_compared(one) == as_compared(other))


@given(st.integers() | st.integers(min_value=2**53, max_value=2**70) | st.floats(allow_nan=False, allow_infinity=False))
def test_an_equal_decimal_has_the_text_of_the_number(number: float) -> None:
    exact = Decimal(repr(number))
    if exact == number:
        assert canonical(exact) == canonical(number)


@given(st.recursive(st.from_type(type).flatmap(st.from_type) | rich, st.lists, max_leaves=3))
def test_whatever_it_is_there_is_a_text_or_a_clear_error(value: object) -> None:
    try:
        assert canonical(value) == canonical(value)
    except TwicesafeError as error:
        said = str(error)
        assert said
