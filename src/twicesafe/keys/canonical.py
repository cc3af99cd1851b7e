"""One text for each value, and its hash.

Plain JSON is written as RFC 8785 (JCS) says, except that a whole number keeps all its digits: JCS rounds from
2**53 on, and two 64-bit ids must not share a text. A tuple is an array and a Decimal a number, as in JSON: 1, 1.0
and Decimal("1.00") are one value, and so are 1.1 and Decimal("1.10"). A float is its shortest decimal.

Any other type is its name and its content in parentheses, which no JSON text has: bytes("61").
"""

from __future__ import annotations

import re
import sys
from enum import Enum, Flag
from json.encoder import encode_basestring
from math import isfinite

from ..errors import UnusableKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    Path: TypeAlias = "tuple[Any, str | int] | None"  # the path of what holds it, and the name or place in there

RULE = "1"
"""The version of these rules, in each fingerprint: those of different versions are not compared."""
JCS_EXPONENT = 10**21
"""ECMAScript, and so RFC 8785, 3.2.2.3, writes an exponent from here on."""
LONGEST_DECIMAL = 13_000
"""In bits: Python refuses to write a longer int in digits (sys.set_int_max_str_digits)."""
SURROGATE = "[\ud800-\udfff]"


def canonical(value: object) -> str:
    """The text of a value: equal values give equal texts, different ones different texts.

    Raises:
        UnusableKey: it has NaN, an infinity, a cycle, or a type that has no text.
    """
    try:
        return _text(value, None)
    except RecursionError:
        raise UnusableKey("$", "contains itself, or is nested too deeply") from None


if TYPE_CHECKING:
    from hashlib import sha256
else:

    def sha256(data: bytes) -> Any:
        """hashlib's, which takes this one's place: a store that signs has loaded it, and nothing needs it before."""
        from hashlib import sha256 as own

        globals()["sha256"] = own
        return own(data)


def digest(*fields: str) -> str:
    """SHA-256 over fields, each with its length in bytes, so that ("a", "bc") and ("ab", "c") differ: 64 hex digits."""
    text = "".join([f"{len(field)}:{field}" for field in fields])
    if text.isascii():
        return sha256(text.encode()).hexdigest()
    encoded = [field.encode("utf-8", "surrogatepass") for field in fields]
    return sha256(b"".join([b"%d:%b" % (len(data), data) for data in encoded])).hexdigest()


def fingerprint(payload: object) -> str:
    """The hash of what must not change under one key, after the version of the rule that made it."""
    return f"{RULE}:{digest(canonical(payload))}"


def _text(value: Any, path: Path) -> str:
    kind = type(value)
    if kind is str:
        return _string(value)
    if kind is dict:
        return _object(value, path)
    if kind is list:
        return _array(value, path)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return _integer(value)
    if kind is float:
        return _float(value, path)
    return _subtype(value, path)


