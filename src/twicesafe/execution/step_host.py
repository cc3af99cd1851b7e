"""Answers the commands of one step's flow: the functions, the time, and the store for all else."""

from __future__ import annotations

import os
import time
from functools import partial

from ..protocol.commands import Now, RunRecover, RunStep, Sleep
from ..protocol.drivers import drive, drive_async
from ..protocol.entries import Result
from ..stores.base import Within
from .current import current_step, instant
from .judge import Judge, is_awaitable, outcome_value
from .options import NOT_DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..protocol.commands import Command, Outcome
    from ..protocol.tenure import Tenure
    from ..replies import Codec
    from ..stores.base import Store
    from .current import Execution


REMEDY = (
    "Give step() an async function (async def pay(order): return await client.pay(order)), or return what comes out "
    "in the end."
)


class StepHost:
    """One step of one execution, with all that its flow asks for."""

    __slots__ = ("_execution", "_judge", "_name", "_store", "_tenure", "call", "recover")

    def __init__(self, name: str, execution: Execution, tenure: Tenure, codec: Codec) -> None:
        self._name = name
        self._execution = execution
        self._tenure = tenure
        self._store: Store = execution.store
        self._judge = Judge(codec, tenure.key, limit=execution.store.reply_limit, remedy=REMEDY)
        self.call: Callable[[], Any] = _nothing
        self.recover: Callable[[], Any] = _nothing

    def run(self, flow: Any) -> Any:
        """Carry the step to its end, and return or raise what its caller gets."""
        return self._value(drive(flow, self.answer))

    async def run_async(self, flow: Any) -> Any:
        """Carry it to its end, on an event loop."""
        return self._value(await drive_async(flow, self.answer_async))

    def _value(self, ended: Result | Outcome | None) -> Any:
        if self._judge.interrupt is not None:
            raise self._judge.interrupt
        if ended is None:
            return None
        return self._judge.answer(ended.text) if isinstance(ended, Result) else outcome_value(ended)

    def answer(self, command: Command) -> object:
        """Answer one command."""
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Sleep):
            time.sleep(_part_of(command))
            return None
        if not isinstance(command, (RunStep, RunRecover)):
            return self._store.apply(command)  # type: ignore[arg-type]  # a step runs no other function
        with Within(current_step, (self._execution, self._name)):
            outcome = self._judge.call(self._of(command))
        return _or_not_done(command, outcome)

    async def answer_async(self, command: Command) -> object:
        """The same, on an event loop."""
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Sleep):
            import asyncio

            await asyncio.sleep(_part_of(command))
            return None
        if not isinstance(command, (RunStep, RunRecover)):
            return await self._store.apply_async(command)  # type: ignore[arg-type]  # as above
        with Within(current_step, (self._execution, self._name)):
            outcome = await self._judge.call_async(partial(_awaited, self._of(command)))
        return _or_not_done(command, outcome)

    def _of(self, command: RunStep | RunRecover) -> Callable[[], Any]:
        return self.call if isinstance(command, RunStep) else self.recover


def _part_of(sleep: Sleep) -> float:
    """Seconds: half of it at least, so that those who met do not meet again."""
    return (1 + os.urandom(1)[0] / 255) * sleep.duration / 2000


def _nothing() -> None:
    return None


async def _awaited(call: Callable[[], Any]) -> Any:
    """Return what it returned; the recover function of an async step may be a plain one."""
    value = call()
    return await value if is_awaitable(value) else value


def _or_not_done(command: Command, outcome: Outcome) -> Outcome | None:
    is_not_done = isinstance(command, RunRecover) and getattr(outcome, "value", None) is NOT_DONE
    return None if is_not_done else outcome
