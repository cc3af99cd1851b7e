"""Heartbeats, which keep a lease alive while its function runs, where no platform's deadline bounds it."""

from __future__ import annotations

import os
import threading

from ..decisions import logger
from ..protocol.commands import Now, Sleep
from ..protocol.drivers import drive
from ..protocol.flows import keep_alive
from ..stores.workers import pools
from .current import instant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from concurrent.futures import Future

    from ..protocol.commands import Command, StoreReply
    from ..protocol.policy import Policy
    from ..protocol.tenure import Tenure
    from ..stores.base import Store


HAS_ENDED = "The lease of %r is renewed no more, since its store raised %s; another delivery can run once it is over."


class _Stopped(Exception):
    """The function has ended: thrown into the flow where it sleeps."""


class Heartbeat:
    """Renews beside the function in a thread, and has ended when its block ends.

    An async function has a thread too: a task would wait for whatever keeps the event loop, or the threads of its
    executor. A heartbeat left behind would go on after Lambda's next thaw, in another delivery. An interrupt while its
    end is awaited is kept, for the function has ended already, and what it did is to be recorded.
    """

    __slots__ = (
        "_asked",
        "_ended",
        "_loop",
        "_over",
        "_pid",
        "_policy",
        "_stop",
        "_store",
        "_task",
        "_tenure",
        "interrupt",
    )

    def __init__(self, tenure: Tenure, policy: Policy, store: Store) -> None:
        self._tenure = tenure
        self._policy = policy
        self._store = store
        self._stop, self._over = threading.Event(), threading.Event()
        self._pid = os.getpid()
        self._loop: AbstractEventLoop | None = None
        self._asked: Future[StoreReply] | None = None  # of the loop, where the store belongs to that
        self.interrupt: BaseException | None = None

    def __enter__(self) -> Heartbeat:
        pools.heartbeats.do(self._beat)
        return self

    def __exit__(self, *_: object) -> None:
        if os.getpid() != self._pid:
            return  # a forked child, which has no such thread
        self._stop.set()
        while not self._over.is_set():
            try:
                self._over.wait()
            except BaseException as error:  # noqa: BLE001 - a signal's handler can raise anything
                self.interrupt = error

    async def __aenter__(self) -> Heartbeat:
        import asyncio

        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self.__enter__()
        self._task: Task[None] = asyncio.create_task(self._until_it_ends())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if os.getpid() != self._pid:
            return
        self._stop.set()
        if self._asked is not None:
            self._asked.cancel()
        if self._task.get_loop().is_closed():
            return
        import asyncio

        if kind is not None:  # the coroutine is thrown away, and cannot wait
            self._task.cancel()
            return
        while not self._task.done():
            try:
                await asyncio.wait((self._task,))
            except asyncio.CancelledError as error:
                self.interrupt = error
        self.__exit__()  # the task may have been cancelled, as all are when a loop is shut down

    async def _until_it_ends(self) -> None:
        await self._ended.wait()

    def _beat(self) -> None:
        try:
            drive(keep_alive(self._tenure, self._policy), self._answer)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001 - of a store that raises what is none of ours
            logger.warning(HAS_ENDED, self._tenure.key, type(error).__name__, exc_info=error)
        finally:
            self._over.set()
            if self._loop is not None:
                self._tell(self._loop)

    def _tell(self, loop: AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._ended.set)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    def _answer(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Sleep):
            if self._stop.wait(command.duration / 1000) or (self._loop is not None and self._loop.is_closed()):
                raise _Stopped
            return None
        if self._loop is not None and getattr(self._store, "is_of_a_loop", False):
            return self._ask(command, self._loop)
        return self._store.apply(command)  # type: ignore[arg-type]  # it runs nothing

    def _ask(self, command: Command, loop: AbstractEventLoop) -> object:
        """Have the loop ask, in whose connections the store is."""
        import asyncio
        from concurrent.futures import CancelledError

        self._asked = asyncio.run_coroutine_threadsafe(self._store.apply_async(command), loop)  # type: ignore[arg-type]  # as above
        if self._stop.is_set():
            self._asked.cancel()
        try:
            return self._asked.result()
        except CancelledError:
            raise _Stopped from None
