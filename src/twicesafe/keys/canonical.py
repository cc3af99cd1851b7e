"""One text for each value, and its hash.

Plain JSON is written as RFC 8785 (JCS) says. Other types become an object with one name that begins
with `$`, so that b"a" and "a", or 1 and Decimal(1), never collide; a user's own object with such a
name is escaped by one more `$`.
"""

from __future__ import annotations

import json
import sys
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..errors import UnusableKey

if TYPE_CHECKING:
    from collections.abc import Iterable

RULE = "1"
"""The version of these rules, in each fingerprint: those of different versions are not compared."""
EXACT = 2**53
"""Up to here every whole number is a double of its own; beyond it JSON readers differ (RFC 8785, 3.2.2.3)."""


def canonical(value: object) -> str:
    """The text of a value: equal values of one type give equal texts, different ones different texts.

    Raises:
        UnusableKey: it has NaN, an infinity, a cycle, or a type that has no text.
    """
    try:
        return _text(value, "$")
    except RecursionError:
        raise UnusableKey("$", "contains itself, or is nested too deeply") from None


def digest(*fields: str) -> str:
    """SHA-256 over fields, each with its length, so that ("a", "bc") and ("ab", "c") differ."""
    hashed = sha256()
    for field in fields:
        data = field.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def fingerprint(payload: object) -> str:
    """The hash of what must not change under one key, after the version of the rule that made it."""
    return f"{RULE}:{digest(canonical(payload))}"


def _text(value: Any, path: str) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Enum):
        return _tag("enum", f"[{_string(type(value).__qualname__)},{_string(value.name)}]")
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return int.__repr__(value) if -EXACT <= value <= EXACT else _tag("int", _string(int.__repr__(value)))
    if isinstance(value, float):
        return _number(value, path)
    if isinstance(value, dict):
        return _object(value, path)
    if isinstance(value, list):
        return _array(value, path)
    return _tagged(value, path)


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _array(values: Iterable[object], path: str) -> str:
    return "[" + ",".join(_text(item, f"{path}[{index}]") for index, item in enumerate(values)) + "]"


def _object(value: dict[Any, Any], path: str) -> str:
    if not all(isinstance(name, str) and not isinstance(name, Enum) for name in value):
        pairs = sorted(f"[{_text(k, path)},{_text(v, f'{path}[{k!r}]')}]" for k, v in value.items())
        return _tag("map", "[" + ",".join(pairs) + "]")
    named = {f"${name}" if name.startswith("$") else name: item for name, item in value.items()}
    return _members(named, path)


def _members(named: dict[str, Any], path: str) -> str:
    """Sorted by UTF-16 code units, as RFC 8785, 3.2.3 asks."""
    names = sorted(named, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{_string(name)}:{_text(named[name], f'{path}.{name}')}" for name in names) + "}"


def _tag(name: str, text: str) -> str:
    return f'{{"${name}":{text}}}'


def _number(value: float, path: str) -> str:
    """As ECMAScript writes a number (RFC 8785, 3.2.2.3)."""
    if value != value or value in (float("inf"), float("-inf")):
        raise UnusableKey(path, "is NaN or an infinity, which JSON does not have")
    if value == int(value) and abs(value) < 1e21:
        return str(int(value)) if abs(value) <= EXACT else _tag("int", _string(str(int(value))))
    mantissa, _, exponent = float.__repr__(value).partition("e")
    power = int(exponent or 0)
    if power > 0:
        return f"{mantissa}e+{power}"
    if power < -6:
        return f"{mantissa}e{power}"
    if power < 0:  # Python goes over to exponents at 1e-05, ECMAScript at 1e-7
        sign, digits = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
        return f"{sign}0.{'0' * (-power - 1)}{digits.replace('.', '')}"
    return mantissa


def _tagged(value: Any, path: str) -> str:
    """The types that JSON does not have. One whose module is not loaded cannot be here."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _tag("bytes", _string(bytes(value).hex()))
    if isinstance(value, (set, frozenset)):
        return _tag("set", "[" + ",".join(sorted(_text(item, path) for item in value)) + "]")
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields is None:
            return _tag("tuple", _array(value, path))
        return _fields(value, fields, path)
    if (module := sys.modules.get("decimal")) and isinstance(value, module.Decimal):
        return _tag("decimal", _string(_decimal(value, path)))
    if (module := sys.modules.get("uuid")) and isinstance(value, module.UUID):
        return _tag("uuid", _string(str(value)))
    if (module := sys.modules.get("datetime")) and (text := _moment(value, module)) is not None:
        return text
    fields = getattr(type(value), "__dataclass_fields__", None) or getattr(type(value), "model_fields", None)
    fields = fields or getattr(type(value), "__fields__", None)  # pydantic 1
    if fields is not None:
        return _fields(value, fields, path)
    raise UnusableKey(path, f"is a {type(value).__qualname__}, which has no text that is always the same")


def _fields(value: object, names: Iterable[str], path: str) -> str:
    members = _members({name: getattr(value, name) for name in names}, path)
    return _tag("object", f"[{_string(type(value).__qualname__)},{members}]")


def _decimal(value: Any, path: str) -> str:
    """Without trailing zeros: 1.10 and 1.1 are equal."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise UnusableKey(path, "is NaN or an infinity, which has no value to compare")
    number = "".join(map(str, digits)).lstrip("0")
    if not number:
        return "0"
    short = number.rstrip("0")
    return f"{'-' if sign else ''}{short}e{exponent + len(number) - len(short)}"


def _moment(value: Any, datetime: Any) -> str | None:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return _tag("datetime", _string(value.isoformat()))
        return _tag("instant", _string(value.astimezone(datetime.timezone.utc).isoformat()))
    for kind in (datetime.date, datetime.time):
        if isinstance(value, kind):
            return _tag(kind.__name__, _string(value.isoformat()))
    if isinstance(value, datetime.timedelta):
        return _tag("timedelta", _string(str(value // datetime.timedelta(microseconds=1))))
    return None
