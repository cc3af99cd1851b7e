"""One delivery to be made: carried out, logged, and answered."""

from __future__ import annotations

import time

from ..decisions import Decision, announce, is_heard, logger
from ..errors import (
    CorruptRecord,
    CredentialsMismatch,
    InProgress,
    KeyInUse,
    KeyReused,
    LeaseLost,
    PayloadMismatch,
    StoreUnavailable,
    TwicesafeError,
    UnknownOutcome,
)
from ..protocol.commands import Failed, Raised, Unsuccessful
from ..protocol.flows import Delivery, Ran
from ..tuples import NamedTuple
from ..unprotected import FAIL_OPEN, warn_once
from .current import running
from .host import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..decisions import Verdict
    from ..protocol.commands import Outcome
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
    opens_for: str | None = None  # the name of a function that runs unprotected when its store does not answer

    def run(self) -> Any:
        """Carry it out, and return or raise what its caller gets."""
        if self.delivery is None:
            return self._run_unprotected()
        begun, host = time.perf_counter(), self._host()
        try:
            answer = host.deliver(self.delivery)
        except BaseException as error:
            self._refused(error, begun)
            if self._may_open(error):
                return self._run_unprotected()
            raise
        return self._answered(host, answer, begun)

    async def run_async(self) -> Any:
        """The same, on an event loop."""
        if self.delivery is None:
            return await self._run_unprotected_async()
        begun, host = time.perf_counter(), self._host()
        try:
            answer = await host.deliver_async(self.delivery)
        except BaseException as error:
            self._refused(error, begun)
            if self._may_open(error):
                return await self._run_unprotected_async()
            raise
        return self._answered(host, answer, begun)

    def _host(self) -> Host:
        return Host(self.function, self.execution, self.policy, self.judge)

    def _run_unprotected(self) -> Any:
        begun = time.perf_counter()
        try:
            with running(self.execution):
                return self.function()
        finally:
            self._announce("unprotected", None, begun)

    async def _run_unprotected_async(self) -> Any:
        begun = time.perf_counter()
        try:
            with running(self.execution):
                return await self.function()
        finally:
            self._announce("unprotected", None, begun)

    def _may_open(self, error: BaseException) -> bool:
        """Whether it runs without protection: the user asked for that, and nothing has run."""
        is_open = self.opens_for is not None and isinstance(error, StoreUnavailable)
        return is_open and not self.execution.has_begun

    def _refused(self, error: BaseException, begun: float) -> None:
        if isinstance(error, TwicesafeError):
            error.key = error.key or self.execution.key
            self._place(error, self.execution.attempt if self.execution.has_begun else None)
        if self.opens_for is not None and self._may_open(error):
            warn_once(self.opens_for, self.execution.source, FAIL_OPEN, str(error))
        if isinstance(error, CredentialsMismatch):
            logger.warning("%s", error)  # an HTTP caller hears a status: nothing else tells what to do about it
        verdict: Verdict = "lost" if self.execution.has_begun else "error"
        verdict = next((named for kind, named in VERDICTS if isinstance(error, kind)), verdict)
        self._announce(verdict, getattr(error, "attempt", None), begun, error)

    def _answered(self, host: Host, answer: Answer, begun: float) -> Any:
        """Announce it, and return or raise what the caller gets."""
        verdict, attempt, error = self._verdict(answer), _attempt(answer), None
        try:
            return host.value(answer)
        except BaseException as raised:
            error = raised
            if isinstance(error, TwicesafeError):
                self._place(error, attempt)
            if isinstance(error, CorruptRecord) and verdict == "replayed":
                verdict = "error"
            raise
        finally:
            self._announce(verdict, attempt, begun, error)

    def _verdict(self, answer: Answer) -> Verdict:
        if not isinstance(answer, Ran):
            return "replayed"
        if isinstance(answer.outcome, (Raised, Unsuccessful)):
            return "released" if self.policy.releases(answer.outcome) and not self._is_late(answer.outcome) else "lost"
        return "failed" if isinstance(answer.outcome, Failed) else "ran"

    def _is_late(self, outcome: Outcome) -> bool:
        """Whether its own lease was over: another delivery may have taken its place."""
        return (
            isinstance(outcome, Raised)
            and isinstance(outcome.error, LeaseLost)
            and outcome.error.key == self.execution.key
        )

    def _place(self, error: TwicesafeError, attempt: int | None) -> None:
        """Say where it happened, if it is this delivery's error and does not say so itself."""
        tenure = self.execution.tenure
        if tenure is not None and (error is tenure.ended or isinstance(error, OF_A_STEP)):
            error.key = error.key or tenure.key
        if error.key == self.execution.key and error.attempt is None:
            error.attempt = attempt

    def _announce(
        self, verdict: Verdict, attempt: int | None, begun: float, error: BaseException | None = None
    ) -> None:
        if is_heard():
            key, duration = self.execution.key, (time.perf_counter() - begun) * 1000
            announce(Decision(verdict, key, self.execution.source, attempt, duration, error))


def _attempt(answer: Answer) -> int:
    return answer.attempt if isinstance(answer, Ran) else answer.record.attempt


OF_A_STEP = (KeyInUse, KeyReused)
"""What an outside system says of a step's key; it does not know whose step it is."""
VERDICTS: tuple[tuple[type[BaseException], Verdict], ...] = (
    (InProgress, "conflict"),
    (PayloadMismatch, "mismatch"),
    (UnknownOutcome, "unknown"),
    (LeaseLost, "lost"),
)
