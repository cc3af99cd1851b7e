from __future__ import annotations

import datetime as dt
import enum
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import pydantic
import pytest

import twicesafe
from tests.replies.elsewhere import traced
from tests.replies.samples import (
    Batch,
    Buyer,
    Color,
    Failing,
    Level,
    Line,
    Names,
    Open,
    Order,
    Page,
    Point,
    Right,
    Rush,
    Tone,
    exactly,
    known,
)
from twicesafe.errors import CorruptRecord, UnserializableReply
from twicesafe.replies import Codec

if TYPE_CHECKING:
    from nowhere import Context  # type: ignore[import-not-found]

KEY = "shop#1"
LINE = Line("a", Decimal("1.10"))


def kept_and_read(value, function):
    """What comes back, in a process that has not seen the value."""
    kept = Codec(function).keep(value, KEY)
    assert kept.error is None, kept.error
    read = Codec(function).decode(kept.text, KEY)
    assert exactly(kept.value, read)
    return read


def refusal(value, function):
    kept = Codec(function).keep(value, KEY)
    assert isinstance(kept.error, UnserializableReply)
    return kept.error.reason


@pytest.mark.parametrize(
    "value",
    [
        Color.BLUE,
        Color.ROUGE,
        Level.LOW,
        Tone.WARM,
        Right.READ,
        {Level.LOW: Tone.WARM},
        {Color.RED, Color.BLUE},
        Point(1),
        Order([LINE], Point(2, Decimal("-0")), {1: "x"}),
        Rush([], by=dt.date.min),
        Page([LINE]),
        Buyer(name="a"),
        Buyer(name="a", born=None, orders=(Order([LINE]),)),
        Open(a=1, b={"c": (1,)}),
        Names(["a"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_the_users_types_is_itself(value):
    assert exactly(kept_and_read([value], known), [value])


def test_what_was_set_of_a_model_and_its_private_and_extra_parts_come_back():
    value = Open(b=1)
    value._seen = 9
    read = kept_and_read(value, known)
    assert (read._seen, read.b, read.model_fields_set) == (9, 1, {"b"})
    assert read.model_dump(exclude_unset=True) == {"b": 1}
    assert read == value


def test_a_model_of_pydantic_1_comes_back():
    v1 = pytest.importorskip("pydantic.v1")

    class Old(v1.BaseModel):
        a: int = 1
        point: Optional[Point] = None  # noqa: UP045 - pydantic 1 knows no other
        _p: int = v1.PrivateAttr(default=2)

    def old() -> Old: ...

    old.__annotations__["return"] = Old
    read = kept_and_read(Old(point=Point(1)), old)
    assert read == Old(point=Point(1))
    assert (read.__fields_set__, read._p, type(read.point)) == ({"point"}, 2, Point)


def test_no_code_of_the_user_runs_when_a_value_is_made_again():
    value = Order([LINE])
    object.__setattr__(value, "lines", LINE)  # __post_init__ would fail
    assert kept_and_read(value, known).lines == LINE


def test_a_cached_property_is_left_out_and_told_again():
    value = Order([LINE])
    assert value.total == Decimal("1.10")
    read = kept_and_read(value, known)
    assert "total" not in vars(read)
    assert read.total == Decimal("1.10")


# What the annotation reaches


class Inner(NamedTuple):
    color: Color


class Shape:
    pass


@dataclass
class Circle(Shape):
    center: Inner


class Response(TypedDict):
    order: Rush | None


Reply = NewType("Reply", Point)
Some = TypeVar("Some", Point, Line)
Below = TypeVar("Below", bound=Color)


def generic() -> dict[str, list[tuple[Point, ...]]]: ...
def optional() -> Optional[Point]: ...  # noqa: UP045 - the older form, too
def union(context: Context) -> Point | None: ...  # a name that only the type checker knows
def annotated() -> Annotated[Point, "x"]: ...
def quoted() -> list["Point"]: ...  # noqa: UP037 - quoted twice
def typed_dict() -> Response: ...
def new_type() -> Reply: ...
def type_variable(some: Some) -> Some: ...
def bound(below: Below) -> list[Below]: ...
def literal() -> Literal[Color.RED, "1/0"]: ...
def fields() -> Circle: ...
def model() -> Buyer: ...
def page() -> Page[Point]: ...
def batch() -> Batch[Point]: ...
def iterable() -> Iterable[Point]: ...
async def coroutine() -> Point: ...


class Shop:
    def method(self) -> Point: ...

    @classmethod
    def of(cls) -> Point: ...

    def __call__(self) -> Point: ...


@traced
def wrapped() -> Point: ...


POINT = Point(1)
REACHED = [
    (generic, POINT),
    (optional, POINT),
    (union, POINT),
    (annotated, POINT),
    (quoted, POINT),
    (typed_dict, {"order": Rush([LINE])}),
    (new_type, POINT),
    (type_variable, LINE),
    (bound, Color.RED),
    (literal, Color.BLUE),
    (fields, Circle(Inner(Color.RED))),
    (model, Buyer(name="a", orders=(Order([LINE], POINT),))),
    (page, Page([POINT])),
    (batch, Batch[Point](items=[POINT])),
    (iterable, [POINT]),
    (coroutine, POINT),
    (Shop().method, POINT),
    (Shop.of, POINT),
    (Shop(), POINT),
    (wrapped, POINT),
    (partial(wrapped), POINT),
    (Circle, Circle(Inner(Color.RED))),
    (partial(Order, [LINE]), Order([LINE])),
]


@pytest.mark.parametrize(("function", "value"), REACHED, ids=lambda given: getattr(given, "__name__", ""))
def test_an_annotation_reaches_what_it_stands_for(function, value):
    assert exactly(kept_and_read(value, function), value)


@dataclass
class Half:
    known: Color
    unknown: Context


def half() -> Half: ...


def test_a_field_that_cannot_be_read_hides_no_other():
    assert kept_and_read(Half(Color.RED, 1), half).known is Color.RED


def test_an_annotation_in_quotes_that_names_a_class_of_a_function_is_refused_in_words():
    @dataclass
    class Local:
        a: int

    def local() -> Local: ...

    assert "(a part of it cannot be read here: NameError: name 'Local' is not defined)" in refusal(Local(1), local)


def nothing(): ...


def other() -> dict: ...


@pytest.mark.parametrize("function", [None, nothing, other, len, print, object()])
def test_a_type_that_the_annotation_does_not_reach_is_refused(function):
    assert (
        refusal(POINT, function) == "it has a tests.replies.samples.Point, and its return annotation does not name it"
    )


def test_pydantics_own_annotations_are_no_part_of_a_models():
    assert refusal(Level.LOW, model).endswith("does not name it")


def test_a_word_in_a_literal_is_no_annotation():
    assert refusal(Level.LOW, literal).endswith("does not name it")


def test_a_subclass_that_is_loaded_is_reached():
    assert exactly(kept_and_read(Rush([]), lambda_order), Rush([]))


def lambda_order() -> Order: ...


def test_the_module_of_a_type_tells_it_from_one_of_the_same_name():
    class Other(NamedTuple):
        x: int

    Other.__qualname__ = "Point"
    assert refusal(Other(1), optional).endswith("its return annotation does not name it")


def test_a_second_type_of_the_very_same_name_is_refused():
    first, second = (type("Twin", (Order,), {"__module__": "m"}) for _ in range(2))
    assert kept_and_read(first([]), lambda_order).__class__ is first
    assert "another type has that name" in refusal(second([]), lambda_order)


# What would be lost is refused


class Slotted:
    __slots__ = ("__hidden", "seen")


@dataclass
class Hiding(Slotted):
    a: int


@dataclass
class Listed(list):
    a: int = 1


@dataclass
class Late:
    a: int
    b: int = field(init=False)
    c: int = field(init=False, default=3)
    d: InitVar[int] = 4


class Tagged(Point):
    pass


class Private(pydantic.BaseModel):
    _lock: Any = pydantic.PrivateAttr(default_factory=object)


def all_of_these() -> Union[Hiding, Listed, Late, Tagged, Private, Failing, Right, Color]: ...


def changed(value, **attributes):
    for name, attribute in attributes.items():
        object.__setattr__(value, name, attribute)
    return value


class Odd(enum.Enum):
    A = 1


@pytest.mark.parametrize(
    "value",
    [
        changed(Hiding(1), seen=2),
        changed(Hiding(1), _Slotted__hidden=2),
        changed(Late(1), b=2, other=3),
        Late(1),
        Listed(),
        changed(Tagged(1), z=3),
        Private(),
        Failing(),
        Right.READ | Right.WRITE,
    ],
    ids=lambda value: type(value).__name__,
)
def test_state_that_would_be_lost_is_refused(value):
    assert refusal([value], all_of_these)


def test_a_field_that_only_its_class_holds_stays_so():
    value = changed(Late(1), b=2)
    read = kept_and_read(value, all_of_these)
    assert (vars(read), read.c) == ({"a": 1, "b": 2}, 3)


# What a record says is never taken on trust


def test_no_type_is_imported_because_a_record_names_it():
    code = (
        "import sys; from twicesafe.replies import Codec\n"
        "from twicesafe.errors import CorruptRecord\n"
        "for name in ('turtle.Turtle', 'antigravity.x', 'fractions.Fraction', 'builtins.eval', 'os.system'):\n"
        "    for tag in ('$dataclass', '$enum', '$namedtuple', '$model'):\n"
        "        try: Codec().decode('{\"%s\":[\"%s\",{}]}' % (tag, name), 'k')\n"
        "        except CorruptRecord: continue\n"
        "        sys.exit('read')\n"
        "sys.exit('turtle' in sys.modules or 'fractions' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"lines":[]', '"lines":[],"__class__":1'),
        ('"lines":[]', '"other":[]'),
        ('"$dataclass"', '"$namedtuple"'),
        ('"$dataclass"', '"$model"'),
        ('"$dataclass"', '"$enum"'),
        ("samples.Order", "samples.Nothing"),
        ("samples.Order", "samples.Line"),
        ("samples.Order", "samples.Color"),
        ("tests.replies.samples.Order", "builtins.object"),
    ],
)
def test_a_record_of_a_type_that_is_not_so_any_more_is_corrupt(before, after):
    text = Codec(lambda_order).keep(Order([]), KEY).text
    assert before in text
    with pytest.raises(CorruptRecord):
        Codec(lambda_order).decode(text.replace(before, after), KEY)


def test_a_record_of_a_type_that_the_annotation_named_before_is_corrupt():
    text = Codec(optional).keep(POINT, KEY).text
    with pytest.raises(CorruptRecord, match="which the return annotation does not name"):
        Codec(nothing).decode(text, KEY)


def test_a_reply_needs_no_type_of_its_module_unless_it_has_one():
    code = (
        "import sys; from twicesafe.replies import Codec\n"
        "codec = Codec(lambda: 1)\n"
        "codec.decode(codec.keep({'statusCode': 200, 'at': (1, {2})}, 'k').text, 'k')\n"
        "heavy = {'decimal', 'datetime', 'uuid', 'zlib', 'base64', 'dataclasses', 'inspect', 'asyncio', 'zoneinfo'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    environment = {"PYTHONPATH": os.path.dirname(os.path.dirname(twicesafe.__file__))}
    command = [sys.executable, "-S", "-c", code]
    assert subprocess.run(command, check=False, capture_output=True, env=environment).stderr == b""
