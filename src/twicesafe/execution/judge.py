"""Calls a function, and tells a flow what it did, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.commands import Failed, Raised, Returned, Unkept, Unsuccessful

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..protocol.commands import Outcome
    from ..replies import Codec


class Judge:
    """What counts as done, as failed, and as an answer that is kept."""

    __slots__ = ("codec", "final_errors", "keeps", "key", "limit", "says_failed")

    def __init__(
        self,
        codec: Codec,
        key: str,
        *,
        limit: int | None = None,
        keeps: bool = True,
        final_errors: tuple[type[BaseException], ...] = (),
        says_failed: Callable[[object], bool] | None = None,
    ) -> None:
        self.codec = codec
        self.key = key
        self.limit = limit
        self.keeps = keeps
        self.final_errors = final_errors
        self.says_failed = says_failed

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
        """Return or raise what is kept, as a later caller gets it."""
        if failed and kept is not None:
            raise self.codec.decode_error(kept, self.key)
        return None if kept is None else self.codec.decode(kept, self.key)

    def _returned(self, value: object) -> Outcome:
        if self.says_failed is not None and self.says_failed(value):
            return Unsuccessful(value)
        if not self.keeps:
            return Returned(None, value)
        kept = self.codec.keep(value, self.key, self.limit)
        if kept.error is not None:
            return Unkept(kept.text, value, kept.error)
        return Returned(kept.text, kept.value)

    def _raised(self, error: BaseException) -> Outcome:
        if isinstance(error, self.final_errors):
            return Failed(self.codec.encode_error(error, self.limit), error)
        return Raised(error)


def outcome_value(outcome: Outcome) -> object:
    """Return or raise what the first caller gets."""
    if isinstance(outcome, (Returned, Unsuccessful)):
        return outcome.value
    raise outcome.error
