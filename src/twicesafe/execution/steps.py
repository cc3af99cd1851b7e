"""Steps: pieces of the work whose results are recorded, so that a later attempt does not run them again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, overload

from ..decisions import logger
from ..protocol.commands import Now, RunStep
from ..protocol.drivers import drive, drive_async
from ..protocol.flows import step as step_flow
from ..protocol.records import Step
from ..replies import Codec
from ..signatures import accepts, is_async
from .current import current, current_step, instant
from .judge import Judge, outcome_value

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeVar

    from ..protocol.commands import Command, Outcome
    from ..protocol.tenure import Tenure
    from ..stores.base import Store
    from .current import Execution

    T = TypeVar("T")


@overload
def step(
    name: str, function: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, each: object = None, **kwargs: Any
) -> Coroutine[Any, Any, T]: ...
@overload
def step(name: str, function: Callable[..., T], /, *args: Any, each: object = None, **kwargs: Any) -> T: ...


def step(name: str, function: Callable[..., Any], /, *args: Any, each: object = None, **kwargs: Any) -> Any:
    """Run one piece of the work, and record its result: a later attempt gets that, and does not run it.

    Args:
        name: what it is called; unique in its execution.
        function: what it does, called with the other arguments. If it has a parameter `idempotency_key`, it gets
            the downstream key there, for an outside system that deduplicates. An async one is to be awaited.
        each: in a loop, what tells one turn from the others.

    Returns:
        What the function returned, now or in an earlier attempt. Outside a protected function it just runs.

    Raises:
        DuplicateStep, NestedStep, WrongProcess, LeaseLost: the effect was not run.
        StoreUnavailable: the effect is done, and its result goes along with the next write.
        UnserializableReply: the effect is done, and its result cannot be kept.
    """
    full_name = name if each is None else f"{name}[{each}]"
    execution = current.get()
    if execution is None or execution.tenure is None:
        logger.debug("step %s is outside of a protected function: it just runs", full_name)
        return function(*args, **kwargs)
    tenure = execution.tenure
    execution.begin_step(tenure, full_name)
    if "idempotency_key" not in kwargs and accepts(function, "idempotency_key"):
        kwargs["idempotency_key"] = execution.downstream_key(full_name)
    host = _StepHost(full_name, partial(function, *args, **kwargs), execution, tenure)
    return host.run_async() if is_async(function) else host.run()


class _StepHost:
    """One step of one execution, with all that its flow asks for."""

    __slots__ = ("_call", "_judge", "_name", "_store", "_tenure")

    def __init__(self, name: str, call: Callable[[], Any], execution: Execution, tenure: Tenure) -> None:
        self._name = name
        self._call = call
        self._tenure = tenure
        self._store: Store = execution.store
        self._judge = Judge(Codec(call), tenure.key, limit=execution.store.reply_limit)

    def run(self) -> Any:
        return self._value(drive(step_flow(self._tenure, self._name), self._answer))

    async def run_async(self) -> Any:
        return self._value(await drive_async(step_flow(self._tenure, self._name), self._answer_async))

    def _value(self, ended: Step | Outcome) -> Any:
        return self._judge.answer(ended.data) if isinstance(ended, Step) else outcome_value(ended)

    def _answer(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if not isinstance(command, RunStep):
            return self._store.apply(command)  # type: ignore[arg-type]  # a step does not sleep
        token = current_step.set(self._name)
        try:
            return self._judge.call(self._call)
        finally:
            current_step.reset(token)

    async def _answer_async(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if not isinstance(command, RunStep):
            return await self._store.apply_async(command)  # type: ignore[arg-type]  # as above
        token = current_step.set(self._name)
        try:
            return await self._judge.call_async(self._call)
        finally:
            current_step.reset(token)
