"""Types that users make, one of each kind, and strategies for values of all kinds."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, Union
from zoneinfo import ZoneInfo

import pydantic
from hypothesis import strategies as st

Item = TypeVar("Item")


class Color(enum.Enum):
    RED = "red"
    BLUE = ("b", 2)
    ROUGE = "red"  # noqa: PIE796 - an alias


class Level(enum.IntEnum):
    LOW = 1


class Tone(str, enum.Enum):
    WARM = "warm"


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    price: Decimal
    color: Color = Color.RED


@dataclass
class Order:
    lines: list[Line]
    at: Point | None = None
    notes: dict[int, str] = field(default_factory=dict)
    known: ClassVar[int] = 3

    def __post_init__(self) -> None:
        self.lines = [*self.lines]

    @cached_property
    def total(self) -> Decimal:
        return sum((line.price for line in self.lines), Decimal(0))


@dataclass
class Rush(Order):
    by: dt.date | None = None


@dataclass
class Page(Generic[Item]):
    items: list[Item]


class Buyer(pydantic.BaseModel):
    name: str
    born: dt.date | None = None
    orders: tuple[Order, ...] = ()


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    a: int = 0
    _seen: int = pydantic.PrivateAttr(default=7)


class Batch(pydantic.BaseModel, Generic[Item]):
    items: list[Item]


class Names(pydantic.RootModel[list[str]]):
    pass


class Failing(pydantic.BaseModel):
    def __getstate__(self) -> dict[Any, Any]:
        raise RuntimeError("no")


Known = Union[Color, Level, Tone, Right, Point, Rush, Order, Page[Line], Buyer, Open, Names]


def known() -> Known: ...  # type: ignore[empty-body]


def exactly(one: Any, other: Any) -> bool:
    """Whether two values are the same in all that a program could tell, element by element."""
    if type(one) is not type(other):
        return False
    if isinstance(one, enum.Enum):
        return one is other
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(exactly, one, other))
    if isinstance(one, dict):
        return exactly(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return exactly(sorted(one, key=_typed), sorted(other, key=_typed))
    if isinstance(one, (Order, Page)):
        return exactly({**vars(one), "total": 0}, {**vars(other), "total": 0})
    if isinstance(one, Line):
        return exactly((one.sku, one.price, one.color), (other.sku, other.price, other.color))
    if isinstance(one, pydantic.BaseModel):
        return exactly(one.__getstate__(), other.__getstate__())
    return _typed(one) == _typed(other)


def _typed(value: Any) -> tuple[str, ...]:
    """The value in words: repr tells -0.0, fold, zones and exponents, and a zone's name is added."""
    name = value.tzname() if isinstance(value, (dt.datetime, dt.time)) else None
    return (type(value).__name__, repr(value), str(name))


zones = st.one_of(
    st.none(),
    st.sampled_from([ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC"), dt.timezone.utc]),
    st.builds(
        lambda seconds, name: dt.timezone(dt.timedelta(seconds=seconds), *name),
        st.integers(-86399, 86399),
        st.sampled_from([(), ("CEST",), ("",)]),
    ),
)
texts = st.one_of(
    st.text(), st.sampled_from(["", "$", "$tuple", "$$tuple", "$dict", "z:", "unkept:", "\ud800", "\udc80x"])
)
plain_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
)
scalars = st.one_of(
    plain_scalars,
    st.binary(max_size=20),
    st.decimals(allow_nan=False),
    st.sampled_from([Decimal("-0"), Decimal("0E+7"), Decimal("1.10"), Decimal("1E+3"), Decimal("Infinity")]),
    st.datetimes(timezones=zones),
    st.times(timezones=zones),
    st.dates(),
    st.timedeltas(),
    st.uuids(),
    st.sampled_from([*Color, *Level, *Tone, Right.READ, dt.datetime(2026, 10, 25, 2, 30, fold=1)]),
    st.builds(Point, st.integers(), st.decimals(allow_nan=False)),
    st.builds(Line, texts, st.decimals(allow_nan=False), st.sampled_from(Color)),
)
mutable_scalars = scalars | st.binary(max_size=20).map(bytearray)


def _containers(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(items, max_size=4),
        st.lists(items, max_size=4).map(tuple),
        st.dictionaries(texts, items, max_size=3),
        st.dictionaries(scalars, items, max_size=3),
        st.sets(scalars, max_size=4),
        st.frozensets(scalars, max_size=4),
        st.builds(Page, st.lists(items, max_size=2)),
        st.builds(Order, st.lists(items, max_size=2), items),
        st.builds(Rush, st.lists(items, max_size=2), by=items),
        items.map(lambda item: Open.model_construct(b=item)),
        items.map(lambda item: Buyer.model_construct(name=item)),
    )


values = st.recursive(mutable_scalars, _containers, max_leaves=12)
plain_values = st.recursive(
    plain_scalars,
    lambda items: st.lists(items, max_size=4) | st.dictionaries(texts, items, max_size=4),
    max_leaves=15,
)
