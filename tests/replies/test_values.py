from __future__ import annotations

import collections
import datetime as dt
import json
import sys
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from tests.replies.samples import exactly, known, plain_values, values
from twicesafe.errors import UnserializableReply
from twicesafe.replies import Codec

codec = Codec(known)
KEY = "shop#1"


def kept_and_read(value):
    kept = codec.keep(value, KEY)
    assert kept.error is None, kept.error
    assert exactly(kept.value, codec.decode(kept.text, KEY))
    return kept.value


@given(values)
def test_every_value_comes_back_type_exact_or_is_refused(value):
    kept = codec.keep(value, KEY)
    if kept.error is None:
        assert exactly(kept.value, value)
        assert exactly(codec.decode(kept.text, KEY), value)
    else:  # the one thing among these values that JSON cannot hold
        assert "both halves of a surrogate pair" in str(kept.error)


@given(plain_values)
def test_plain_json_is_kept_as_plain_json(value):
    text = codec.keep(value, KEY).text
    if not any(name.startswith("$") for name in lone_names(value)):
        assert exactly(json.loads(text), value)


def lone_names(value):
    if isinstance(value, dict):
        yield from value if len(value) == 1 else ()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from lone_names(item)


def test_a_lambda_reply_is_kept_as_exactly_its_json():
    assert codec.keep({"statusCode": 200, "body": "für 5 €"}, KEY).text == '{"statusCode":200,"body":"für 5 €"}'


@pytest.mark.parametrize("value", [None, False, 0, 0.0, -0.0, "", [], {}, (), set(), frozenset(), b"", bytearray()])
def test_a_falsy_value_is_itself(value):
    assert exactly(kept_and_read(value), value)


BERLIN = ZoneInfo("Europe/Berlin")
EXAMPLES = [
    (1, (2, [3])),
    {1, "1", (1,)},
    frozenset({b"x"}),
    bytes(range(256)),
    bytearray(b"x"),
    Decimal("-0"),
    Decimal("1.10"),
    Decimal("1E+400"),
    Decimal("-Infinity"),
    Decimal("sNaN12"),
    dt.datetime(2026, 1, 2, 3, 4, 5, 6),
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc),
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2), "CEST")),
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(microseconds=1))),
    dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
    dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    dt.datetime.min,
    dt.datetime.max,
    dt.time(1, 2, tzinfo=BERLIN, fold=1),
    dt.time.max,
    dt.date.max,
    dt.timedelta.min,
    dt.timedelta(days=1, microseconds=-1),
    UUID(int=2**128 - 1),
    {1: "a", "1": "b", None: "c", 1.5: "d", (1, 2): "e"},
    {True: "not 1"},
    {1.0: "not 1"},
    10**300,
    5e-324,
    1e308,
    0.1 + 0.2,
    "\x00\u2028 \N{PILE OF POO}",
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_each_type_of_the_standard_library_is_itself(value):
    assert exactly(kept_and_read([value]), [value])


@pytest.mark.parametrize(
    "value",
    [
        {"$tuple": [1]},
        {"$$tuple": [1]},
        {"$": None},
        {"$tuple": 1, "b": 2},
        {"$enum": ["tests.replies.samples.Color", "RED"]},
        {"$dict": {"$dict": [[1, (2,)]]}},
        {"error": ["x"], "message": "", "args": [], "attributes": {}},
        {"$ref": {"$ref": {1}}},
        "z:eJw=",
        "unkept:[]",
        '{"$tuple":[1]}',
    ],
)
def test_a_users_value_that_looks_like_ours_is_the_users(value):
    assert exactly(kept_and_read(value), value)
    assert exactly(kept_and_read([value, (value,)]), [value, (value,)])


def test_an_object_of_several_names_is_never_escaped():
    assert codec.keep({"$schema": "x", "$id": "y"}, KEY).text == '{"$schema":"x","$id":"y"}'


class Money(int):
    pass


class Zone(dt.tzinfo):
    def utcoffset(self, _):
        return dt.timedelta(0)


class Name(str):
    __slots__ = ()


REFUSED = [
    float("nan"),
    float("inf"),
    float("-inf"),
    {float("nan"): 1},
    Money(5),
    Name("x"),
    {Name("x"): 1},
    collections.OrderedDict(a=1),
    collections.defaultdict(list),
    collections.deque([1]),
    type("Tuple", (tuple,), {})((1,)),
    type("Date", (dt.date,), {})(2026, 1, 1),
    dt.datetime(2026, 1, 1, tzinfo=Zone()),
    1j,
    range(3),
    object(),
    int,
    memoryview(b"x"),
    (i for i in ()),
    "\ud800\udc00",
    ValueError("x"),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_would_not_come_back_is_refused_but_done(value):
    kept = codec.keep([value], KEY)
    assert isinstance(kept.error, UnserializableReply)
    with pytest.raises(UnserializableReply) as again:
        codec.decode(kept.text, KEY)
    assert str(again.value) == str(kept.error)
    assert (again.value.key, again.value.reason) == (KEY, kept.error.reason)


def test_a_refusal_names_the_type_and_shows_no_value():
    reason = codec.keep([Name("secret")], KEY).error.reason
    assert "Name" in reason
    assert "secret" not in reason


def test_a_number_too_long_to_be_written_is_refused():
    assert codec.keep(10**5000, KEY).error is not None


def test_a_value_that_contains_itself_is_refused():
    circle: list = []
    circle.append(circle)
    for value in (circle, {"a": circle}, (circle,)):
        assert "contains itself" in codec.keep(value, KEY).error.reason


def test_a_value_nested_too_deeply_is_refused():
    deep, deep_tuple = [], ()
    for _ in range(sys.getrecursionlimit() * 2):
        deep, deep_tuple = [deep], (deep_tuple,)
    assert "too deeply" in codec.keep(deep, KEY).error.reason
    assert "too deeply" in codec.keep(deep_tuple, KEY).error.reason


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: (inner,)], ids=["list", "tuple"])
def test_what_is_kept_can_be_read_deeper_in_the_stack(wrap):
    value: object = 1
    for _ in range(100):
        value = wrap(value)
    text = codec.keep(value, KEY).text

    def read_at(depth):
        return codec.decode(text, KEY) if depth == 0 else read_at(depth - 1)

    assert exactly(read_at(400), value)


def test_the_value_of_a_plain_reply_is_the_callers_own_object():
    value = {"a": [1]}
    assert codec.keep(value, KEY).value is value
