"""Calls a function, and tells a flow what it did, as a value."""

from __future__ import annotations

from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from ..errors import ConfigurationError, CorruptRecord, TwicesafeError
from ..protocol.commands import Failed, Raised, Returned, Unkept, Unsuccessful
from ..protocol.records import NO_REPLY, Millis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from ..protocol.commands import Outcome
    from ..replies import Codec


LAZY = (CoroutineType, GeneratorType, AsyncGeneratorType)
"""Types that a call gives before it has run anything."""
REMEDY = "Put @idempotent right above the 'async def', or return what comes out in the end."


NEVER = Millis(0)


class Judge:
    """What counts as done, as failed, and as an answer that is kept."""

    __slots__ = (
        "codec",
        "final_errors",
        "interrupt",
        "keeps",
        "key",
        "limit",
        "remedy",
        "replayed",
        "says_failed",
        "to_keep",
    )

    def __init__(
        self,
        codec: Codec,
        key: str,
        *,
        limit: int | None = None,
        keeps: bool = True,
        final_errors: tuple[type[BaseException], ...] = (),
        says_failed: Callable[[object], bool] | None = None,
        to_keep: Callable[[object], object] | None = None,
        replayed: Callable[[object, Millis], object] | None = None,
        remedy: str = REMEDY,
    ) -> None:
        self.codec = codec
        self.key = key
        self.limit = limit
        self.keeps = keeps
        self.final_errors = final_errors
        self.says_failed = says_failed
        self.to_keep = to_keep
        self.replayed = replayed
        self.remedy = remedy  # for what has not run
        self.interrupt: BaseException | None = None  # came when the function had ended: raised once that is recorded

    def call(self, function: Callable[[], object]) -> Outcome:
        """Call it, and tell what it did."""
        try:
            value = function()
        except BaseException as error:  # noqa: BLE001 - what it did comes back as a value
            return self._raised(error)
        return self._returned(value)

    async def call_async(self, function: Callable[[], Awaitable[object]]) -> Outcome:
        """Call and await it, and tell what it did."""
        try:
            value = await function()
        except BaseException as error:  # noqa: BLE001 - as above
            return self._raised(error)
        return self._returned(value)

    def answer(self, kept: str | None, since: Millis = NEVER, *, failed: bool = False) -> Any:
        """Return or raise what is kept, as a later caller gets it.

        Args:
            since: when the execution that gave it began.

        Raises:
            CorruptRecord: it cannot be read, or is gone although it is needed.
        """
        if kept is None and (failed or self.keeps):
            raise CorruptRecord(self.key, "its reply is missing")
        if failed and kept is not None:
            raise self.codec.decode_error(kept, self.key)
        value = None if kept is None else self.codec.decode(kept, self.key)
        return value if self.replayed is None else self.replayed(value, since)

    def _returned(self, value: object) -> Outcome:
        return self._settled(partial(self._judged, value), partial(self._unreadable, value))

    def _settled(self, judged: Callable[[], Outcome], otherwise: Callable[[BaseException], Outcome]) -> Outcome:
        """Judge what is done already: whatever is raised meanwhile, it is recorded as done.

        A reply is the user's: a proxy, a number or a text of a class of their own may raise anything. An interrupt
        is a signal's, mostly, and does not come again; it is kept until the outcome is recorded.
        """
        for _ in range(2):
            try:
                return judged()
            except Exception as error:  # noqa: BLE001 - as said above
                return otherwise(error)
            except BaseException as error:  # noqa: BLE001 - raised once it is recorded
                self.interrupt = interrupt = error
        return otherwise(interrupt)

    def _judged(self, value: object) -> Outcome:
        if issubclass(type(value), LAZY) or is_awaitable(value):
            return Raised(self._not_run(value))
        if self.says_failed is not None and self.says_failed(value):
            return Unsuccessful(value)
        if not self.keeps:
            return Returned(NO_REPLY, value)
        part = value if self.to_keep is None else self.to_keep(value)
        kept = self.codec.keep(part, self.key, self.limit)
        if kept.error is not None:
            return Unkept(kept.text, value, kept.error)
        return Returned(kept.text, kept.value if part is value else value)

    def _unreadable(self, value: object, why: BaseException) -> Unkept:
        text, error = self.codec.unreadable(self.key, why)
        return Unkept(text, value, error)

    def _not_run(self, value: Any) -> ConfigurationError:
        if issubclass(type(value), CoroutineType):
            value.close()
        return ConfigurationError(
            f"The function for {self.key!r} returned a {type(value).__qualname__} that has not run, so nothing was "
            f"recorded. {self.remedy}"
        )

    def _is_final(self, error: BaseException) -> bool:
        """Return whether it is an answer. One of ours is, if it is named itself: most say that there is none yet."""
        kind = type(error)  # isinstance() would ask the error too
        ours = issubclass(kind, TwicesafeError)
        try:
            return any(
                issubclass(kind, final) and (not ours or issubclass(final, TwicesafeError))
                for final in self.final_errors
            )
        except Exception:  # noqa: BLE001 - a class may raise when it is asked; the claim is to be given back all the same
            return False

    def _raised(self, error: BaseException) -> Outcome:
        if not self._is_final(error):
            return Raised(error)
        encode = self.codec.encode_error
        return self._settled(
            lambda: Failed(encode(error, self.limit), error), lambda _: Failed(self.codec.lost_error(error), error)
        )


def is_awaitable(value: object) -> bool:
    """Return whether a value is to be awaited. Its type is asked first: a value may say that it has any attribute."""
    try:
        return hasattr(type(value), "__await__") and hasattr(value, "__await__")
    except Exception:  # noqa: BLE001 - a proxy raises where nothing is behind it
        return False


def outcome_value(outcome: Outcome) -> object:
    """Return or raise what the first caller gets."""
    if isinstance(outcome, (Returned, Unsuccessful)):
        return outcome.value
    raise outcome.error
