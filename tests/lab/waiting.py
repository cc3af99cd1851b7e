"""Waiting for what other processes do, with an end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE = 30.0
"""Seconds: nothing here takes one of them on a quiet machine."""


def until(is_so: Callable[[], object], what: str) -> None:
    """Wait until it is so.

    Raises:
        AssertionError: it did not become so.
    """
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.02)


def until_gone(pids: Iterable[int]) -> None:
    """Wait until there are no such processes. One that init has still to reap has ended, too."""
    for pid in pids:
        until(lambda: not is_alive(pid), f"process {pid} is gone")  # noqa: B023 - called here and now


def is_alive(pid: int) -> bool:
    """Whether the process runs code."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return os.path.isdir("/proc") is False
