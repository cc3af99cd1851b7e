"""`twicesafe audit`: whether a handler needs protection, found out by delivering to it."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any

import click
from rich.text import Text

from ..audit.audit import AuditFailed
from ..audit.audit import audit as run_audit
from ..audit.report import text
from ..audit.report.as_json import as_json
from ..audit.schedules import BadSchedule
from ..audit.schedules import parse as parse_schedule
from ..audit.settings import Declared, Job
from ..audit.world.declared import parsed
from ..errors import ConfigurationError
from ..lab.loading import NotLoadable, parse
from . import show
from .events import EVENT, read_event
from .refusal import Refusal
from .seconds import Seconds

if TYPE_CHECKING:
    from ..audit.results import Audit

STATUSES = {"safe": 0, "unsafe": 1, "unknown": 2}
COLOURS = {"safe": "bold green", "unsafe": "bold red", "unknown": "bold yellow"}
WRONG = 3
"""The exit status of wrong input, and of an audit that could not be made: 2 is a verdict."""


class _Command(click.Command):
    """Says with its own exit status that the input is wrong."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **options)
        except click.UsageError as error:
            raise _with_status(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise _with_status(error) from None
        except (ConfigurationError, NotLoadable, BadSchedule, AuditFailed) as error:
            raise Refusal(str(error), WRONG) from error


def _with_status(error: click.ClickException) -> click.ClickException:
    error.exit_code = WRONG  # type: ignore[misc]  # click declares it for the class, and reads it from the instance
    return error


@click.command(cls=_Command, short_help="Find out whether your handler needs protection.")
@click.argument("handler", metavar="MODULE:HANDLER")
@click.argument("event", type=EVENT, metavar="EVENT.json")
@click.option("--world", type=EVENT, help="The tables, buckets, queues and answers that there are.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Worlds at once.  [default: the cores]"
)
@click.option("--thorough", is_flag=True, help="Rare schedules too, however many there are.")
@click.option("--all", "runs_on", is_flag=True, help="Go on when each effect has a finding.")
@click.option(
    "--timeout",
    type=Seconds(1, 900),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="The function's time limit.",
)
@click.option("--schedule", metavar="TEXT", help="Play only this one, as a report names it.")
@click.option(
    "--honours", multiple=True, metavar="HOST[=HEADER]", help="A host that honours an idempotency key; =body:FIELD."
)
@click.option("--reads", multiple=True, metavar='"METHOD URL"', help="A request that only reads; stars match anything.")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    handler: str,
    event: IO[str],
    *,
    for_programs: bool,
    **choices: Any,
) -> None:
    """Find out whether a handler may be delivered to twice.

    It is run unmodified, in processes of its own, with AWS and the web simulated in this machine: nothing leaves
    it, and no credentials are used. Its event is delivered again, after crashes at each effect, and overlapping
    with itself; what was done twice, lost or changed is reported, with the line and the schedule that shows it.

    A world that is called as the event, EVENT.world.json or MODULE.world.json, is found by itself.

    Exit status: 0 safe, 1 unsafe, 2 unknown, 3 the input or the set-up is wrong.
    """
    job = _job(handler, event, **choices)
    with show.progress() as say:
        found = run_audit(job, lambda done, known: say(_progress(job, done, known)) if _is_news(done) else None)
    if for_programs:
        show.put_json(as_json(found))
    else:
        _show(found)
    ctx.exit(STATUSES[found.verdict])


def _job(
    handler: str,
    event: IO[str],
    *,
    world: IO[str] | None,
    jobs: int,
    thorough: bool,
    runs_on: bool,
    schedule: str | None,
    timeout: float,
    honours: tuple[str, ...],
    reads: tuple[str, ...],
) -> Job:
    folders = [os.getcwd()] if event.name == "<stdin>" else [os.getcwd(), os.path.dirname(event.name) or "."]
    target = parse(handler, folders)
    declared = _declared(world, event.name, target.module)
    return Job(
        target=target,
        event=read_event(event),
        event_name=event.name,
        declared=declared._replace(honours=(*declared.honours, *honours), reads=(*declared.reads, *reads)),
        timeout=timeout,
        jobs=jobs,
        is_thorough=thorough,
        runs_on=runs_on,
        schedule=schedule if schedule is None else str(parse_schedule(schedule)),
    )


def _declared(world: IO[str] | None, event: str, module: str) -> Declared:
    if world is not None:
        return parsed(read_event(world), world.name)
    folder = os.path.dirname(event)
    stem = os.path.basename(event).removesuffix(".json").removesuffix(".event")
    for name in (f"{stem}.world.json", f"{module.rpartition('.')[2]}.world.json"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return parsed(read_event(file), path)
    return Declared()


def _is_news(done: int) -> bool:
    """Each step on a terminal; elsewhere, where each is a line, not all of them."""
    return sys.stderr.isatty() or done % 20 == 0


def _progress(job: Job, done: int, known: int) -> str:
    return f"{job.handler}: {done} of {known} schedules"


def _show(found: Audit) -> None:
    for line in text.lines(found):
        shown = Text(show.printable(line))
        if line.startswith(found.verdict):
            shown.stylize(COLOURS[found.verdict], 0, len(found.verdict))
        show.put(shown, wide=True)
