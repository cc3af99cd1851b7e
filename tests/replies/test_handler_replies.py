"""What Lambda's runtime sends of each reply was seen with awslambdaric 4.2.2 (and its simplejson 4.3.0)."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import uuid
from decimal import Decimal
from http import HTTPStatus
from typing import NamedTuple

import pytest

from tests.replies.samples import Color, Level, Line, Point, Tone, exactly, known
from twicesafe.errors import UnserializableReply
from twicesafe.replies import Codec

KEY = "shop#1"
codec = Codec(known, handler=True)


class Loud(str):
    __slots__ = ()

    def __str__(self):
        return "LOUD"


class Odd(int):
    def __int__(self):
        return 13


class Factor(float, enum.Enum):
    HALF = 0.5


class Reply(NamedTuple):
    a: int
    b: object


class Described:
    def _asdict(self):
        return {"q": Tone.WARM}


SENT = [
    ({"statusCode": HTTPStatus.OK}, {"statusCode": 200}),
    ([Level.LOW, Tone.WARM, Factor.HALF], [1, "warm", 0.5]),
    ([Loud("x"), Odd(3), {Odd(3): 1}], ["x", 13, {13: 1}]),
    ([Decimal("1.10"), Decimal("1E+2")], [Decimal("1.10"), Decimal("1E+2")]),
    ({Tone.WARM: 1, Level.LOW: 2, Loud("x"): 3}, {"warm": 1, 1: 2, "x": 3}),
    ({True: 1, None: 2, 1.5: 3, b"k": 4}, {True: 1, None: 2, 1.5: 3, "k": 4}),
    ((1, (2,)), (1, (2,))),
    (Reply(1, Reply(2, None)), {"a": 1, "b": {"a": 2, "b": None}}),
    (Point(1), {"x": 1, "y": Decimal(1)}),
    (Described(), {"q": "warm"}),
    (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (collections.defaultdict(int, a=1), {"a": 1}),
    (collections.Counter("aa"), {"a": 2}),
    (b"\xff", b"\xff"),
    ([b"text"], ["text"]),
    ("\ud800", "\ud800"),
    (10**50, 10**50),
]


@pytest.mark.parametrize(("reply", "kept_as"), SENT, ids=lambda value: type(value).__name__)
def test_a_reply_is_kept_as_what_the_runtime_sends(reply, kept_as):
    kept = codec.keep(reply, KEY)
    assert kept.error is None, kept.error
    assert exactly(kept.value, kept_as)
    assert exactly(codec.decode(kept.text, KEY), kept_as)


REFUSED = [
    {1},
    frozenset({1}),
    dt.datetime(2026, 1, 1),
    dt.date(2026, 1, 1),
    dt.timedelta(1),
    uuid.UUID(int=1),
    Color.RED,
    Line("a", Decimal(1)),
    bytearray(b"x"),
    b"\xff",
    collections.deque([1]),
    {}.values(),
    range(3),
    1j,
    object(),
    {(1,): 1},
    {Decimal(1): 1},
    {Color.RED: 1},
    {b"\xff": 1},
    ValueError("x"),
    Reply,  # the class itself
    10**5000,
    float("nan"),  # the runtime sends it, but it is not JSON
]


@pytest.mark.parametrize("part", REFUSED, ids=lambda part: type(part).__name__)
def test_what_the_runtime_cannot_send_is_refused_but_done(part):
    for reply in ([part], {"body": (part,)}):
        kept = codec.keep(reply, KEY)
        assert isinstance(kept.error, UnserializableReply)
        with pytest.raises(UnserializableReply):
            codec.decode(kept.text, KEY)


def test_a_plain_function_may_return_what_a_handler_may_not():
    assert Codec(known).keep({1}, KEY).error is None
    assert codec.keep({1}, KEY).error.reason == "it has a set, which Lambda's runtime cannot send"
