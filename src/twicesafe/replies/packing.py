"""Values as trees of plain JSON types, and back.

A type that JSON does not have is `{"$name": …}`. An object of the user's whose names begin with `$`
is escaped by one more. Types beyond the plain ones are asked for by name, never imported.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Name = Callable[[type], str]
    Find = Callable[[str], type | None]


class Unkeepable(Exception):
    """A value that has no text which gives it back."""


class Unreadable(Exception):
    """A tree that no value has."""


def is_plain(value: Any) -> bool:
    """Whether JSON gives it back just as it is."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return True
    if kind is float:
        return bool(value - value == 0)  # neither NaN nor an infinity
    if kind is list:
        return all(is_plain(item) for item in value)
    if kind is dict:
        return all(type(name) is str and not name.startswith("$") and is_plain(item) for name, item in value.items())
    return False


def pack(value: Any, name: Name) -> Any:
    """The value as a tree.

    Args:
        name: gives the name to write for a type beyond the plain ones, or raises Unkeepable.
    """
    kind = type(value)
    if kind is list:
        return [pack(item, name) for item in value]
    if kind is dict:
        return _pack_dict(value, name)
    if is_plain(value):
        return value
    packer = _PACKERS.get(f"{kind.__module__}.{kind.__qualname__}")
    return packer(value, name) if packer is not None else _pack_structured(value, kind, name)


def unpack(tree: Any, find: Find) -> Any:
    """The value of a tree.

    Args:
        find: gives the type of a name, or None.

    Raises:
        Unreadable: no value has this tree.
    """
    kind = type(tree)
    if kind is list:
        return [unpack(item, find) for item in tree]
    if kind is not dict:
        return tree
    if len(tree) == 1 and (tag := next(iter(tree))).startswith("$") and not tag.startswith("$$"):
        return _untag(tag, tree[tag], find)
    return {name[1:] if name.startswith("$") else name: unpack(item, find) for name, item in tree.items()}


def is_structured(kind: type) -> bool:
    """Whether it is a type that is kept by its fields or members."""
    return issubclass(kind, Enum) or _field_names(kind) is not None


def _pack_dict(value: dict[Any, Any], name: Name) -> Any:
    if all(type(key) is str for key in value):
        return {f"${key}" if key.startswith("$") else key: pack(item, name) for key, item in value.items()}
    return {"$dict": [[pack(key, name), pack(item, name)] for key, item in value.items()]}


def _pack_items(tag: str) -> Callable[[Any, Name], Any]:
    return lambda value, name: {tag: [pack(item, name) for item in value]}


def _pack_text(tag: str, text: Callable[[Any], str]) -> Callable[[Any, Name], Any]:
    return lambda value, _: {tag: text(value)}


def _base64(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()


def _float(value: float) -> str:
    return float.__repr__(value)  # nan, inf, -inf


def _pack_moment(tag: str) -> Callable[[Any, Name], Any]:
    """Of a datetime or a time: its text, the zone's name where it has one, and which of two equal hours it is."""

    def packer(value: Any, _: Name) -> Any:
        zone = value.tzinfo
        kind = "" if zone is None else f"{type(zone).__module__}.{type(zone).__qualname__}"
        if kind.startswith("zoneinfo") and getattr(zone, "key", None):
            return {tag: [value.replace(tzinfo=None).isoformat(), value.fold, zone.key]}
        if kind not in ("", "datetime.timezone"):
            raise Unkeepable(f"it has a {type(value).__name__} in a zone of type {kind}; use zoneinfo or a fixed offset")
        return {tag: [value.isoformat(), value.fold, None]}

    return packer


def _pack_timedelta(value: Any, _: Name) -> Any:
    return {"$timedelta": [value.days, value.seconds, value.microseconds]}


_PACKERS: dict[str, Callable[[Any, Name], Any]] = {
    "builtins.float": _pack_text("$float", _float),
    "builtins.tuple": _pack_items("$tuple"),
    "builtins.set": _pack_items("$set"),
    "builtins.frozenset": _pack_items("$frozenset"),
    "builtins.bytes": _pack_text("$bytes", _base64),
    "builtins.bytearray": _pack_text("$bytearray", _base64),
    "decimal.Decimal": _pack_text("$decimal", str),
    "uuid.UUID": _pack_text("$uuid", str),
    "datetime.datetime": _pack_moment("$datetime"),
    "datetime.time": _pack_moment("$time"),
    "datetime.date": _pack_text("$date", lambda value: value.isoformat()),
    "datetime.timedelta": _pack_timedelta,
}


def _pack_structured(value: Any, kind: type, name: Name) -> Any:
    """An Enum's member, or the fields of a dataclass, a NamedTuple or a pydantic model."""
    if isinstance(value, Enum):
        if value.name is None or kind.__members__.get(value.name) is not value:  # type: ignore[attr-defined]
            raise Unkeepable(f"it has {value!r}, which is not one member of its Enum")
        return {"$enum": [name(kind), value.name]}
    fields = _field_names(kind)
    if fields is None:
        raise Unkeepable(f"it has a {kind.__module__}.{kind.__qualname__}, which has no exact text")
    members = {field: getattr(value, field) for field in fields if hasattr(value, field)}
    beyond = set(getattr(value, "__dict__", ())) - set(fields)
    if beyond or getattr(value, "__pydantic_extra__", None) or getattr(value, "__pydantic_private__", None):
        raise Unkeepable(f"it has a {kind.__qualname__} with more than its fields")
    packed = {field: pack(member, name) for field, member in members.items()}
    chosen = getattr(value, "__pydantic_fields_set__", None) or getattr(value, "__fields_set__", None)
    return {"$object": [name(kind), packed, sorted(chosen or ())]}


def _field_names(kind: type) -> tuple[str, ...] | None:
    for attribute in ("__dataclass_fields__", "model_fields", "__fields__", "_fields"):
        fields = getattr(kind, attribute, None)
        if attribute == "_fields" and not issubclass(kind, tuple):
            continue
        if isinstance(fields, (dict, tuple)):
            return tuple(fields)
    return None


def _untag(tag: str, content: Any, find: Find) -> Any:
    reader = _READERS.get(tag)
    if reader is None:
        raise Unreadable(f"its reply has a {tag[:30]!r}, which this version does not know")
    try:
        return reader(content, find)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, LookupError) as error:
        raise Unreadable(f"its reply has a {tag} that cannot be read: {type(error).__name__}") from None


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError
    return content


