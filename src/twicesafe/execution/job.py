"""One delivery to be made: carried out, logged, and answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..decisions import Decision, announce, logger
from ..errors import InProgress, LeaseLost, NotRecorded, PayloadMismatch, StoreUnavailable, UnknownOutcome
from ..protocol.commands import Failed, Raised, Unsuccessful
from ..protocol.flows import Delivery, Ran
from .current import current
from .host import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..decisions import Verdict
    from ..protocol.flows import Answer
    from ..protocol.policy import Policy
    from .current import Execution
    from .judge import Judge


class Job(NamedTuple):
    """One call of the user's function, with all that its protection needs."""

    function: Callable[[], Any]
    execution: Execution
    delivery: Delivery | None  # None: it has no key, and is not protected
    policy: Policy
    judge: Judge
    fail_open: bool = False

    def run(self) -> Any:
        """Carry it out, and return or raise what its caller gets."""
        if self.delivery is None:
            return self._run_unprotected()
        begun, host = time.perf_counter(), self._host()
        try:
            answer = host.deliver(self.delivery)
        except BaseException as error:
            self._refused(error, begun)
            if isinstance(error, StoreUnavailable) and self.fail_open:
                return self._run_unprotected()
            raise
        self._answered(answer, begun)
        return host.value(answer)

    async def run_async(self) -> Any:
        """The same, on an event loop."""
        if self.delivery is None:
            return await self._run_unprotected_async()
        begun, host = time.perf_counter(), self._host()
        try:
            answer = await host.deliver_async(self.delivery)
        except BaseException as error:
            self._refused(error, begun)
            if isinstance(error, StoreUnavailable) and self.fail_open:
                return await self._run_unprotected_async()
            raise
        self._answered(answer, begun)
        return host.value(answer)

    def _host(self) -> Host:
        return Host(self.function, self.execution, self.policy, self.judge)

    def _run_unprotected(self) -> Any:
        begun, token = time.perf_counter(), current.set(self.execution)
        try:
            return self.function()
        finally:
            current.reset(token)
            self._announce("unprotected", None, begun)

    async def _run_unprotected_async(self) -> Any:
        begun, token = time.perf_counter(), current.set(self.execution)
        try:
            return await self.function()
        finally:
            current.reset(token)
            self._announce("unprotected", None, begun)

    def _refused(self, error: BaseException, begun: float) -> None:
        if isinstance(error, StoreUnavailable) and self.fail_open:
            logger.warning("%s; it runs unprotected, as fail_open asks", error)
        verdicts: tuple[Verdict, ...] = tuple(verdict for kind, verdict in VERDICTS if isinstance(error, kind))
        self._announce(verdicts[0] if verdicts else "error", getattr(error, "attempt", None), begun, error)

    def _answered(self, answer: Answer, begun: float) -> None:
        if not isinstance(answer, Ran):
            self._announce("replayed", answer.record.attempt, begun)
        elif isinstance(answer.outcome, (Raised, Unsuccessful)):
            self._announce("released", answer.attempt, begun, getattr(answer.outcome, "error", None))
        elif isinstance(answer.outcome, Failed):
            self._announce("failed", answer.attempt, begun, answer.outcome.error)
        else:
            self._announce("ran", answer.attempt, begun)

    def _announce(
        self, verdict: Verdict, attempt: int | None, begun: float, error: BaseException | None = None
    ) -> None:
        key, duration = self.execution.key, (time.perf_counter() - begun) * 1000
        announce(Decision(verdict, key, self.execution.source, attempt, duration, error))


VERDICTS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Verdict], ...] = (
    (InProgress, "conflict"),
    (PayloadMismatch, "mismatch"),
    (UnknownOutcome, "unknown"),
    ((LeaseLost, NotRecorded), "lost"),
)
