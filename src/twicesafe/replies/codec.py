"""From a function's result to the text that is kept, and back.

Plain JSON is kept as plain JSON. What JSON does not have becomes an object with one name that
begins with `$` (trees.py). Text that is too long is compressed. What cannot be kept leaves a mark
that says why: it is done all the same, and every later caller hears that.
"""

from __future__ import annotations

import json

from ..errors import CorruptRecord, ReplyTooLarge, UnkeptReply, UnserializableReply
from ..tuples import NamedTuple
from .text import Unkeepable, Unreadable, escaped, is_plain, read, shortened, size, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .known import KnownTypes

MARK = "unkept:"
"""Begins the text that stands for a reply that was not kept; no text of JSON begins like this."""


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
        handler: it is a Lambda handler: what the runtime cannot send is not kept, and what it sends as something
            plainer is kept as that.
        final_errors: the exceptions that may come back, with those of their subclasses that are loaded.
    """

    __slots__ = ("_final_errors", "_function", "_handler", "_hook", "_known")

    def __init__(
        self,
        function: Callable[..., Any] | None = None,
        *,
        handler: bool = False,
        final_errors: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._function = function
        self._known: KnownTypes | None = None
        self._hook: Callable[[dict[str, Any]], Any] | None = None
        self._handler = handler
        self._final_errors = final_errors

    def keep(self, value: object, key: str, limit: int | None = None) -> Kept:
        """The text to keep, and the value that it gives back; it never raises, since the function has run.

        Args:
            limit: in bytes of UTF-8.
        """
        try:
            text, given = self._written(value)
        except Unkeepable as error:
            return _unkept(value, UnserializableReply(key, str(error)), [str(error)])
        text = shortened(text, limit)
        if limit is not None and size(text) > limit:
            return _unkept(value, ReplyTooLarge(key, size(text), limit), [size(text), limit])
        return Kept(text, given)

    def unreadable(self, key: str, why: BaseException) -> tuple[str, UnkeptReply]:
        """Return the text to keep of a value that raises when it is read, and the error that callers get instead."""
        reason = f"it cannot be read ({type(why).__name__})"
        error = UnserializableReply(key, reason)
        error.__cause__ = why
        return _mark([reason]), error

    def decode(self, text: str, key: str) -> Any:
        """The value that is kept in the text.

        Raises:
            CorruptRecord: it cannot be read.
            ReplyTooLarge, UnserializableReply: the function has run, but its reply was not kept.
        """
        if text.startswith(MARK):
            raise _why_unkept(text, key)
        try:
            return read(text, self._unpack)
        except Unreadable as error:
            raise CorruptRecord(key, f"its reply is damaged: {error}") from None

    def encode_error(self, error: BaseException, limit: int | None = None) -> str:
        """The text of a final error: its class, message, arguments, attributes and notes.

        What of them has no exact text is left out, an attribute first, since callers act on the class. If the class
        cannot be made again at all, every later caller hears UnserializableReply.

        Args:
            limit: in bytes of UTF-8.
        """
        from .final_errors import trees_of

        for tree in trees_of(error, self._final_errors, self._types()):
            text = self._text_of_error(tree)
            if text is not None and (limit is None or size(text := shortened(text, limit)) <= limit):
                return text
        return self.lost_error(error)

    def lost_error(self, error: BaseException) -> str:
        """Return the text to keep of a final error that cannot be made again."""
        from .known import full_name

        return _mark([f"its final error {full_name(type(error))} cannot be made again"])

    def decode_error(self, text: str, key: str) -> BaseException:
        """The final error: of its own class, or else of the nearest one above it that is loaded and named as final.

        It is UnserializableReply if the error was not kept.

        Raises:
            CorruptRecord: it cannot be read, or its class is not named as final any more.
        """
        if text.startswith(MARK):
            return _why_unkept(text, key)
        from .final_errors import error_of

        try:
            return error_of(read(text, self._unpack), self._final_errors)
        except Unreadable as error:
            raise CorruptRecord(key, str(error)) from None
        except Exception as error:  # noqa: BLE001 - a poisoned text can make an error's class refuse in any way
            raise CorruptRecord(key, f"its final error is damaged ({type(error).__name__})") from None

    def _written(self, value: Any) -> tuple[str, Any]:
        """The text, and what it gives back."""
        try:
            if is_plain(value):
                return write(value), value
            from .trees import pack  # with the first reply that is more than JSON

            if self._handler:
                from .runtime import as_sent

                value = as_sent(value)
            text = write(pack(value, self._types()))
            return text, read(text, self._unpack)
        except Unkeepable:
            raise
        except RecursionError:
            raise Unkeepable("it contains itself, or is nested too deeply") from None
        except Unreadable as error:
            raise Unkeepable(f"it would not come back: {error}") from None
        except Exception as error:  # noqa: BLE001 - a value may refuse to be read in any way; it is done all the same
            raise Unkeepable(f"it has a part that cannot be read ({type(error).__name__})") from None

    def _types(self) -> KnownTypes:
        if self._known is None:
            from .known import KnownTypes

            self._known = KnownTypes(self._function)
        return self._known

    def _unpack(self) -> Callable[[dict[str, Any]], Any]:
        if self._hook is None:
            from .trees import unpack

            self._hook = unpack(self._types())
        return self._hook

    def _text_of_error(self, tree: object) -> str | None:
        """The text, if it does give an error back."""
        from .final_errors import error_of

        try:
            text = write(tree)
            error_of(read(text, self._unpack), self._final_errors)
        except Exception:  # noqa: BLE001 - the user's class may refuse in any way; a plainer tree is tried next
            return None
        return text


def _unkept(value: object, error: UnkeptReply, why: list[object]) -> Kept:
    return Kept(_mark(why), value, error)


def _mark(why: list[object]) -> str:
    return MARK + escaped(why)


def _why_unkept(text: str, key: str) -> UnkeptReply | CorruptRecord:
    try:
        why = json.loads(text[len(MARK) :])
    except (ValueError, RecursionError):
        why = None
    if isinstance(why, list) and len(why) == 2 and all(type(number) is int for number in why):
        return ReplyTooLarge(key, *why)
    if isinstance(why, list) and len(why) == 1 and isinstance(why[0], str):
        return UnserializableReply(key, why[0])
    return CorruptRecord(key, "it says that its reply was not kept, and not why")