def _string(value: str) -> str:
    text = encode_basestring(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone half of a surrogate pair has no UTF-8
        return re.sub(SURROGATE, lambda found: f"\\u{ord(found[0]):04x}", text)
    return text


def _array(values: Iterable[object], path: Path) -> str:
    texts = []
    for index, item in enumerate(values):
        texts.append(_text(item, (path, index)))  # a comprehension is one more frame for each level
    return f"[{','.join(texts)}]"


def _object(value: dict[Any, Any], path: Path) -> str:
    try:
        names = sorted(value) if "".join(value).isascii() else sorted(value, key=_utf16)
    except TypeError:  # JSON has names of text only: {1: 2} is not {"1": 2}
        pairs = sorted(f"{_text(name, path)}:{_text(item, path)}" for name, item in value.items())
        return f"map({','.join(pairs)})"
    texts = []
    for name in names:
        item = value[name]
        text = _string(item) if type(item) is str else _text(item, (path, name))  # most are texts
        texts.append(f"{_string(name)}:{text}")
    return f"{{{','.join(texts)}}}"


def _utf16(name: str) -> bytes:
    """Names are sorted by UTF-16 code units (RFC 8785, 3.2.3)."""
    return name.encode("utf-16-be", "surrogatepass")


def _integer(value: int) -> str:
    if value.bit_length() > LONGEST_DECIMAL:
        return f'int("{value:x}")'
    if abs(value) >= JCS_EXPONENT and abs(value) <= sys.float_info.max and float(value) == value:
        return _float(float(value), None)
    return int.__repr__(value)


def _float(value: float, path: Path) -> str:
    if not isfinite(value):
        raise UnusableKey(_shown(path), "is NaN or an infinity, which JSON does not have")
    if abs(value) < JCS_EXPONENT and value == int(value):
        return int.__repr__(int(value))
    mantissa, _, exponent = float.__repr__(value).partition("e")
    if not exponent:
        return mantissa
    sign = "-" if value < 0 else ""
    return sign + _number(mantissa.lstrip("-").replace(".", ""), int(exponent) + 1)


def _decimal(value: Any, path: Path) -> str:
    negative, figures, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise UnusableKey(_shown(path), "is NaN or an infinity, which JSON does not have")
    digits = "".join(map(str, figures)).lstrip("0")
    point = len(digits) + exponent
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    if len(digits) <= point <= sys.float_info.max_10_exp:
        return _integer(int(value))
    return ("-" if negative else "") + _number(digits, point)


def _number(digits: str, point: int) -> str:
    """0.DIGITS times 10**point, as ECMAScript writes a number (RFC 8785, 3.2.2.3)."""
    if 0 < point <= 21:
        whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
        return f"{whole}.{fraction}" if fraction else whole
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{point - 1:+d}"


def _subtype(value: Any, path: Path) -> str:
    """What Python counts as one of JSON's types, else a type that JSON does not have."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _float(float(value), path)
    if isinstance(value, dict):
        return _object(dict(value), path)
    if isinstance(value, (list, tuple)):
        return _array(value, path)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f'bytes("{bytes(value).hex()}")'
    if isinstance(value, (set, frozenset)):
        return f"set({','.join(sorted(_text(item, path) for item in value))})"
    if isinstance(value, Enum):
        return f"enum({_string(type(value).__qualname__)},{_member(value, path)})"
    if (text := _of_library(value, path)) is not None:
        return text
    if (fields := _fields(value)) is not None:
        return f"object({_string(type(value).__qualname__)},{_object(fields, path)})"
    raise UnusableKey(_shown(path), f"is a {type(value).__qualname__}, which has no text that is always the same")


def _member(value: Enum, path: Path) -> str:
    """Its name, which outlives a renumbering; flags together have none before Python 3.11."""
    return _text(value.value, path) if isinstance(value, Flag) else _string(value.name)


def _of_library(value: Any, path: Path) -> str | None:
    """A type of the standard library. One whose module is not loaded cannot be here."""
    if (module := sys.modules.get("decimal")) and isinstance(value, module.Decimal):
        return _decimal(value, path)
    if (module := sys.modules.get("uuid")) and isinstance(value, module.UUID):
        return f'uuid("{value}")'
    return _moment(value, module) if (module := sys.modules.get("datetime")) else None


def _moment(value: Any, datetime: Any) -> str | None:
    if isinstance(value, datetime.datetime):
        return f'datetime("{_instant(value, datetime.timezone.utc).isoformat()}")'
    if isinstance(value, datetime.date):
        return f'date("{value.isoformat()}")'
    if isinstance(value, datetime.timedelta):
        return f"timedelta({value // datetime.timedelta(microseconds=1)})"
    if not isinstance(value, datetime.time):
        return None
    offset = value.utcoffset()
    if offset is None:
        return f'time("{value.replace(tzinfo=None).isoformat()}")'
    since = datetime.timedelta(0, value.second, value.microsecond, 0, value.minute, value.hour) - offset
    return f"time({since // datetime.timedelta(microseconds=1)})"  # 12:00+00:00 equals 14:00+02:00


def _instant(value: Any, utc: Any) -> Any:
    """Two aware times are equal when they are the same instant."""
    if value.utcoffset() is None:
        return value.replace(tzinfo=None)
    try:
        return value.astimezone(utc)
    except OverflowError:  # within a day of the years 1 and 9999
        return value


def _fields(value: Any) -> dict[str, Any] | None:
    """What makes a dataclass or a pydantic model (1 or 2) equal to another."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        names = [field.name for field in fields(value) if field.compare]
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    if isinstance(known := getattr(kind, "model_fields", None), dict):
        declared = {name: value.__dict__[name] for name in known if name in value.__dict__}
        return {**declared, **(getattr(value, "__pydantic_extra__", None) or {})}
    if isinstance(getattr(kind, "__fields__", None), dict):
        return dict(value.__dict__)
    return None


def _shown(path: Path) -> str:
    """Where it is, in words: $.order.lines[2]."""
    if path is None:
        return "$"
    around, step = path
    return f"{_shown(around)}[{step}]" if isinstance(step, int) else f"{_shown(around)}.{step[:40]}"
