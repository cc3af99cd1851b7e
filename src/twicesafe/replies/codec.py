"""From a function's result to the text that is kept, and back.

Plain JSON is kept as plain JSON. What JSON does not have becomes an object with one name that
begins with `$` (packing.py). Text that is too long is compressed. What cannot be kept leaves a mark
that says why: it is done all the same, and every later caller hears that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..errors import CorruptRecord, ReplyTooLarge, UnkeptReply, UnserializableReply
from .known import KnownTypes, subclasses
from .packing import Unkeepable, Unreadable, is_plain, pack, unpack
from .runtime import why_not_sent

if TYPE_CHECKING:
    from collections.abc import Callable

COMPRESSED = "z:"
"""No text of JSON begins like this."""
LONGEST = 64 * 1024 * 1024
"""Bytes that a compressed reply may have when it is read: ten times what Lambda can return."""
MARK = "$unkept"


class Kept(NamedTuple):
    """What is kept of a result, and what the first caller gets."""

    text: str
    value: object
    error: UnkeptReply | None = None  # raised instead, now and on each replay


class Codec:
    """Keeps the results of one function.

    Args:
        function: its return annotation names the types beyond the plain ones that may come back; none is ever
            imported because a record names it.
        handler: it is a Lambda handler, whose result the runtime must be able to send.
        final_errors: the exceptions that may come back.
    """

    __slots__ = ("_final_errors", "_handler", "_types")

    def __init__(
        self,
        function: Callable[..., Any] | None = None,
        *,
        handler: bool = False,
        final_errors: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._types = KnownTypes(function)
        self._handler = handler
        self._final_errors = final_errors

    def keep(self, value: object, key: str, limit: int | None = None) -> Kept:
        """The text to keep; within the limit, in bytes of UTF-8."""
        try:
            if self._handler and (reason := why_not_sent(value)) is not None:
                raise Unkeepable(reason)
            text, same = self._encode(value)
        except Unkeepable as error:
            return self._unkept(value, UnserializableReply(key, str(error)), [str(error)[:500]])
        short = _within(text, limit)
        if short is None:
            assert limit is not None
            size = len(text.encode())
            return self._unkept(value, ReplyTooLarge(key, size, limit), [size, limit])
        return Kept(short, value if same else self.decode(text, key))

    def decode(self, text: str, key: str) -> Any:
        """The value that is kept in the text.

        Raises:
            CorruptRecord: it cannot be read.
            ReplyTooLarge, UnserializableReply: the function has run, but its reply was not kept.
        """
        tree = _tree(text, key)
        if isinstance(tree, dict) and len(tree) == 1 and MARK in tree:
            raise _unkept_error(tree[MARK], key)
        return self._unpack(tree, key)

    def encode_error(self, error: BaseException) -> str:
        """The text of a final error: its class by name, its arguments and attributes.

        What of them cannot be kept is left out, down to its message: the class is what callers act on.
        """
        for args, attributes in ((error.args, vars(error)), (error.args, {}), ((str(error),), {})):
            try:
                packed = [pack(list(args), self._types.name), pack(dict(attributes), self._types.name)]
                return _dump({"$error": [type(error).__qualname__, *packed]})
            except Unkeepable:
                continue
        return _dump({"$error": [type(error).__qualname__, [], {}]})

    def decode_error(self, text: str, key: str) -> BaseException:
        """The final error, as one of the classes that were named, made without their __init__.

        Raises:
            CorruptRecord: it cannot be read, or its class is not named as final any more.
        """
        tree = _tree(text, key)
        try:
            name, packed_args, packed_attributes = tree["$error"]
        except (KeyError, TypeError, ValueError):
            raise CorruptRecord(key, "its final error is not written as one") from None
        kind = next((k for k in subclasses(self._final_errors) if k.__qualname__ == name), None)
        args, attributes = self._unpack(packed_args, key), self._unpack(packed_attributes, key)
        if kind is None or not isinstance(args, list) or not isinstance(attributes, dict):
            raise CorruptRecord(key, f"its final error {str(name)[:100]!r} is none of final_errors=")
        error = cast("BaseException", kind.__new__(kind, *args))
        error.args = tuple(args)
        error.__dict__.update(attributes)
        return error

    def _encode(self, value: object) -> tuple[str, bool]:
        """The text, and whether it decodes to an equal value of the same plain types."""
        try:
            plain = is_plain(value)
            return _dump(value if plain else pack(value, self._types.name)), plain
        except RecursionError:
            raise Unkeepable("it contains itself, or is nested too deeply") from None

    def _unpack(self, tree: Any, key: str) -> Any:
        try:
            return unpack(tree, self._types.find)
        except Unreadable as error:
            raise CorruptRecord(key, str(error)) from None
        except RecursionError:
            raise CorruptRecord(key, "its reply is nested too deeply") from None

    def _unkept(self, value: object, error: UnkeptReply, why: list[object]) -> Kept:
        return Kept(_dump({MARK: why}), value, error)


def _dump(tree: object) -> str:
    try:
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise Unkeepable("it has text that is not Unicode: half of a surrogate pair") from None
    except ValueError as error:
        raise Unkeepable(str(error)) from None
    return text


def _within(text: str, limit: int | None) -> str | None:
    """The text, compressed if only that brings it under the limit; None if that does not either."""
    if limit is None or (len(text) * 4 <= limit or len(text.encode()) <= limit):
        return text
    import base64
    import zlib

    packed = COMPRESSED + base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    return packed if len(packed) <= limit else None


def _tree(text: str, key: str) -> Any:
    try:
        return json.loads(_inflated(text) if text.startswith(COMPRESSED) else text)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(key, f"its reply is not JSON: {type(error).__name__}") from None


def _inflated(text: str) -> bytes:
    """Decompress, up to a size that a poisoned record cannot exceed."""
    import base64
    import zlib

    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(base64.b64decode(text[len(COMPRESSED) :], validate=True), LONGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not inflater.eof:
        raise ValueError("cut short, or too long")
    return data


def _unkept_error(why: object, key: str) -> Exception:
    if isinstance(why, list) and len(why) == 2 and all(type(number) is int for number in why):
        return ReplyTooLarge(key, *why)
    if isinstance(why, list) and len(why) == 1 and isinstance(why[0], str):
        return UnserializableReply(key, why[0])
    return CorruptRecord(key, "it says that its reply was not kept, and not why")
