"""Connections that wait for their next request: the last one back is the first one out."""

from __future__ import annotations

import os
import select
import time
import weakref
from collections import deque
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Waiting(Protocol):
        """A connection."""

        since: float  # that it waits, by the wall clock: another may stand still in a freeze
        signs: int  # what shows that it is of no use any more: GONE, or UNASKED too
        poll: Any  # asks the system for them; None: it is not made yet

        def fileno(self) -> int:
            """Its socket's number; -1: it is closed."""

        def close(self) -> None:
            """End it, here; another process that has it too keeps it."""


MOST = 32
OLDEST = 30.0
"""Seconds. DynamoDB closes what is idle for about 60; after a freeze nobody here may know that yet."""
GONE = getattr(select, "POLLRDHUP", 0)
"""What a peer's end shows as; 0: this system (macOS) cannot tell, and age and another try must do."""
UNASKED = getattr(select, "POLLIN", 0) if GONE else 0
"""What bytes that nobody asked for show as. Under TLS they are none: a session's tickets wait unread."""


class Idle:
    """Shared by threads without a lock: a deque's ends are safe."""

    def __init__(self) -> None:
        self._lines: deque[Any] = deque()
        self._pid = os.getpid()
        _all.add(self)
        _drop_when_restored()  # once a process: an event loop each delivery makes its own Idle

    def take(self) -> Any:
        """One that seems to be alive; None: connect anew."""
        if self._pid != os.getpid():  # what a parent and its child both use is spoilt for both
            self.drop()
            self._pid = os.getpid()
        while self._lines:
            try:
                line = self._lines.pop()
            except IndexError:  # another thread was faster
                return None
            if _is_fresh(line, time.time()) and not _is_gone(line):
                return line
            line.close()
        return None

    def put(self, line: Waiting) -> None:
        """Keep it for later; and let go of the oldest, if it is too old or one too many."""
        line.since = now = time.time()
        self._lines.append(line)
        try:
            if len(self._lines) > MOST or not _is_fresh(self._lines[0], now):
                self._lines.popleft().close()
        except IndexError:  # another thread took it
            pass

    def drop(self) -> None:
        """Close them all."""
        while self._lines:
            try:
                self._lines.pop().close()
            except IndexError:
                return


def _is_fresh(line: Waiting, now: float) -> bool:
    return 0 <= now - line.since < OLDEST


def _is_gone(line: Waiting) -> bool:
    if line.fileno() < 0:
        return True
    if not line.signs:
        return False
    if line.poll is None:
        line.poll = select.poll()
        line.poll.register(line.fileno(), line.signs)
    return bool(line.poll.poll(0))


@lru_cache(maxsize=1)
def _drop_when_restored() -> None:
    """SnapStart restores one snapshot many times: its connections belong to none of them."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    try:
        from snapshot_restore_py import register_after_restore  # Lambda's runtime has it
    except ImportError:
        return

    def drop() -> None:
        for idle in list(_all):
            idle.drop()

    register_after_restore(drop)


_all: weakref.WeakSet[Idle] = weakref.WeakSet()
