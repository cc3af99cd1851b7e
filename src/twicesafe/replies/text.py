"""A tree of plain JSON types as text, short enough for a store, and back."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

COMPRESSED = "z:"
"""No text of JSON begins like this."""
LONGEST = 64 * 1024 * 1024
"""Bytes that a compressed text may have when it is read: ten times what Lambda can return."""

PLAIN = frozenset((str, int, float, bool, type(None)))
"""What JSON has, but for NaN and infinite floats: those are refused when they are written."""
NAMES = frozenset((str,))

# A tree was walked before it is written, so that json need not look for circles again.
_EXACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


class Unkeepable(ValueError):
    """A value that has no text which gives it back."""


class Unreadable(ValueError):
    """A text that no value has."""


def is_plain(value: Any) -> bool:
    """Whether JSON gives it back just as it is."""
    kind = type(value)
    if kind is dict:
        if not NAMES.issuperset(map(type, value)) or (len(value) == 1 and is_tag(next(iter(value)))):
            return False
        value = value.values()
    elif kind is not list:
        return kind in PLAIN
    if PLAIN.issuperset(map(type, value)):
        return True
    for item in value:  # noqa: SIM110 - a large reply has many parts, and all() would call a generator for each
        if not (type(item) in PLAIN or is_plain(item)):
            return False
    return True


def is_tag(name: Any) -> bool:
    """Whether an object of this one name may stand for what JSON does not have (trees.py)."""
    return type(name) is str and name.startswith("$")


def write(tree: object) -> str:
    """The text of a tree; always valid Unicode.

    Raises:
        Unkeepable: it has text or a number that would not come back.
    """
    try:
        text = _EXACT.encode(tree)
        if text.isascii() or _is_unicode(text):
            return text
        text = _ESCAPED.encode(tree)  # halves of surrogate pairs, as in file names: they come back if they are alone
        if json.loads(text) == tree:
            return text
    except ValueError as error:  # NaN, or more digits than Python writes (sys.set_int_max_str_digits)
        raise Unkeepable(f"it cannot be written: {error}") from None
    raise Unkeepable("it has text that is not Unicode: both halves of a surrogate pair, as two characters")


def escaped(tree: object) -> str:
    """Return the text of a tree for people: any text can be in it, and nearly any comes back as it was."""
    return _ESCAPED.encode(tree)


def read(text: str, unpack: Callable[[], Callable[[dict[str, Any]], Any]]) -> Any:
    """The value of a text, compressed or not.

    Args:
        unpack: gives what is called for each object, the innermost first, if the text has a name that begins with `$`.

    Raises:
        Unreadable: it is not JSON.
    """
    try:
        if text.startswith(COMPRESSED):
            text = _decompressed(text)
        return json.loads(text, object_hook=unpack()) if '"$' in text else json.loads(text)
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"it is not JSON ({type(error).__name__})") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def shortened(text: str, limit: int | None) -> str:
    """The text, compressed if only that can bring it under the limit."""
    if limit is None or size(text) <= limit or size(text) > LONGEST:
        return text
    import base64
    import zlib

    compressed = COMPRESSED + base64.b64encode(zlib.compress(text.encode())).decode()
    return compressed if len(compressed) < size(text) else text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decompressed(text: str) -> str:
    """Up to a length that a poisoned record cannot exceed."""
    import base64
    import zlib

    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(base64.b64decode(text[len(COMPRESSED) :], validate=True), LONGEST)
    except zlib.error:
        raise Unreadable("its compressed data is damaged") from None
    if not inflater.eof:
        raise Unreadable(f"its compressed data is cut short, or longer than {LONGEST} bytes")
    return data.decode()
