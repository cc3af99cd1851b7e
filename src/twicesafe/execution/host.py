"""Answers the commands of one delivery's flow: the function, the time, and the store for all else."""

from __future__ import annotations

import os
import time

from ..errors import LeaseLost, WrongProcess
from ..protocol.commands import Failed, Now, Raised, Run, Sleep
from ..protocol.drivers import drive, drive_async
from ..protocol.flows import Ran, execute
from ..protocol.records import Status
from ..stores.base import bounded_by
from .current import instant, running
from .judge import outcome_value
from .unrecorded import after_recording, keep, unrecorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..protocol.commands import Command, Flow, Outcome
    from ..protocol.flows import Answer, Delivery
    from ..protocol.policy import Policy
    from ..protocol.tenure import Tenure
    from .current import Execution
    from .judge import Judge


class Host:
    """One delivery of one function, with all that its flow asks for."""

    __slots__ = ("_ends", "_execution", "_function", "_interrupt", "_judge", "_policy", "_store")

    def __init__(self, function: Callable[[], Any], execution: Execution, policy: Policy, judge: Judge) -> None:
        self._function = function
        self._execution = execution
        self._policy = policy
        self._judge = judge
        self._store = execution.store
        self._ends = None if execution.ends is None else execution.ends.wall
        self._interrupt: BaseException | None = None  # came when the function had ended

    def deliver(self, delivery: Delivery) -> Answer:
        """Carry the delivery to its answer."""
        try:
            with bounded_by(self._ends):
                return drive(self._flow(delivery), self._answer)
        finally:
            self._end()

    async def deliver_async(self, delivery: Delivery) -> Answer:
        """Carry the delivery to its answer, on an event loop."""
        try:
            with bounded_by(self._ends):
                return await drive_async(self._flow(delivery), self._answer_async)
        finally:
            self._end()

    def value(self, answer: Answer) -> Any:
        """Return or raise what the caller gets."""
        interrupt = self._interrupt or self._judge.interrupt
        if interrupt is not None:
            raise interrupt
        if isinstance(answer, Ran):
            return outcome_value(answer.outcome)
        record = answer.record
        return self._judge.answer(record.reply, record.claimed, failed=record.status is Status.FAILED)

    def _flow(self, delivery: Delivery) -> Flow[Answer]:
        flow = execute(delivery, self._policy)
        return after_recording(self._store, delivery.key, flow) if unrecorded else flow

    def _answer(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Run):
            return self._run(command.tenure)
        if isinstance(command, Sleep):
            time.sleep(command.duration / 1000)
            return None
        return self._store.apply(command)  # type: ignore[arg-type]  # RunStep belongs to a step's flow

    async def _answer_async(self, command: Command) -> object:
        if isinstance(command, Now):
            return instant(self._store)
        if isinstance(command, Run):
            return await self._run_async(command.tenure)
        if isinstance(command, Sleep):
            import asyncio

            await asyncio.sleep(command.duration / 1000)
            return None
        return await self._store.apply_async(command)  # type: ignore[arg-type]  # as above

    def _run(self, tenure: Tenure) -> Outcome:
        self._execution.tenure = tenure
        with running(self._execution):
            if tenure.is_bounded:
                outcome = self._judge.call(self._function)
            else:
                from .heartbeat import Heartbeat

                with Heartbeat(tenure, self._policy, self._store) as heartbeat:
                    outcome = self._judge.call(self._function)
                self._interrupt = heartbeat.interrupt
        self._execution.end(tenure)
        return self._of_this_process(outcome)

    async def _run_async(self, tenure: Tenure) -> Outcome:
        self._execution.tenure = tenure
        with running(self._execution):
            if tenure.is_bounded:
                outcome = await self._judge.call_async(self._function)
            else:
                from .heartbeat import Heartbeat

                async with Heartbeat(tenure, self._policy, self._store) as heartbeat:
                    outcome = await self._judge.call_async(self._function)
                self._interrupt = heartbeat.interrupt
        self._execution.end(tenure)
        return self._of_this_process(outcome)

    def _of_this_process(self, outcome: Outcome) -> Outcome:
        """The outcome, unless this is a forked child that ran on: it ends as it would, and records nothing."""
        if os.getpid() == self._execution.pid:
            return outcome
        if isinstance(outcome, (Raised, Failed)):
            raise outcome.error
        raise WrongProcess(self._execution.key or "")

    def _end(self) -> None:
        """Whatever the function left running begins no step any more."""
        tenure = self._execution.tenure
        if tenure is not None:
            tenure.end(LeaseLost(tenure.key, tenure.attempt))
            for command in tenure.unrecorded:
                keep(self._store, command)
