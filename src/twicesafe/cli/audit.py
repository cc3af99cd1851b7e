"""`twicesafe audit`: whether a handler needs protection, found out by delivering to it."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..audit import baseline, gate
from ..audit.audit import AuditFailed, Auditor, check
from ..audit.report import as_json, text
from ..audit.report.html import as_html
from ..audit.report.sarif import as_sarif
from ..audit.results import Audit
from ..audit.schedules import BadSchedule
from ..audit.settings import Rules
from ..errors import ConfigurationError
from ..lab.loading import NotLoadable
from ..protocol.policy import LONGEST_LEASE
from . import jobs, project, show, verdicts
from .events import EVENT
from .refusal import Refusal
from .seconds import Seconds

if TYPE_CHECKING:
    from ..audit.baseline import Baseline
    from ..audit.results import When
    from ..audit.settings import Job

LOCAL = re.compile(r"dynamodb=http://(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}/?")


class Unmade(NamedTuple):
    """An audit that could not be made."""

    handler: str
    event: str
    message: str


class _Command(click.Command):
    """Says with its own exit status that the input is wrong: 2 is a verdict."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **options)
        except click.UsageError as error:
            raise _with_status(error) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[project.ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise _with_status(error) from None
        except (ConfigurationError, NotLoadable, BadSchedule, AuditFailed) as error:
            raise Refusal(str(error), gate.WRONG) from error


def _with_status(error: click.ClickException) -> click.ClickException:
    error.exit_code = gate.WRONG  # type: ignore[misc]  # click declares it for the class, and reads it from the instance
    return error


def _whens(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[When, ...]:
    names = [name for text in value for name in text.split(",")]
    wrong = [name for name in names if name not in gate.WHENS]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is none of {', '.join(gate.WHENS)}.", ctx, parameter)
    return tuple(gate.WHENS[name] for name in names)


def _accepted(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(map(gate.check_acceptance, value))
    except ConfigurationError as error:
        raise click.BadParameter(str(error), ctx, parameter) from error


def _endpoint(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not LOCAL.fullmatch(value):
        raise click.BadParameter(
            f"{value} is not dynamodb=http://127.0.0.1:PORT. Only DynamoDB Local keeps the data of each schedule "
            "apart, and the audit speaks to this machine only.",
            ctx,
            parameter,
        )
    return None if value is None else value.partition("=")[2]


def _output(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A file that can be written, for an audit takes long."""
    folder = os.path.dirname(value or "")
    if folder and not os.path.isdir(folder):
        raise click.BadParameter(f"there is no folder {folder!r}.", ctx, parameter)
    return value


def _put_schema(ctx: click.Context, parameter: click.Parameter, is_asked: bool) -> None:  # noqa: ARG001 - as click calls it
    if is_asked:
        show.put_json(as_json.schema())
        ctx.exit()


@click.command(cls=_Command, short_help="Find out whether your handler needs protection.")
@click.argument("handler", metavar="[MODULE:HANDLER", required=False)
@click.argument("event", type=EVENT, metavar="EVENT.json]", required=False)
@click.option("--world", type=EVENT, help="The tables, buckets, queues and answers that there are.")
@click.option(
    "--template",
    type=EVENT,
    help="A SAM or CloudFormation template: its tables, queues, topics and buckets, and the handler's variables.",
)
@click.option("--function", metavar="NAME", help="The template's function, where its handler does not say which.")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where the module is.  [default: the current folder]",
)
@click.option(
    "--timeout",
    type=Seconds(1, LONGEST_LEASE // 1000),
    default=jobs.TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="The function's time limit.",
)
@click.option(
    "--honours", multiple=True, metavar="HOST[=HEADER]", help="A host that honours an idempotency key; =body:FIELD."
)
@click.option("--reads", multiple=True, metavar='"METHOD URL"', help="A request that only reads; stars match anything.")
@click.option(
    "--endpoint",
    callback=_endpoint,
    metavar="dynamodb=URL",
    help="A DynamoDB Local of this machine in the place of the simulator's.",
)
@click.option("--thorough", is_flag=True, help="Rare schedules too, however many there are.")
@click.option("--all", "runs_on", is_flag=True, help="Go on when each effect has a finding.")
@click.option("--schedule", metavar="TEXT", help="Play only this one, as a report names it.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Worlds at once.  [default: the cores]"
)
@click.option(
    "--when",
    callback=_whens,
    multiple=True,
    metavar="WAY,…",
    help=f"Report only what shows in these ways: {', '.join(gate.WHENS)}.",
)
@click.option(
    "--accept",
    callback=_accepted,
    multiple=True,
    metavar="KIND:EFFECT",
    help="A finding to live with, as reports name it, such as 'twice:sqs SendMessage mails'; stars match anything. "
    "'state:TABLE.FIELD' is a change of one field. It is still reported.",
)
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False),
    callback=_output,
    metavar="FILE",
    help="Findings in it do not fail.",
)
@click.option("--write-baseline", is_flag=True, help="Write what is found into the baseline.")
@click.option(
    "--fail-on",
    type=click.Choice(["unknown", "unsafe", "never"]),
    default="unknown",
    show_default=True,
    help="The least verdict that fails.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    callback=_output,
    metavar="FILE",
    help="Write a page that is whole by itself.",
)
@click.option(
    "--sarif",
    type=click.Path(dir_okay=False),
    callback=_output,
    metavar="FILE",
    help="Write SARIF 2.1.0 for code scanning.",
)
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.option(
    "--json-schema", is_flag=True, is_eager=True, expose_value=False, callback=_put_schema, help="What --json prints."
)
@click.pass_context
def audit(ctx: click.Context, /, **parameters: Any) -> None:
    """Find out whether a handler may be delivered to twice.

    It is run unmodified, in processes of its own, with AWS and the web simulated in this machine: nothing leaves
    it, and no credentials are used. Its event is delivered again, after crashes at each effect, and overlapping
    with itself; what was done twice, lost or changed is reported, with the line and the schedule that shows it.

    A world that is called as the event, EVENT.world.json or MODULE.world.json, is found by itself. It wins over a
    template, and has what a template cannot say: items, objects, answers.

    Without arguments it audits what pyproject.toml lists as [[tool.twicesafe.audit.handlers]], each with a handler,
    an event, and options by their long names; [tool.twicesafe.audit] has those of all. The command line wins.

    Exit status: 0 safe, or nothing that fails; 1 unsafe; 2 unknown; 3 the input or the set-up is wrong.
    """
    is_one = parameters["handler"] is not None
    if is_one and parameters["event"] is None:
        raise click.UsageError("An event is missing: twicesafe audit MODULE:HANDLER EVENT.json")
    if parameters["write_baseline"] and parameters["schedule"] is not None:
        raise click.UsageError("--write-baseline writes what a whole audit finds: leave --schedule away.")
    check()
    every = [jobs.Choices(**each) for each in ([parameters] if is_one else project.listed(ctx))]
    first = every[0]
    if first.write_baseline and first.baseline is None:
        raise click.UsageError("--write-baseline needs --baseline FILE, the file to write.")
    known = jobs.baseline(first)
    asked = [jobs.job(each, known) for each in every]  # all are read before the first one runs
    with Auditor() as auditor:
        make = _audited if is_one else _tried
        outcomes: list[Audit | Unmade] = [make(auditor, job) for job in asked]
    if first.write_baseline:
        outcomes = _write_baseline(str(first.baseline), known, outcomes)
    statuses = [
        gate.status(outcome, choices.fail_on) if isinstance(outcome, Audit) else gate.WRONG
        for choices, outcome in zip(every, outcomes, strict=True)
    ]
    _put(outcomes, statuses, first, is_one=is_one)
    ctx.exit(gate.worst(statuses))


def _audited(auditor: Auditor, job: Job) -> Audit:
    with show.progress() as say:
        return auditor.audit(job, lambda done, known: say(_progress(job, done, known)) if _is_news(done) else None)


def _tried(auditor: Auditor, job: Job) -> Audit | Unmade:
    try:
        return _audited(auditor, job)
    except (ConfigurationError, NotLoadable, AuditFailed) as error:
        return Unmade(job.handler, job.event_name, str(error))


def _write_baseline(path: str, old: Baseline, outcomes: list[Audit | Unmade]) -> list[Audit | Unmade]:
    """Write it; what is in it then is known."""
    new = baseline.merged(old, [outcome for outcome in outcomes if isinstance(outcome, Audit)])
    jobs.write(path, baseline.as_text(new))
    return [
        each._replace(findings=gate.placed(each.findings, Rules(known=new[each.handler])))
        if isinstance(each, Audit)
        else each
        for each in outcomes
    ]


def _put(outcomes: list[Audit | Unmade], statuses: list[int], choices: jobs.Choices, *, is_one: bool) -> None:
    """The reports that were asked for."""
    audits = [outcome for outcome in outcomes if isinstance(outcome, Audit)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, Unmade)]
    if choices.html is not None:
        jobs.write(choices.html, as_html(audits, errors))
    if choices.sarif is not None:
        jobs.write(choices.sarif, json.dumps(as_sarif(audits, errors, os.getcwd()), indent=2) + "\n")
    if choices.for_programs:
        show.put_json(as_json.as_json(audits[0]) if is_one else as_json.of_all(audits, errors))
    elif is_one:
        verdicts.put(audits[0].verdict, text.lines(audits[0]))
    else:
        _show_all(outcomes, statuses)


def _show_all(outcomes: list[Audit | Unmade], statuses: list[int]) -> None:
    """What fails, in full, and then a line for each."""
    for outcome, status in zip(outcomes, statuses, strict=True):
        if isinstance(outcome, Audit) and status != gate.PASSED:
            verdicts.put(outcome.verdict, [*text.lines(outcome), ""])
    for outcome in outcomes:
        if isinstance(outcome, Audit):
            verdicts.put(outcome.verdict, [text.summary(outcome)])
        else:
            verdicts.put("error", [f"{'error':8} {outcome.handler} {outcome.event}   {outcome.message}"])


def _is_news(done: int) -> bool:
    """Each step on a terminal; elsewhere, where each is a line, not all of them."""
    return sys.stderr.isatty() or done % 20 == 0


def _progress(job: Job, done: int, known: int) -> str:
    return f"{job.handler}: {done} of {known} schedules"
