"""Keeps a lease alive while the function runs, where no platform's deadline bounds it."""

from __future__ import annotations

import threading

from ..protocol.commands import Now, Sleep
from ..protocol.drivers import drive, drive_async
from ..protocol.flows import keep_alive
from .current import instant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task

    from ..protocol.commands import Command
    from ..protocol.policy import Policy
    from ..protocol.tenure import Tenure
    from ..stores.base import Store


class _Stopped(Exception):
    """The function has ended: thrown into the flow where it sleeps."""


class Heartbeat:
    """Renews beside the function, in a thread or a task, and has ended when its block ends.

    A thread left behind would go on after Lambda's next thaw, in another delivery. An interrupt while its end is
    awaited is kept, for the function has ended already, and what it did is to be recorded.
    """

    __slots__ = ("_policy", "_stop", "_store", "_task", "_tenure", "_thread", "interrupt")

    def __init__(self, tenure: Tenure, policy: Policy, store: Store) -> None:
        self._tenure = tenure
        self._policy = policy
        self._store = store
        self._stop = threading.Event()
        self.interrupt: BaseException | None = None

    def __enter__(self) -> Heartbeat:
        self._thread = threading.Thread(target=self._beat, name="twicesafe-heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._thread.join()
            except BaseException as error:  # noqa: BLE001 - a signal's handler can raise anything
                self.interrupt = error

    async def __aenter__(self) -> Heartbeat:
        import asyncio

        self._task: Task[None] = asyncio.create_task(
            drive_async(keep_alive(self._tenure, self._policy), self._answer_async)
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task.get_loop().is_closed():
            return
        import asyncio

        self._task.cancel()
        while kind is None and not self._task.done():
            try:
                await asyncio.wait((self._task,))
            except asyncio.CancelledError as error:
                self.interrupt = error

    def _beat(self) -> None:
        try:
            drive(keep_alive(self._tenure, self._policy), self._answer)
        except _Stopped:
            return

    def _answer(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Sleep):
            if self._stop.wait(command.duration / 1000):
                raise _Stopped
            return None
        return self._store.apply(command)  # type: ignore[arg-type]  # it runs nothing

    async def _answer_async(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Sleep):
            import asyncio

            await asyncio.sleep(command.duration / 1000)
            return None
        return await self._store.apply_async(command)  # type: ignore[arg-type]  # as above
