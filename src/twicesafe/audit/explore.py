"""Which schedules are played, and when that is enough."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MalformedEvent
from ..keys.sources import units
from ..lab.loading import NotLoadable
from . import gate, schedules
from .compare import text
from .judge import Facts, Judge, Judged, covers, keys_in, merged
from .protection import decorator_for
from .results import Audit, Line, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import Finding, Reason, Run
    from .schedules import Schedule
    from .settings import Job

VERSIONS = ("twicesafe", "moto", "boto3", "botocore")


class Player(Protocol):
    """What plays schedules."""

    def play(self, schedules: Sequence[Schedule], *, is_traced: bool = False) -> list[Run]:
        """Play them; the runs are in their order."""

    def prepare(self, run: Run) -> None:
        """Load once what a run has shown that all will need."""

    def expect(self, count: int) -> None:
        """Say how many schedules there will be, as far as is known."""


def facts_of(event: Any) -> Facts:
    """What the event says of who sent it."""
    try:
        first = units(event)[0]
    except MalformedEvent as error:
        return Facts(error.source, False, None, 86_400)
    method = None
    if isinstance(event, dict):
        context = event.get("requestContext")
        http = context.get("http") if isinstance(context, dict) else None
        found = event.get("httpMethod") or (http.get("method") if isinstance(http, dict) else None)
        method = found.upper() if isinstance(found, str) else None
    return Facts(first.source, first.reply_kept, method, first.expires_after, decorator_for(event, first))


def explore(job: Job, player: Player) -> Audit:
    """Play as many schedules as are needed, and judge.

    Raises:
        NotLoadable: there is no such handler.
        BadSchedule: the schedule asked for is none.
    """
    return _Exploration(job, player).explore()


class _Exploration:
    def __init__(self, job: Job, player: Player) -> None:
        self._job = job
        self._player = player
        self._facts = facts_of(job.event)
        self._cleans: dict[str, Run] = {}
        self._runs: list[tuple[Schedule, Run]] = []
        self._classes: list[str] = []
        self._is_deterministic = True

    def explore(self) -> Audit:
        first = self._play_clean(schedules.clean(1))
        if first.last.ending == "unloadable":
            raise NotLoadable(str(first.last.reply))
        if self._fault(first):
            return self._audit(Judged())
        self._player.prepare(first)
        effects = [operation.number for operation in first.operations if operation.is_effect]
        if self._job.schedule is not None:
            return self._one()
        again = schedules.again()
        self._player.expect(3 + len(again) + (2 * len(effects) + len(first.operations) + 1 if effects else 0))
        repeated, second = self._player.play([schedules.clean(1), schedules.clean(2)])
        self._cleans["run 2"] = second
        self._is_deterministic = _same(first, repeated)
        self._play("again", again)
        if not effects:
            return self._audited()
        judged = self._judge()
        if not self._job.runs_on and covers(gate.new(judged.findings), first, self._bookkeeping()):
            return self._audited()
        count = len(first.operations)
        three = [*schedules.crashes(effects), *schedules.overlaps(count), *schedules.lost_answers(effects)]
        self._play("crash, overlap, lost answer", three)
        self._rare(effects, count)
        return self._audited()

    def _rare(self, effects: Sequence[int], count: int) -> None:
        """Classes 7 and 6, while there are not too many of them."""
        for name, found in (
            ("two crashes", schedules.double_crashes(effects, count)),
            ("two switches", schedules.switches(count)),
        ):
            room = schedules.LIMIT - len(self._cleans) - len(self._runs)
            most = len(found) if self._job.is_thorough and len(found) <= schedules.SAMPLE else schedules.SAMPLE
            chosen = schedules.sample(found, most if self._job.is_thorough else max(0, min(most, room)))
            if chosen and (self._job.is_thorough or len(chosen) == len(found)):
                self._play(name, chosen)

    def _one(self) -> Audit:
        chosen = schedules.parse(str(self._job.schedule))
        self._player.expect(3)
        (second,) = self._player.play([schedules.clean(2)])
        self._cleans["run 2"] = second
        (run,) = self._player.play([chosen], is_traced=True)
        self._runs.append((chosen, run))
        self._complete_cleans()
        return self._audited(self._judge_traced())

    def _play_clean(self, schedule: Schedule) -> Run:
        (run,) = self._player.play([schedule], is_traced=True)
        self._cleans[str(schedule)] = run
        return run

    def _play(self, name: str, chosen: Sequence[Schedule]) -> None:
        self._player.expect(len(self._cleans) + len(self._runs) + 1 + len(chosen))
        runs = self._player.play(chosen)
        self._classes.append(name)
        self._runs += zip(chosen, runs, strict=True)
        self._complete_cleans()

    def _complete_cleans(self) -> None:
        """A clean run for each delivery that took part: its chance and its clock are to be known by what they make."""
        needed: dict[str, Schedule] = {}
        for schedule, run in self._runs:
            for delivery in run.deliveries:
                is_soon = any(each.delivery == delivery.number and "soon" in each.options for each in schedule.actions)
                clean = schedules.clean(delivery.number, *(("soon",) if is_soon else ()))
                if str(clean) not in self._cleans:
                    needed[str(clean)] = clean
        if needed:
            runs = self._player.play(list(needed.values()))
            self._cleans.update(zip(needed, runs, strict=True))

    def _judge(self) -> Judged:
        """All runs; a run that shows a difference in what is kept is played again, to see who made it."""
        judge = Judge(list(self._cleans.values()), self._facts, masking=self._job.controls.masking)
        findings: list[Finding] = []
        advice: list[str] = []
        shown: set[Any] = set()
        for place, (schedule, run) in enumerate(self._runs):
            judged = judge.judge(schedule, run)
            new = {
                (each.kind, each.when, each.detail) for each in judged.findings if each.kind in ("state", "lost")
            } - shown
            if new and not any(operation.records for operation in run.operations):
                (traced,) = self._player.play([schedule], is_traced=True)
                self._runs[place] = (schedule, traced)
                judged = judge.judge(schedule, traced)
                shown |= new
            findings += judged.findings
            advice += judged.advice
        return self._merged(findings, advice)

    def _judge_traced(self) -> Judged:
        judge = Judge(list(self._cleans.values()), self._facts, masking=self._job.controls.masking)
        judged = [judge.judge(schedule, run) for schedule, run in self._runs]
        return self._merged([each for one in judged for each in one.findings], ())

    def _merged(self, findings: Sequence[Finding], advice: Sequence[str]) -> Judged:
        rules = self._job.rules
        shown = gate.placed(merged(gate.asked(findings, rules)), rules)
        return Judged(shown, tuple(dict.fromkeys(advice)), len(merged(findings)) - len(shown))

    def _bookkeeping(self) -> list[str]:
        runs = [*self._cleans.values(), *(run for _, run in self._runs)]
        return sorted({place for run in runs for place in run.bookkeeping})

    def _audited(self, judged: Judged | None = None) -> Audit:
        judged = judged or self._judge()
        keys = [key for key in keys_in([run for _, run in self._runs]) if key.is_honoured]
        again = self._facts.expires_after
        warnings = [
            f"{key.system} forgets {key.name} after {span(key.horizon)}; this event can come again for {span(again)}."
            for key in keys
            if key.horizon is not None and key.horizon < again
        ]
        return self._audit(judged)._replace(keys=tuple(keys), warnings=tuple(warnings))

    def _audit(self, judged: Judged) -> Audit:
        runs = [*self._cleans.values(), *(run for _, run in self._runs)]
        first = runs[0]
        unknowns = self._unknowns(runs)
        verdict: Any = "unsafe" if judged.findings or judged.hidden else "unknown" if unknowns else "safe"
        return Audit(
            handler=self._job.handler,
            event=self._job.event_name,
            verdict=verdict,
            reason=self._reason(first) if verdict == "safe" else None,
            unknowns=unknowns,
            findings=judged.findings,
            operations=first.operations,
            keys=(),
            assumptions=self._assumptions(runs),
            advice=judged.advice,
            warnings=(),
            schedules=tuple(run.schedule for run in runs),
            classes=("clean", *self._classes),
            versions=_versions(),
            seconds={},
            hidden=judged.hidden,
            options=self._job.options,
            folders=self._job.target.folders,
            file=self._job.target.file,
            bookkeeping=tuple(self._bookkeeping()),
        )

    def _reason(self, first: Run) -> Reason:
        if self._bookkeeping():
            return "protected"
        if not any(operation.is_effect for operation in first.operations):
            return "reads only"
        return "deduplicated outside" if keys_in([run for _, run in self._runs]) else "same data"

    def _unknowns(self, runs: Sequence[Run]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        fault = self._fault(runs[0])
        if fault:
            found[fault] = None
        if not self._is_deterministic:
            found["two equal clean runs differ: something draws on chance that is not controlled"] = None
        for run in runs:
            for note in run.notes:
                found[f"not observed: {note.what}{_at(note.line)}"] = None
            for operation in run.operations:
                for outgoing in operation.outgoing:
                    key = outgoing.key
                    if key is not None and not key.is_honoured:
                        found[
                            f"nothing says that {key.system} honours {key.name}{_at(operation.line)}: if it does, "
                            f"say --honours {key.system}={key.name}"
                        ] = None
        return tuple(found)

    def _fault(self, clean: Run) -> str | None:
        """Why a clean run is nothing to compare with."""
        last = clean.last
        if last.ending == "raised":
            return f"the handler raises on a clean delivery{_at(last.line)}: {_message(last.reply)}"
        if last.ending == "hung":
            return "the handler does not end on a clean delivery"
        if last.ending != "returned":
            return "the handler ends its own process on a clean delivery"
        status = last.reply.get("statusCode") if isinstance(last.reply, dict) else None
        if isinstance(status, int) and status >= 400:
            return f"the clean delivery is answered {status}: what fails each time looks the same each time"
        if isinstance(last.reply, dict) and last.reply.get("batchItemFailures"):
            return "the clean delivery reports failed records: there is nothing to compare with"
        return None

    def _assumptions(self, runs: Sequence[Run]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for run in runs:
            for what in run.supplied:
                found[f"{what} was supplied"] = None
        for place in self._bookkeeping():
            if place != "sqlite":  # which is a file of the audit's own
                found[f"the records of protection in {place} are no data"] = None
        operations = [operation for run in runs for operation in run.operations]
        if any(operation.effect == "ignored" for operation in operations):
            found["metrics, logs and the like are not effects"] = None
        if any(operation.effect == "same" and operation.is_assumed for operation in operations):
            found["PUT and DELETE are idempotent (RFC 9110, 9.2.2)"] = None
        if any(operation.effect == "accumulating" and operation.is_assumed for operation in operations):
            found["POST and PATCH are not idempotent (RFC 9110, 9.2.2)"] = None
        declared = self._job.declared
        found.update(dict.fromkeys(declared.unresolved))
        for name in declared.answers:
            found[f"the answer of {name} is the one given"] = None
        for text_ in declared.reads:
            found[f"{text_} only reads, as declared"] = None
        for text_ in declared.honours:
            found[f"{text_.partition('=')[0]} honours its key, as declared"] = None
        return tuple(found)


def _same(one: Run, other: Run) -> bool:
    """Whether two runs of one schedule came to the same."""
    shape = [
        (
            [(record.place, record.name, text(record.value)) for record in run.records],
            sorted((each.title, text(each.outgoing)) for each in run.operations),  # threads have no order
            [(delivery.ending, text(delivery.reply)) for delivery in run.deliveries],
        )
        for run in (one, other)
    ]
    return shape[0] == shape[1]


def _at(line: Line | None) -> str:
    return f" ({line})" if line is not None else ""


def _message(reply: Any) -> str:
    return f"{reply.get('errorType')}: {reply.get('errorMessage')}" if isinstance(reply, dict) else str(reply)


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "?"
    return found