def _items(make: Callable[[list[Any]], Any]) -> Callable[[Any, Find], Any]:
    return lambda content, find: make([unpack(item, find) for item in _list(content)])


def _unbase64(content: str) -> bytes:
    import base64

    return base64.b64decode(content, validate=True)


def _read_dict(content: Any, find: Find) -> Any:
    return {unpack(key, find): unpack(item, find) for key, item in _list(content)}


def _read_decimal(content: Any, _: Find) -> Any:
    from decimal import Decimal

    if not isinstance(content, str):
        raise TypeError
    return Decimal(content)


def _read_uuid(content: Any, _: Find) -> Any:
    from uuid import UUID

    return UUID(content)


def _read_moment(kind: str) -> Callable[[Any, Find], Any]:
    def reader(content: Any, _: Find) -> Any:
        import datetime

        text, fold, zone = content
        moment = getattr(datetime, kind).fromisoformat(text).replace(fold=fold)
        if zone is None:
            return moment
        from zoneinfo import ZoneInfo

        return moment.replace(tzinfo=ZoneInfo(zone))

    return reader


def _read_date(content: Any, _: Find) -> Any:
    from datetime import date

    return date.fromisoformat(content)


def _read_timedelta(content: Any, _: Find) -> Any:
    from datetime import timedelta

    days, seconds, microseconds = content
    return timedelta(days, seconds, microseconds)


def _read_enum(content: Any, find: Find) -> Any:
    kind_name, member = content
    kind = find(kind_name)
    if kind is None or not issubclass(kind, Enum):
        raise Unreadable(f"its reply has a {str(kind_name)[:60]!r}, which the return annotation does not name")
    return kind[member]


def _read_object(content: Any, find: Find) -> Any:
    """Made as copying does it, without __init__: nothing that the user wrote runs on a replay."""
    kind_name, packed, chosen = content
    kind = find(kind_name)
    names = None if kind is None else _field_names(kind)
    if kind is None or names is None or issubclass(kind, Enum):
        raise Unreadable(f"its reply has a {str(kind_name)[:60]!r}, which the return annotation does not name")
    if not set(packed) <= set(names):
        raise Unreadable(f"its reply has a {kind_name} with fields that it does not have any more")
    members = {field: unpack(item, find) for field, item in packed.items()}
    if issubclass(kind, tuple):
        return kind(*(members[field] for field in names))
    for construct in ("model_construct", "construct"):  # pydantic 2 and 1
        if hasattr(kind, construct):
            made = getattr(kind, construct)(set(chosen))
            made.__dict__.clear()
            made.__dict__.update(members)
            return made
    made = object.__new__(kind)
    for field, member in members.items():
        object.__setattr__(made, field, member)
    return made


_READERS: dict[str, Callable[[Any, Find], Any]] = {
    "$float": lambda content, _: float(content),
    "$tuple": _items(tuple),
    "$set": _items(set),
    "$frozenset": _items(frozenset),
    "$bytes": lambda content, _: _unbase64(content),
    "$bytearray": lambda content, _: bytearray(_unbase64(content)),
    "$dict": _read_dict,
    "$decimal": _read_decimal,
    "$uuid": _read_uuid,
    "$datetime": _read_moment("datetime"),
    "$time": _read_moment("time"),
    "$date": _read_date,
    "$timedelta": _read_timedelta,
    "$enum": _read_enum,
    "$object": _read_object,
}
