"""Values of the standard library that have no parts of the user's: one row a type.

A type is recognised by its name, since a value of it can only be there if its module is loaded; so
nothing is imported to write, and only the module of a value that is really there to read.
"""

from __future__ import annotations

from ..tuples import NamedTuple
from .text import Unkeepable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Row(NamedTuple):
    """How one type is written, as plain JSON types, and read; a reader may raise anything."""

    tag: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _write_bytes(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()


def _read_bytes(content: str) -> bytes:
    import base64

    return base64.b64decode(content, validate=True)


def _read_decimal(content: Any) -> Any:
    from decimal import Decimal

    return Decimal(_string(content))


def _read_uuid(content: Any) -> Any:
    from uuid import UUID

    return UUID(_string(content))


def _read_date(content: Any) -> Any:
    from datetime import date

    return date.fromisoformat(content)


def _write_timedelta(value: Any) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _read_timedelta(content: Any) -> Any:
    from datetime import timedelta

    days, seconds, microseconds = content
    return timedelta(days, seconds, microseconds)


def _write_moment(value: Any) -> list[Any]:
    """Of a datetime or a time: its text, which of two equal hours it is (PEP 495), and its zone.

    The zone is null, the key of a zone of zoneinfo, or a fixed offset as a timedelta and the name that it was given.
    The offset is not in the text: `fromisoformat` loses a part of one that is less than a second.
    """
    return [value.replace(tzinfo=None).isoformat(), value.fold, _write_zone(value.tzinfo)]


def _write_zone(zone: Any) -> Any:
    if zone is None:
        return None
    kind = f"{type(zone).__module__}.{type(zone).__qualname__}"
    if kind == "zoneinfo.ZoneInfo" and zone.key:
        return zone.key
    if kind == "datetime.timezone":
        offset, *name = zone.__getinitargs__()
        return [*_write_timedelta(offset), *name]
    raise Unkeepable(f"it has a time in a zone of type {kind}; use zoneinfo or a fixed offset")


def _read_moment(kind: str) -> Callable[[Any], Any]:
    def reader(content: Any) -> Any:
        import datetime

        text, fold, zone = content
        return getattr(datetime, kind).fromisoformat(text).replace(fold=fold, tzinfo=_read_zone(zone))

    return reader


def _read_zone(zone: Any) -> Any:
    if zone is None:
        return None
    if isinstance(zone, str):
        from zoneinfo import ZoneInfo

        return ZoneInfo(zone)
    from datetime import timezone

    days, seconds, microseconds, *name = zone
    return timezone(_read_timedelta((days, seconds, microseconds)), *name)


def _string(content: Any) -> str:
    if type(content) is not str:
        raise TypeError
    return content


def _isoformat(value: Any) -> str:
    text: str = value.isoformat()
    return text


ROWS = {
    "builtins.bytes": Row("$bytes", _write_bytes, _read_bytes),
    "builtins.bytearray": Row("$bytearray", _write_bytes, lambda content: bytearray(_read_bytes(content))),
    "decimal.Decimal": Row("$decimal", str, _read_decimal),
    "uuid.UUID": Row("$uuid", str, _read_uuid),
    "datetime.datetime": Row("$datetime", _write_moment, _read_moment("datetime")),
    "datetime.time": Row("$time", _write_moment, _read_moment("time")),
    "datetime.date": Row("$date", _isoformat, _read_date),
    "datetime.timedelta": Row("$timedelta", _write_timedelta, _read_timedelta),
}
READERS = {row.tag: row.read for row in ROWS.values()}


def row_of(kind: type) -> Row | None:
    """The row of exactly this type; a subclass has none."""
    return ROWS.get(f"{kind.__module__}.{kind.__qualname__}")
