"""Time limits for calls that take none: the look-up of a name, a request of an AWS client.

A call that takes longer is left behind in its thread, and ends by itself. A request that it sends late is a late copy.
"""

from __future__ import annotations

import threading
from contextvars import copy_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...protocol.records import Millis

LEAST = 0.05
"""Seconds that a connection or an answer is given, however late it is."""


def seconds(left: Millis | None) -> float | None:
    """Return how long to wait, where so much of the platform's time is left; None: as long as it takes."""
    return None if left is None else max(LEAST, left / 1000)


def within(limit: float | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function, and wait for it so many seconds; None: as long as it takes.

    Raises:
        TimeoutError: it takes longer.
    """
    if limit is None:
        return function(*arguments)
    call = _Call(function, arguments)
    call.start()
    call.join(limit)
    return call.result()


async def within_async(limit: float | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a blocking function, and wait for it on an event loop; see `within`.

    Not in the loop's own threads: asyncio.run waits for all that go on there.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    call = _Call(function, arguments, lambda: _tell(loop, ended))
    call.start()
    try:
        await asyncio.wait_for(ended.wait(), limit)
    except asyncio.TimeoutError:
        raise TimeoutError from None  # the two are one from Python 3.11 on
    return call.result()


def _tell(loop: Any, ended: Any) -> None:
    try:
        loop.call_soon_threadsafe(ended.set)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


class _Call(threading.Thread):
    """A call in a thread that does not keep the process alive, with the caller's context variables."""

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], then: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(name="twicesafe-call", daemon=True)
        self._call, self._arguments, self._then = copy_context().run, (function, *arguments), then
        self._ended: tuple[Any, BaseException | None] | None = None

    def run(self) -> None:
        """Call it, and keep what came of it."""
        try:
            self._ended = self._call(*self._arguments), None
        except BaseException as error:  # noqa: BLE001 - raised to the one who waits
            self._ended = None, error
        self._then()

    def result(self) -> Any:
        """Return or raise what came of it.

        Raises:
            TimeoutError: it has not ended.
        """
        if self._ended is None:
            raise TimeoutError
        value, error = self._ended
        if error is not None:
            raise error
        return value
