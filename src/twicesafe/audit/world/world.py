"""One world: it serves deliveries in the order of a schedule, keeps the state, and logs.

A delivery waits in each of its operations until the world answers. So every operation is a point where
another delivery can go on, or where this one dies: no locks, no sleeps, no timing. A crash is SIGKILL
after an operation was applied and before its answer.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ...lab.redelivery import redelivered
from .. import delivery as child
from ..messages import Answer, AwsRequest, Deliver, Ended, HttpRequest, LostAnswer, Noted, Supplied
from ..observe import chance
from ..results import Delivery, Key, Moment, Note, Operation, Run
from ..schedules import MOST_DELIVERIES, Action, Schedule, offset
from . import effects, words
from .aws import Aws, parameters_of, recognise
from .sandbox import Gone, Hung, Process
from .state import State, read
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..settings import Job
    from .elsewhere import Elsewhere

STARTS = 1_798_675_140.0
"""23:59 UTC on 30 December 2026: a delivery two minutes later has another minute, hour and day."""


class _Running:
    """A delivery, from its begin on."""

    def __init__(self, number: int, process: Process, later: float) -> None:
        self.number = number
        self.process = process
        self.later = later
        self.count = 0
        self.answer: Answer | LostAnswer | None = None  # to the operation that it waits in
        self.ended: Delivery | None = None
        self.delivered: set[str] = set()  # the receipt handles of the messages that it is made of
        self.received: list[str] = []
        self.invocations: dict[str, int] = {}


class Base(NamedTuple):
    """What all worlds have in common."""

    job: Job
    folder: str
    lifeline: int
    elsewhere: Elsewhere | None


class World:
    """Plays one schedule."""

    def __init__(self, base: Base, schedule: Schedule, folder: str, *, is_traced: bool = False) -> None:
        """Begin with what the zygote built.

        Args:
            folder: this world's own.
            is_traced: whether each operation names the records that it changes.
        """
        self._base = base
        self._schedule = schedule
        self._folder = folder
        self._is_traced = is_traced
        job = base.job
        self._clock = chance.Clock(STARTS)
        chance.seed(0)
        self._supplied: list[str] = []
        self._aws = Aws(job.declared.answers, self._say, base.elsewhere, tokens=job.controls.tokens)
        self._web = Web(job.declared.http, self._new_id, tokens=job.controls.tokens)
        self._honours = dict(_honoured(text) for text in job.declared.honours)
        self._running: dict[int, _Running] = {}
        self._moments: list[Moment] = []
        self._notes: list[Note] = []
        declared = {"dynamodb": job.declared.tables, "s3": job.declared.objects}
        self._services = {service: None for service, things in declared.items() if things}
        self._ids = 0

    def play(self) -> Run:
        """Follow the schedule, and then do what the platform does: deliver again until it is done."""
        elsewhere = self._base.elsewhere
        if elsewhere is not None:
            elsewhere.split()
        try:
            for action in self._schedule.actions:
                getattr(self, f"_{action.verb}")(action)
            while self._wants_another():
                self._run(Action("run", max(self._running) + 1))
        finally:
            for running in self._running.values():
                running.process.kill()
        state = self._read()
        if elsewhere is not None:
            elsewhere.clear()
        used = os.path.exists(os.path.join(self._folder, "records.db"))
        deliveries = tuple(self._delivery(running) for _, running in sorted(self._running.items()))
        return Run(
            schedule=str(self._schedule),
            moments=tuple(self._moments),
            deliveries=deliveries,
            records=state.records,
            bookkeeping=(*state.bookkeeping, *(["sqlite"] if used else [])),
            notes=tuple(dict.fromkeys(self._notes)),
            supplied=tuple(dict.fromkeys(self._supplied)),
            services=tuple(self._services),
            started=STARTS,
        )

    @property
    def supplies(self) -> tuple[Any, ...]:
        """The calls that made what was missing."""
        return tuple(self._aws.supplies)

    def _wants_another(self) -> bool:
        last = self._running[max(self._running)]
        if last.number >= MOST_DELIVERIES or last.ended is None:
            return False
        return not last.ended.is_normal and last.ended.ending not in ("hung", "unloadable")

    def _delivery(self, running: _Running) -> Delivery:
        return running.ended or Delivery(running.number, "killed", None)

    # The verbs of a schedule

    def _run(self, action: Action) -> None:
        running = self._running.get(action.delivery)
        if running is None:
            running = self._begin(action)
        if running.ended is not None:
            return
        if running.answer is not None:
            running.process.send(running.answer)
            running.answer = None
        self._serve(running, action.upto)

    def _kill(self, action: Action) -> None:
        running = self._running[action.delivery]
        if running.ended is None:
            running.process.kill()
            self._end(running, Delivery(running.number, "killed", None))

    def _lose(self, action: Action) -> None:
        running = self._running[action.delivery]
        if running.answer is not None:
            running.answer = LostAnswer()
            self._moment("loses", running)

    def _begin(self, action: Action) -> _Running:
        later = offset(action)
        number = action.delivery
        idle = self._idle() if "warm" in action.options else None
        process = idle or Process(partial(child.main, sandbox=self._sandbox(number)), self._base.lifeline)
        running = self._running[number] = _Running(number, process, later)
        self._moment("begins", running, text=" ".join(action.options))
        renews = self._base.job.controls.renewal and "same-id" not in action.options
        self._clock.move_to(STARTS + later)
        event = redelivered(self._base.job.event, number) if renews else self._base.job.event
        running.delivered = _receipts(event)
        identity = uuid.UUID(bytes=hashlib.sha256(b"request %d" % (number if renews else 1)).digest()[:16], version=4)
        now = STARTS + later
        deadline = round((now + self._base.job.timeout) * 1000)
        process.send(Deliver(number, event, str(identity), now, deadline))
        return running

    def _idle(self) -> Process | None:
        """The process of a delivery that ended in it."""
        ended = [each for each in self._running.values() if each.ended and each.ended.ending in ("returned", "raised")]
        return ended[-1].process if ended else None

    def _sandbox(self, number: int) -> child.Sandbox:
        folder = os.path.join(self._folder, f"sandbox-{number}")
        store = "sqlite:///" + os.path.join(self._folder, "records.db")
        job = self._base.job
        kept = (self._base.folder, *job.target.folders, *_of_python())
        return child.Sandbox(
            target=job.target,
            environment=job.declared.env,
            folder=folder,
            store=store,
            kept=kept,
            writable=(self._folder,),
            controls=job.controls,
            is_isolated=job.endpoint is None,
        )

    # Serving

    def _serve(self, running: _Running, upto: int | None) -> None:
        """Answer a delivery until it ends, or its operation of that number was applied."""
        while True:
            try:
                message = running.process.receive(self._base.job.patience)
            except Hung:
                running.process.kill()
                self._notes.append(Note(f"it did nothing for {self._base.job.patience:g} s and was killed"))
                return self._end(running, Delivery(running.number, "hung", None))
            except Gone:
                running.process.kill()
                return self._end(running, Delivery(running.number, "exited", None))
            if isinstance(message, Noted):
                self._notes.append(Note(message.what, message.line))
            elif isinstance(message, Supplied):
                self._say(message.what)
            elif isinstance(message, Ended):
                return self._end(running, _delivery(running.number, message))
            else:
                running.answer = self._apply(running, message)
                if running.count == upto:
                    return None
                running.process.send(running.answer)
                running.answer = None

    def _end(self, running: _Running, delivery: Delivery) -> None:
        running.ended = delivery
        text = "" if delivery.reply is None else words.short(delivery.reply)
        self._moment(
            "dies" if delivery.ending == "killed" else "ends", running, text=f"{delivery.ending} {text}".strip()
        )

    def _moment(self, what: Any, running: _Running, operation: Operation | None = None, text: str = "") -> None:
        self._moments.append(Moment(what, running.number, running.later, operation, text))

    # Operations

    def _apply(self, running: _Running, request: AwsRequest | HttpRequest) -> Answer:
        """Do what is asked, and log it."""
        self._clock.move_to(request.now)
        before = self._read() if self._is_traced else None
        running.count += 1
        if isinstance(request, HttpRequest):
            answer, operation = self._apply_http(running, request)
        else:
            answer, operation = self._apply_aws(running, parameters_of(request))
        if before is not None:
            operation = operation._replace(records=_changed(before, self._read()))
        self._moment("operation", running, operation)
        return answer

    def _apply_aws(self, running: _Running, request: AwsRequest) -> tuple[Answer, Operation]:
        classified = effects.of_aws(
            request,
            is_content_based=partial(self._deduplicates, request.service),
            received=[*running.received, *running.delivered],
        )
        is_read = classified.effect in ("read", "ignored")
        token = classified.token or next((each.key for each in classified.outgoing if each.key), None)
        is_state = classified.effect == "state"
        if is_read and request.service == "sqs" and effects.handles_in(request.parameters) <= running.delivered:
            answer = self._aws.acknowledged(request, running.number)
        else:
            answer = self._aws.answer(request, running.number, is_read=is_read, is_state=is_state, token=_token(token))
        self._services.setdefault(request.service)
        if request.name == "ReceiveMessage":
            found = re.findall(rb'ReceiptHandle(?:"\s*:\s*"|>)([^"<]+)', answer.body)
            running.received += [handle.decode() for handle in found]
        first = (
            running.invocations.setdefault(request.invocation, running.count) if request.invocation else running.count
        )
        self._notes += (Note(unanswered, request.line) for unanswered in self._aws.unanswered)
        self._aws.unanswered.clear()
        return answer, Operation(
            delivery=running.number,
            number=running.count,
            service=request.service,
            name=request.name,
            target=classified.target,
            effect=classified.effect,
            outgoing=classified.outgoing,
            token=classified.token,
            summary=words.summary(request.parameters),
            outcome=words.outcome(request, answer, classified.effect),
            is_done=answer.status < 300,
            is_assumed=False,
            resends=first if first != running.count else None,
            line=request.line,
            step=request.step,
        )

    def _apply_http(self, running: _Running, request: HttpRequest) -> tuple[Answer, Operation]:
        call = recognise(request)
        if call is not None:
            return self._apply_aws(running, call)
        classified = effects.of_http(request, self._honours, self._base.job.declared.reads)
        key = classified.outgoing[0].key if classified.outgoing else None
        answer = self._web.answer(request, key)
        return answer, Operation(
            delivery=running.number,
            number=running.count,
            service="http",
            name=request.method.upper(),
            target=classified.target,
            effect=classified.effect,
            outgoing=classified.outgoing,
            token=None,
            summary=words.summary(effects.body_of(request)),
            outcome=str(answer.status),
            is_done=answer.status < 400,
            is_assumed=classified.is_assumed,
            resends=None,
            line=request.line,
            step=request.step,
        )

    def _deduplicates(self, service: str, name: str) -> bool:
        """The queue's, or the topic's, own attribute decides."""
        return self._aws.is_content_based(service, name)

    def _read(self) -> State:
        return read(self._aws.call, self._services)

    def _say(self, what: str) -> None:
        self._supplied.append(what)

    def _new_id(self) -> str:
        self._ids += 1
        current = max(self._running)
        return "id_" + hashlib.sha256(f"{current} {self._ids}".encode()).hexdigest()[:16]


def _delivery(number: int, ended: Ended) -> Delivery:
    ending: Any = ended.ending
    return Delivery(number, ending, ended.reply, ended.line, ending == "returned" and is_content(ended.reply))


def _receipts(event: Any) -> set[str]:
    records = event.get("Records") if isinstance(event, dict) else None
    found = records if isinstance(records, list) else []
    return {record["receiptHandle"] for record in found if isinstance(record, dict) and "receiptHandle" in record}


def is_content(reply: Any) -> bool:
    """Whether who gets this reply does not ask again: no error that says to, no failed record of a batch."""
    if not isinstance(reply, dict):
        return True
    status = reply.get("statusCode")
    headers = reply.get("headers")
    asks_again = isinstance(headers, dict) and any(str(name).lower() == "retry-after" for name in headers)
    if isinstance(status, int) and (status >= 500 or status == 429 or (status >= 400 and asks_again)):
        return False
    return not reply.get("batchItemFailures")


def _token(key: Key | None) -> str | None:
    """What the world deduplicates by itself: the simulator knows FIFO's ids, and no tokens."""
    return key.value if key is not None and key.horizon != effects.FIFO else None


def _changed(before: State, after: State) -> tuple[str, ...]:
    one, other = (
        {(record.place, record.name): repr(record.value) for record in state.records} for state in (before, after)
    )
    return tuple(
        sorted(
            f"{place} {name}"
            for place, name in one.keys() | other.keys()
            if one.get((place, name)) != other.get((place, name))
        )
    )


def _honoured(text: str) -> tuple[str, str]:
    """HOST[=HEADER|body:FIELD]."""
    host, _, where = text.partition("=")
    return host, where or "Idempotency-Key"


def _of_python() -> Iterator[str]:
    """Where Python and the libraries are: an environment may be made in /tmp, too."""
    yield from (sys.prefix, sys.base_prefix)
    yield from (folder for folder in sys.path if folder.startswith("/tmp/"))  # noqa: S108 - Lambda's
