"""`twicesafe demo`: what at-least-once does to a checkout, with and without protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.text import Text

from ..audit.report import as_json, text
from ..lab.demo import SCENES, TIMEOUT, VISIBILITY, Demo
from ..lab.results import attempt_of, result_of
from . import show, verdicts
from .checkout import audited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from ..lab.demo import Played, World
    from ..lab.sandbox import Delivered
    from .checkout import Audits

COUNTS = {
    "charge_requests": "asked to charge",
    "charges": "charges, in the payment server's ledger",
    "orders": "orders, in the shop's book",
    "mails": "mails, in its outbox",
}
INTRODUCTION = (
    f"One SQS message: order-1001, 49.00 EUR. The function's time limit is {TIMEOUT:g} s, the queue's visibility "
    f"timeout {VISIBILITY:g} s.\n"
)
AUDITED = (
    "\nThe same handler, audited: what could happen to it is found out, without waiting for it. Its book and its "
    "outbox are files in /tmp, which are a sandbox's own; what leaves it is the charge.\n"
)
SIDES = ("without twicesafe", "with twicesafe")


@click.command(short_help="See duplicates hurt, and stop hurting.")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.pass_context
def demo(ctx: click.Context, /, *, for_programs: bool) -> None:
    """Deliver one order six times to a real checkout: unprotected and protected, side by side.

    It is killed between the charge and the return, killed again between the charge and the mail, delivered twice at
    the same moment, and delivered again. What happened is read from the payment server's own ledger, the shop's
    book and its outbox. Then both are audited: `twicesafe audit` finds out which of them needs protection.

    Exit status 0 only if the protected side charged, wrote and mailed exactly once and the unprotected did not, and
    the audit calls the one safe and the other not.
    """
    table = show.new_table("#", "the message is", *SIDES, folded="the message is")
    if not for_programs:
        show.put(INTRODUCTION)
    played: list[Played] = []
    with Demo() as stage, show.progress() if for_programs else show.growing(table) as say:
        for scene in SCENES:
            say((f"After {scene.after:g} s: " if scene.after else "") + scene.title)
            played.append(stage.play(scene))
            _add_rows(table, played[-1])
        unprotected, protected = stage.unprotected.world(), stage.protected.world()
    if not for_programs:
        show.put(_outcome(unprotected, protected), AUDITED)
    with show.progress() as say:
        audits = audited(say)
    if for_programs:
        show.put_json(_as_json(played, unprotected, protected, audits))
    else:
        _put_audits(audits)
    ctx.exit(0 if protected.is_exact and unprotected.is_damaged and audits.are_right else 1)


def _put_audits(audits: Audits) -> None:
    verdicts.put(audits.unprotected.verdict, [*text.lines(audits.unprotected), ""])
    verdicts.put(audits.protected.verdict, text.lines(audits.protected))
    if not audits.are_right:
        show.put(Text("\nThe audit does not tell the two apart. Please report this.", style="bold red"))


def _as_json(played: Sequence[Played], unprotected: World, protected: World, audits: Audits) -> dict[str, object]:
    return {
        "deliveries": [
            {
                "scene": each.scene.title,
                "unprotected": [_delivery(delivered) for delivered in each.unprotected],
                "protected": [_delivery(delivered) for delivered in each.protected],
            }
            for each in played
        ],
        "unprotected": unprotected._asdict(),
        "protected": protected._asdict(),
        "exact": protected.is_exact,
        "audits": {side: as_json.as_json(found) for side, found in audits._asdict().items()},
    }


def _delivery(delivered: Delivered) -> dict[str, object]:
    return {
        "result": result_of(delivered),
        "attempt": attempt_of(delivered),
        "duration_ms": round(delivered.duration, 1),
    }


def _add_rows(table: Table, played: Played) -> None:
    first = table.row_count + 1
    for place, pair in enumerate(zip(played.unprotected, played.protected, strict=True)):
        title = played.scene.title if place == 0 else ""
        table.add_row(str(first + place), title, *(_cell(delivered) for delivered in pair))


def _cell(delivered: Delivered) -> Text:
    """What became of it. Without protection there is nothing but running."""
    result, attempt = result_of(delivered), attempt_of(delivered)
    cell = show.word("ran" if result == "unprotected" else result)
    if attempt is not None and attempt > 1 and result == "ran":
        cell.append(f", attempt {attempt}", style="dim")
    return cell


def _outcome(unprotected: World, protected: World) -> Group:
    table = show.new_table("what the world saw", *SIDES, folded="what the world saw")
    for name, title in COUNTS.items():
        table.add_row(title, *(_count(world, name) for world in (unprotected, protected)))
    return Group("", table, "", _verdict(unprotected, protected))


def _count(world: World, name: str) -> Text:
    count = getattr(world, name)
    if name == "charge_requests":
        return Text(str(count))
    return Text(str(count), style="bold green" if count == 1 else "bold red")


def _verdict(unprotected: World, protected: World) -> Text:
    if not protected.is_exact:
        return Text("The protected side is not exact. Please report this.", style="bold red")
    if not unprotected.is_damaged:
        return Text("The unprotected side took no harm, so this proves nothing. Please report this.", style="bold red")
    return Text(
        f"{unprotected.charges} charges against 1. The payment server was asked a second time by the attempt after the "
        "first kill, with the same Idempotency-Key, and did not charge again; the attempt after the second kill had "
        "its answer recorded, and went on with the order and the mail."
    )
