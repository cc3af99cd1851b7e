"""Types that users make: taken apart into members, and put together again without their __init__.

So nothing that the user wrote runs on a replay, as when a value is copied. What would be lost on the
way is refused: state beyond the fields, a base that hides state of its own.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from types import MemberDescriptorType

from ..tuples import NamedTuple
from .text import Unkeepable, Unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import Any


class Structure(NamedTuple):
    """A way to take a value apart, and to make it again."""

    tag: str
    take_apart: Callable[[Any], Any]
    make: Callable[[Any, Any], Any]  # the type, the parts; may raise anything


def structure_of(kind: type) -> Structure | None:
    """How values of this type are kept; None: they are not."""
    if issubclass(kind, Enum):
        return ENUM
    if hasattr(kind, "__dataclass_fields__"):
        return DATACLASS
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return NAMED_TUPLE
    if hasattr(kind, "__setstate__") and model_fields(kind) is not None:
        return MODEL
    return None


def _enum_name(value: Any) -> str:
    name: str | None = value.name
    if name is None or type(value).__members__.get(name) is not value:
        raise Unkeepable(f"it has a {type(value).__qualname__} that is not one of its members")
    return name


def _make_enum(kind: Any, name: Any) -> Any:
    return kind.__members__[name]


def _dataclass_members(value: Any) -> dict[str, Any]:
    held = dict(_attributes(value))
    _expect_dataclass(type(value), held, Unkeepable)
    return held


def _make_dataclass(kind: Any, members: Any) -> Any:
    _expect_dataclass(kind, members, Unreadable)
    made = object.__new__(kind)
    for name, member in members.items():
        object.__setattr__(made, name, member)
    return made


def _named_tuple_members(value: Any) -> dict[str, Any]:
    if dict(_attributes(value)):
        raise Unkeepable(f"it has a {type(value).__qualname__} with more than its fields")
    return dict(zip(value._fields, tuple(value), strict=True))


def _make_named_tuple(kind: Any, members: Any) -> Any:
    _expect(kind, members, kind._fields, kind._fields, Unreadable)
    return tuple.__new__(kind, [members[name] for name in kind._fields])


def _model_state(value: Any) -> Any:
    """What pydantic itself pickles: fields, extra ones, private ones, and which were set."""
    kind, state = type(value), dict(value.__getstate__())
    state["__dict__"] = {name: member for name, member in state["__dict__"].items() if not _is_cached(kind, name)}
    _expect_model(kind, state, Unkeepable)
    return state


def _make_model(kind: Any, state: Any) -> Any:
    _expect_model(kind, state, Unreadable)
    made = kind.__new__(kind)
    made.__setstate__(state)
    return made


def model_fields(kind: type) -> Any:
    """The fields of a pydantic model (version 2, else 1) by name."""
    fields = getattr(kind, "model_fields", None)
    if fields is None:
        fields = getattr(kind, "__fields__", None)
    return fields if isinstance(fields, dict) else None


def _expect_dataclass(kind: type, members: Any, trouble: type[ValueError]) -> None:
    """An instance has each field for itself; the class stands in for one with a plain default."""
    from dataclasses import MISSING, fields

    allowed = {field.name: field for field in fields(kind)}
    _expect(kind, members, [name for name, field in allowed.items() if field.default is MISSING], allowed, trouble)


def _expect_model(kind: type, state: dict[str, Any], trouble: type[ValueError]) -> None:
    fields = model_fields(kind) or {}
    _expect(kind, state["__dict__"], fields, fields, trouble)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """All that an instance holds, in slots too, but for what a cached property can tell again."""
    kind = type(value)
    for name, member in getattr(value, "__dict__", {}).items():
        if not _is_cached(kind, name):
            yield name, member
    for base in kind.__mro__[:-1]:  # object has none
        for name, slot in vars(base).items():
            if isinstance(slot, MemberDescriptorType) and hasattr(value, name):
                yield name, slot.__get__(value)


def _is_cached(kind: type, name: str) -> bool:
    return isinstance(getattr(kind, name, None), cached_property)


def _expect(
    kind: type, held: Any, required: Collection[str], allowed: Collection[str], trouble: type[ValueError]
) -> None:
    """Refuse members that are not those of the type: it has changed since, or they are not all of its state."""
    if not set(required) <= set(held) <= set(allowed):
        raise trouble(f"it has a {kind.__qualname__} whose members are not its fields")


ENUM = Structure("$enum", _enum_name, _make_enum)
DATACLASS = Structure("$dataclass", _dataclass_members, _make_dataclass)
NAMED_TUPLE = Structure("$namedtuple", _named_tuple_members, _make_named_tuple)
MODEL = Structure("$model", _model_state, _make_model)
STRUCTURES = {structure.tag: structure for structure in (ENUM, DATACLASS, NAMED_TUPLE, MODEL)}
