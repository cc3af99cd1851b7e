"""Time limits for calls that take none: the look-up of a name, a request of an AWS client.

A call that takes longer is left behind in its thread, and ends by itself. A request that it sends late is a late copy.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...protocol.records import Millis
    from ..workers import Ended

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
    from _queue import Empty, SimpleQueue  # with the first call that may hang, and not at INIT

    from ..workers import in_this_context, pools

    ended: SimpleQueue[Ended] = SimpleQueue()
    call = in_this_context(function, arguments)
    pools.bounded.do(lambda: ended.put(call()))
    try:
        return ended.get(timeout=limit).get()
    except Empty:
        raise TimeoutError from None


async def within_async(limit: float | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a blocking function, and wait for it on an event loop; see `within`."""
    import asyncio

    from ..workers import pools, start

    try:
        return (await asyncio.wait_for(start(function, *arguments, pool=pools.bounded), limit)).get()
    except asyncio.TimeoutError:
        raise TimeoutError from None  # the two are one from Python 3.11 on
