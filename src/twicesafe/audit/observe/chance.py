"""Chance and clock under control: the same delivery has the same numbers and the same time in each schedule.

They are controlled, and not hidden afterwards: forked deliveries would share the state of `random`, and
look as if they made the same ids.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import sys
import time
import uuid
from typing import Any

HOST = 0x02_42_AC_11_00_02
"""The hardware address that uuid1 sees."""


class Clock:
    """Frozen but for those who sleep."""

    def __init__(self, now: float) -> None:
        self._travel = _time_machine().travel(now, tick=False).start()
        self._elapsed = 0.0
        self._real_sleep = asyncio.sleep
        self._real_monotonic = time.monotonic
        self._start = time.monotonic()

    def move_to(self, now: float) -> None:
        """Set it."""
        self._travel.move_to(now)

    def sleep(self, seconds: float) -> None:
        """Let time go by, in no time."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._travel.shift(float(seconds))
        self._elapsed += seconds

    def take_over(self) -> None:
        """Put it in the place of all clocks of this process."""
        real = self._real_monotonic
        patched: Any = time
        patched.sleep = self.sleep
        for name in ("monotonic", "perf_counter", "process_time"):
            setattr(time, name, lambda: self._start + self._elapsed)
            setattr(time, f"{name}_ns", lambda: int((self._start + self._elapsed) * 1e9))
        # An event loop waits for real: with a clock that stands still its timers would never be due.
        patched = asyncio.BaseEventLoop
        patched.time = lambda _: real()
        asyncio.sleep = self._sleep_async
        asyncio.tasks.sleep = self._sleep_async

    async def _sleep_async(self, delay: float, result: Any = None) -> Any:
        if delay > 0:
            self.sleep(delay)
        return await self._real_sleep(0, result)


def seed(number: int) -> None:
    """Give this process the chance of the delivery of that number."""
    source = random.Random(f"delivery {number}")  # noqa: S311 - it is to be foreseen
    patched: Any = os
    patched.urandom = source.randbytes
    patched = random
    patched._urandom = source.randbytes  # noqa: SLF001 - SystemRandom, and so secrets, read this name
    patched = ssl
    patched.RAND_bytes = source.randbytes
    random.seed(f"random {number}")
    patched = uuid
    patched._node = HOST  # noqa: SLF001 - what getnode() keeps
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(number)


def _time_machine() -> Any:
    """Without its pytest plugin, which would import pytest."""
    if "time_machine" in sys.modules or "pytest" in sys.modules:
        import time_machine

        return time_machine
    sys.modules["pytest"] = None  # type: ignore[assignment]  # the import system's own way to say that there is none
    try:
        import time_machine
    finally:
        del sys.modules["pytest"]
    return time_machine
