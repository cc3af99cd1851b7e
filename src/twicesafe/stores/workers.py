"""Threads for store calls that block an event loop, for calls that are given up after a time, and for heartbeats.

asyncio's own executor is the handler's: one that keeps all of its threads busy would keep its own steps, its completion
and other deliveries from the store, until their leases are over. These threads are daemons, so that a store that hangs
holds up neither the end of an interpreter nor that of a Lambda process; concurrent.futures would wait for them.
"""

from __future__ import annotations

import os
import threading
from _queue import Empty, SimpleQueue
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial

from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Job: TypeAlias = Callable[[], None]

MOST = 32
"""Threads for store calls. More would only wait at the same file, or for a client's connections."""
LINGERS = 10.0
"""Seconds that a thread waits for something to do before it ends."""


class Ended(NamedTuple):
    """What a call returned or raised: a value, since a future takes no StopIteration."""

    value: Any
    error: BaseException | None

    def get(self) -> Any:
        """Return or raise it."""
        if self.error is not None:
            raise self.error
        return self.value


class Workers:
    """Daemon threads that are started when they are needed, and used again: to start one takes as long as six uses.

    Args:
        most: how many there are at once, and what comes then waits in line; None: as many as have work.
    """

    def __init__(self, most: int | None, lingers: float = LINGERS) -> None:
        self._most = most
        self._lingers = lingers
        self._lock = threading.RLock()  # a signal's handler may come back to it, on top of its own thread
        self._count = 0
        self._idle: list[SimpleQueue[Job]] = []  # of each thread without work: where it waits for some
        self._line: deque[Job] = deque()

    def do(self, job: Job) -> None:
        """Have a thread do it.

        Raises:
            RuntimeError: no thread can be started, as when the interpreter ends.
        """
        with self._lock:
            with suppress(IndexError):
                self._idle.pop().put(job)
                return
            if self._most is not None and self._count >= self._most:
                self._line.append(job)
                return
            self._count += 1
        try:
            threading.Thread(target=self._work, args=(job,), name="twicesafe", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._count -= 1
            raise

    def _work(self, job: Job | None) -> None:
        inbox: SimpleQueue[Job] = SimpleQueue()
        while job is not None:
            job()
            job = None  # it holds a delivery's context, which is not to outlive it here
            job = self._next(inbox)

    def _next(self, inbox: SimpleQueue[Job]) -> Job | None:
        """Wait for something to do; None: nothing came."""
        with self._lock:
            if self._line:
                return self._line.popleft()
            self._idle.append(inbox)
        try:
            return inbox.get(timeout=self._lingers)
        except Empty:
            pass
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
                self._count -= 1
                return None
        return inbox.get()  # it came in the last moment


def start(function: Callable[..., object], *arguments: Any, pool: Workers | None = None) -> asyncio.Future[Ended]:
    """Call a function in a thread, with the context variables of this task, and return the future that gets its end.

    Whoever no longer waits cancels the future; the thread goes on to its end. Where no thread can be started, the loop
    waits for the call.

    Args:
        pool: the threads to use; by default those for store calls.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ended] = loop.create_future()
    call = in_this_context(function, arguments)

    def job() -> None:
        end = call()
        try:
            loop.call_soon_threadsafe(_tell, ended, end)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    try:
        (pool or pools.calls).do(job)
    except RuntimeError:
        job()
    return ended


def in_this_context(function: Callable[..., object], arguments: tuple[Any, ...]) -> Callable[[], Ended]:
    """Return a call that another thread can make, with the context variables that there are here."""
    return partial(copy_context().run, _end_of, function, arguments)


def _end_of(function: Callable[..., object], arguments: tuple[Any, ...]) -> Ended:
    try:
        return Ended(function(*arguments), None)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        return Ended(None, error)


def _tell(ended: asyncio.Future[Ended], end: Ended) -> None:
    if not ended.done():
        ended.set_result(end)


class Pools:
    """The threads of this process. A forked child has none of its parent's, and may have a lock as one held it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Have no threads, as in a new process."""
        self.calls = Workers(MOST)
        self.heartbeats = Workers(None)  # none of them waits for another
        self.bounded = Workers(None)  # nor does a call behind one that hangs


pools = Pools()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=pools.begin)
