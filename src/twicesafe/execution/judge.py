"""Calls a function, and tells a flow what it did, as a value."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType

from ..errors import ConfigurationError, CorruptRecord, TwicesafeError
from ..protocol.commands import Failed, Raised, Returned, Unkept, Unsuccessful
from ..protocol.records import NO_REPLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from ..protocol.commands import Outcome
    from ..replies import Codec


LAZY = (CoroutineType, GeneratorType, AsyncGeneratorType)
"""What a call gives that has run nothing yet."""


class Judge:
    """What counts as done, as failed, and as an answer that is kept."""

    __slots__ = ("codec", "final_errors", "keeps", "key", "limit", "replayed", "says_failed", "to_keep")

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
        replayed: Callable[[object], object] | None = None,
    ) -> None:
        self.codec = codec
        self.key = key
        self.limit = limit
        self.keeps = keeps
        self.final_errors = final_errors
        self.says_failed = says_failed
        self.to_keep = to_keep
        self.replayed = replayed

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

    def answer(self, kept: str | None, *, failed: bool = False) -> Any:
        """Return or raise what is kept, as a later caller gets it.

        Raises:
            CorruptRecord: it cannot be read, or is gone although it is needed.
        """
        if kept is None and (failed or self.keeps):
            raise CorruptRecord(self.key, "its reply is missing")
        if failed and kept is not None:
            raise self.codec.decode_error(kept, self.key)
        value = None if kept is None else self.codec.decode(kept, self.key)
        return value if self.replayed is None else self.replayed(value)

    def _returned(self, value: object) -> Outcome:
        if isinstance(value, LAZY) or hasattr(type(value), "__await__"):
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

    def _not_run(self, value: object) -> ConfigurationError:
        if isinstance(value, CoroutineType):
            value.close()
        return ConfigurationError(
            f"The function for {self.key!r} returned a {type(value).__qualname__} that has not run, so nothing was "
            "recorded. Put @idempotent right above the 'async def', or return what comes out in the end."
        )

    def _is_final(self, error: BaseException) -> bool:
        """One of ours only if it is named itself: most say that there is no answer yet."""
        ours = isinstance(error, TwicesafeError)
        return any(
            isinstance(error, kind) and (not ours or issubclass(kind, TwicesafeError)) for kind in self.final_errors
        )

    def _raised(self, error: BaseException) -> Outcome:
        if self._is_final(error):
            return Failed(self.codec.encode_error(error, self.limit), error)
        return Raised(error)


def outcome_value(outcome: Outcome) -> object:
    """Return or raise what the first caller gets."""
    if isinstance(outcome, (Returned, Unsuccessful)):
        return outcome.value
    raise outcome.error
