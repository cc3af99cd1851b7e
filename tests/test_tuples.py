"""Our NamedTuple is what typing's is, as far as anyone can see."""

from __future__ import annotations

import copy
import pickle
import sys
import typing

import pytest

from twicesafe.tuples import NamedTuple


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 0  # what follows has one too
    label: str | None = None

    @property
    def is_origin(self) -> bool:
        return not (self.x or self.y)

    def moved(self, by: int) -> Point:
        return self._replace(x=self.x + by)


class Usual(typing.NamedTuple):
    x: int
    y: int = 0
    label: str | None = None


class Nothing(NamedTuple):
    """Holds nothing."""


class Loud(NamedTuple):
    """Says so."""

    word: str

    def __str__(self) -> str:
        return super().__str__().upper()


def test_it_is_made_as_usual() -> None:
    assert Point(1) == Point(x=1) == Point(1, y=0) == (1, 0, None)
    assert Point(1, 2, "a") == Point(label="a", y=2, x=1) == (1, 2, "a")
    assert Nothing() == ()


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, 2, "a", 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})],
)
def test_what_cannot_be_made_is_refused_in_the_same_words(args: tuple, kwargs: dict) -> None:
    with pytest.raises(TypeError) as ours:
        Point(*args, **kwargs)
    with pytest.raises(TypeError) as theirs:
        Usual(*args, **kwargs)
    assert str(ours.value) == str(theirs.value).replace("Usual", "Point")


def test_it_is_a_tuple_with_names() -> None:
    point = Point(1, 2)
    x, y, label = point
    assert (x, y, label) == (point.x, point.y, point.label) == tuple(point)
    assert isinstance(point, tuple)
    assert Point.__bases__ == (tuple,)
    assert hash(point) == hash((1, 2, None))
    assert point.moved(2) == Point(3, 2)
    assert Point(0).is_origin
    with pytest.raises(AttributeError):
        point.x = 3
    with pytest.raises(AttributeError):
        point.other = 3


def test_its_class_says_what_typings_says() -> None:
    for name in ("_fields", "_field_defaults", "__match_args__", "__slots__"):
        assert getattr(Point, name) == getattr(Usual, name), name
    assert (Point.__name__, Point.__qualname__, Point.__module__) == ("Point", "Point", __name__)
    assert Point.__doc__ == "A place."
    assert Point.x.__doc__ == Usual.x.__doc__
    assert typing.get_type_hints(Point) == typing.get_type_hints(Usual) == {"x": int, "y": int, "label": str | None}
    assert list(Point.__annotations__) == list(Usual.__annotations__)
    assert typing.get_type_hints(Nothing) == {}


def test_its_helpers_are_those_of_typings() -> None:
    ours, theirs = Point(1, 2), Usual(1, 2)
    assert repr(ours) == repr(theirs).replace("Usual", "Point")
    assert ours._asdict() == theirs._asdict()
    assert ours._replace(y=5, label="b") == theirs._replace(y=5, label="b")
    assert Point._make([1, 2, "c"]) == Usual._make([1, 2, "c"])
    with pytest.raises(TypeError, match="Expected 3 arguments, got 2"):
        Point._make([1, 2])
    with pytest.raises((TypeError, ValueError), match="unexpected field names: \\['z'\\]"):
        ours._replace(z=1)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace is new in 3.13")
def test_copy_replace_takes_it() -> None:
    assert copy.replace(Point(1), y=2) == Point(1, 2)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_can_be_pickled_and_copied(protocol: int) -> None:
    point = Point(1, 2, "a")
    for made in (pickle.loads(pickle.dumps(point, protocol)), copy.copy(point), copy.deepcopy(point)):
        assert made == point
        assert type(made) is Point


def test_it_matches_by_place() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            pytest.fail("it did not")


def test_a_method_of_its_own_goes_before_the_usual_one() -> None:
    assert str(Loud("hey")) == "LOUD(WORD='HEY')"


def test_a_class_that_follows_is_as_usual() -> None:
    class Named(Point):
        def shown(self) -> str:
            return f"{self.label}: {self.x}"

    assert Named(1, label="a").shown() == "a: 1"
    assert type(Named(1)._replace(x=2)) is Named


@pytest.mark.parametrize("count", [1, 7, 14, 15, 40])
def test_it_may_have_any_number_of_fields(count: int) -> None:
    names = [f"field_{place}" for place in range(count)]
    lines = "".join(f"    {name}: int = {place}\n" for place, name in enumerate(names))
    held: dict = {"NamedTuple": NamedTuple, "__name__": __name__}
    exec(f"from __future__ import annotations\nclass Long(NamedTuple):\n{lines}", held)
    made = held["Long"](7)
    assert made == (7, *range(1, count))
    assert made._fields == tuple(names)
    assert getattr(made, names[-1]) == made[-1]
    with pytest.raises(TypeError, match=r"Long\.__new__"):
        held["Long"](*range(count + 1))
