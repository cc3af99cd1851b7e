"""`twicesafe deliver`: a handler, delivered to as an at-least-once platform does."""

from __future__ import annotations

import os
import re
import uuid
from typing import IO, TYPE_CHECKING, Any

import click
from rich.text import Text

from ..lab.loading import parse
from ..lab.plan import Plan, carry_out
from ..lab.results import attempt_of, decisions_of, result_of, went_wrong
from ..lab.sandbox import Function
from ..protocol.policy import LONGEST_LEASE
from ..stores.base import open_store
from . import show
from .events import EVENT, read_event
from .hints import hints
from .seconds import Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..lab.plan import Numbered

PLATFORM = re.compile(r"^RequestId: \S+ Error: ")
"""What Lambda puts before an error of its own; the request id stands in the log and in --json."""


@click.command(short_help="Deliver an event to your handler again, at once, after a crash.")
@click.argument("handler", metavar="MODULE:HANDLER")
@click.argument("event", type=EVENT, metavar="EVENT.json")
@click.option(
    "--times", type=click.IntRange(1, 1000), help="How often, one after another.  [default: 2; 1 with --at-once alone]"
)
@click.option("--at-once", type=click.IntRange(1, 64), default=1, help="How many each time, at the same moment.")
@click.option(
    "--kill-after", type=Seconds(0, min_open=True), metavar="SECONDS", help="Kill the first time then, with SIGKILL."
)
@click.option(
    "--pause",
    type=Seconds(0),
    metavar="SECONDS",
    help="How long to wait between times.  [default: not; after a kill until its lease is over]",
)
@click.option(
    "--timeout",
    type=Seconds(0, LONGEST_LEASE // 1000, min_open=True),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="The function's time limit.",
)
@click.option(
    "--store",
    metavar="URL",
    help="Where records are kept, if the function's decorator does not say.  [default: as it runs]",
)
@click.option(
    "--same-request-id", is_flag=True, help="One request id for all, as in Lambda's retries of an asynchronous event."
)
@click.option("--logs", is_flag=True, help="Show what each delivery printed.")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.pass_context
def deliver(
    ctx: click.Context, /, handler: str, event: IO[str], *, for_programs: bool, logs: bool, **choices: Any
) -> None:
    """Deliver an event to a handler: again, at the same moment, and after a crash.

    It is your real handler, and what it does is really done, once a delivery unless something prevents it. Each
    delivery is a process of its own, with the context that Lambda gives. The module is looked for in the current
    folder and in the event's. An event that is "-" is read from standard input.

    \b
    ran          it ran, and that is recorded
    replayed     it did not run, and got the first reply
    conflict     it did not run, for another delivery was running
    error        it failed, and the reply says how
    unprotected  it ran, and nothing protects it from running again
    killed       it was killed by --kill-after
    timed out    it was killed at its time limit
    exited       its process ended without a reply

    Exit status 1: a delivery failed, timed out or exited.
    """
    plan = _plan(handler, event, **choices)
    table = show.new_table("#", "result", "attempt", "duration", "reply", folded="reply")
    numbered: list[Numbered] = []
    with show.progress() if for_programs else show.growing(table) as say:
        for each in carry_out(plan, say):
            numbered.append(each)
            for row in _rows(each):
                table.add_row(*row)
    delivered = [each.delivered for each in numbered]
    if for_programs:
        show.put_json(_as_json(handler, plan, numbered))
    else:
        if logs:
            _show_logs(numbered)
        show.put(*(Text(hint, style="dim") for hint in hints(delivered, event.name)))
    ctx.exit(1 if any(map(went_wrong, delivered)) else 0)


def _plan(
    handler: str,
    event: IO[str],
    *,
    times: int | None,
    at_once: int,
    kill_after: float | None,
    pause: float | None,
    timeout: float,
    store: str | None,
    same_request_id: bool,
) -> Plan:
    if store is not None:
        _try(store)
    if kill_after is not None and kill_after >= timeout:
        raise click.UsageError(f"--kill-after {kill_after:g} is not before the time limit: --timeout is {timeout:g}.")
    payload = read_event(event)
    folders = [os.getcwd()] if event.name == "<stdin>" else [os.getcwd(), os.path.dirname(event.name) or "."]
    function = Function(parse(handler, folders), timeout, {"TWICESAFE_STORE": store} if store is not None else {})
    rounds = times or (1 if at_once > 1 and kill_after is None else 2)
    return Plan(function, payload, rounds, at_once, kill_after, pause, str(uuid.uuid4()) if same_request_id else None)


def _as_json(handler: str, plan: Plan, numbered: Sequence[Numbered]) -> dict[str, object]:
    return {
        "handler": handler,
        "function_name": plan.function.target.function_name,
        "timeout": plan.function.timeout,
        "deliveries": [_delivery_as_json(each) for each in numbered],
    }


def _delivery_as_json(each: Numbered) -> dict[str, object]:
    delivered = each.delivered
    return {
        "number": each.number,
        "round": each.round,
        "request_id": delivered.call.request_id,
        "result": result_of(delivered),
        "ending": delivered.ending,
        "attempt": attempt_of(delivered),
        "duration_ms": round(delivered.duration, 1),
        "reply": delivered.reply,
        "decisions": [
            {
                "decision": decision["verdict"],
                "key": decision["key"],
                "source": decision["source"],
                "attempt": decision["attempt"],
                "duration_ms": round(decision["duration"], 1),
                "error": decision["error"],
            }
            for decision in delivered.decisions
        ],
        "log": delivered.log,
    }


def _show_logs(numbered: Sequence[Numbered]) -> None:
    for each in numbered:
        show.put(Text(f"log of delivery {each.number}", style="dim"))
        show.put(Text(show.printable(each.delivered.log.rstrip()) or "(nothing)"), wide=True)


def _rows(each: Numbered) -> list[tuple[str | Text, ...]]:
    """A row for the delivery, and where its event has many records, one for each of them."""
    delivered, decisions = each.delivered, decisions_of(each.delivered)
    rows: list[tuple[str | Text, ...]] = [
        (
            str(each.number),
            show.word(result_of(delivered)),
            str(attempt_of(delivered) or ""),
            f"{delivered.duration:.0f} ms",
            _reply(delivered.reply),
        )
    ]
    if len(decisions) > 1:
        for decision in decisions:
            what = show.one_line(decision["error"] or decision["key"] or "")
            duration = f"{decision['duration']:.0f} ms"
            row = show.word(f"  {decision['verdict']}"), str(decision["attempt"] or ""), duration
            rows.append(("", *row, Text(what, style="dim", overflow="ellipsis", no_wrap=True)))
    return rows


def _reply(reply: Any) -> Text:
    if not (isinstance(reply, dict) and "errorType" in reply):
        return show.value_of(reply)
    message = PLATFORM.sub("", show.one_line(str(reply.get("errorMessage"))))
    return Text(f"{reply['errorType']}: {message}", style="red", overflow="fold")


def _try(url: str) -> None:
    """Open the store once here, so that a wrong one is one error before any delivery.

    Raises:
        ConfigurationError: it can't be used.
        StoreUnavailable: it did not answer.
    """
    if url.startswith("memory:"):
        raise click.UsageError("memory:// lives in one process, and each delivery here has one of its own.")
    open_store(url).close()
