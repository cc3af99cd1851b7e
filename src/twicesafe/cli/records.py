"""`twicesafe records`: looks at what a store holds, and settles by hand what no program can know."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import click
from rich.text import Text

from ..errors import InProgress
from ..protocol import by_hand
from ..protocol.commands import Done, List, Load, ask
from ..protocol.records import NO_REPLY, Seconds
from ..replies import Codec
from . import show
from .opened import carry_out, now, with_store
from .refusal import Refusal
from .views import STATES, as_json, expiry, lines, state_of, state_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.commands import Flow, Lost
    from ..protocol.records import Record
    from ..stores.base import Store

DAY = 86_400
programs = click.option("--json", "for_programs", is_flag=True, help="For programs.")
kept_for = click.option(
    "--keep-for",
    type=click.IntRange(1, 36_500),
    default=15,
    show_default=True,
    metavar="DAYS",
    help="How long the record is kept from now on; a queue keeps a message for 14 days at most.",
)


@click.group(short_help="Look at records, and settle by hand what no program can know.")
def records() -> None:
    """Look at records, and settle by hand what no program can know.

    \b
    in progress  a delivery is running, under a lease
    unknown      a delivery fell silent: whether its work is done is not known
    released     a delivery failed, or a person released it; the next one runs
    completed    done; later deliveries get the first reply
    failed       it ended in a final error; later deliveries get that
    expired      as good as absent
    """


@records.command("list", short_help="List records.")
@click.option("--prefix", default="", help="Only keys that begin so.")
@click.option("--state", type=click.Choice(STATES), help="Only records in this state.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@programs
@with_store
def list_records(store: Store, prefix: str, state: str | None, limit: int, for_programs: bool) -> None:
    """List records, in the store's own order.

    DynamoDB reads its whole table for it, which is billed, and which the policy of a function does not allow.
    """
    found = (record for record in _all(store, prefix) if state in (None, state_of(record, now(store))))
    shown = list(islice(found, limit))
    at = now(store)  # only the store's answers tell it, where this host's clock is wrong
    if for_programs:
        show.put_json([as_json(record, at) for record in shown])
    elif shown:
        table = show.new_table("state", "attempt", "claimed", "expires", "key", folded="key")
        for record in shown:
            claimed = show.ago(record.claimed)
            table.add_row(state_text(record, at), str(record.attempt), claimed, expiry(record), record.key)
        show.put(table, wide=True)
    else:
        click.echo(f"There are no {'such ' if prefix or state else ''}records in {store.name}.", err=True)
    if next(found, None) is not None:
        click.echo(f"There are more than {limit}: --limit shows them.", err=True)


@records.command("show")
@click.argument("key")
@click.option("--reply", "with_reply", is_flag=True, help="Show the reply and the steps' results: they may be secret.")
@programs
@with_store
def show_record(store: Store, key: str, with_reply: bool, for_programs: bool) -> None:
    """Show one record."""
    record, at = carry_out(ask(Load(key)), store), now(store)
    if record is None:
        raise _no_record(store, key)
    if for_programs:
        show.put_json(as_json(record, at, with_reply=with_reply))
        return
    table = show.new_table("name", "value", folded="value")
    table.show_header = False
    for name, value in lines(record, at, with_reply=with_reply):
        table.add_row(name, value)
    show.put(Text(record.key, style="bold"), wide=True)
    show.put(table)


@records.command(short_help="Say of a delivery that fell silent whether its work is done.")
@click.argument("key")
@click.option("--done/--not-done", "is_done", default=None, help="Whether its work is done; one of them must be said.")
@click.option("--reply", metavar="JSON", help="With --done: what later deliveries get.  [default: nothing]")
@click.option("--step", metavar="NAME", help="Say it of this step alone; --reply is what the step returned.")
@kept_for
@with_store
def resolve(store: Store, key: str, is_done: bool | None, reply: str | None, step: str | None, keep_for: int) -> None:
    """Say of a delivery that fell silent whether its work is done.

    If it is, later deliveries get the reply; if it is not, the next one runs, but for the steps that are recorded. With
    --step, say it of one step that is in doubt: the next delivery gets its result, or runs it.
    """
    if is_done is None:
        raise click.UsageError("Say --done or --not-done: that is what nobody but you can know.")
    if reply is not None and not is_done:
        raise click.UsageError("--reply goes with --done: what is not done has no reply.")
    kept = None if reply is None else _encoded(reply, key, store)
    if step is not None:
        _resolve_step(store, key, step, keep_for, is_done=is_done, result=kept)
        return
    flow = by_hand.settle(key, _seconds(keep_for), is_done=is_done, reply=kept or NO_REPLY)
    _change(flow, key, store, "Only what fell silent can be resolved.")
    later = "get the reply" if reply is not None else "do nothing, and reply null"
    end = f"is done: later deliveries {later}" if is_done else "is not done: the next delivery runs"
    click.echo(f"{key} {end}.")


def _resolve_step(store: Store, key: str, step: str, keep_for: int, *, is_done: bool, result: str | None) -> None:
    flow = by_hand.settle_step(key, step, _seconds(keep_for), is_done=is_done, result=result or NO_REPLY)
    _change(flow, key, store, "Only a step without a result, of what is not answered, can be resolved.")
    what = "gets its result" if is_done else "runs it"
    click.echo(f"{key}: the next delivery {what} when it comes to the step {step}.")


@records.command(short_help="Let the next delivery run again, with new downstream keys.")
@click.argument("key")
@kept_for
@with_store
def redo(store: Store, key: str, keep_for: int) -> None:
    """Let the next delivery run again, with new downstream keys.

    What it has done before is done again, and charged again, for it is a new request to everyone. Nothing runs now:
    deliver the event again for that.
    """
    _change(by_hand.redo(key, _seconds(keep_for)), key, store, "It changed meanwhile: look at it again.")
    click.echo(f"{key}: the next delivery runs again, with new downstream keys.")


@records.command(short_help="Remove a record, as if its key had never been seen.")
@click.argument("key")
@with_store
def forget(store: Store, key: str) -> None:
    """Remove a record, as if its key had never been seen: the next delivery runs. Downstream keys stay the same."""
    _change(by_hand.forget(key), key, store, "It changed meanwhile: look at it again.")
    click.echo(f"{key} is forgotten: the next delivery runs.")


def _all(store: Store, prefix: str) -> Iterator[Record]:
    after: str | None = None
    while True:
        page = carry_out(ask(List(prefix, after)), store)
        yield from page.records
        if page.after is None:
            return
        after = page.after


def _encoded(reply: str, key: str, store: Store) -> str:
    try:
        kept = Codec().keep(json.loads(reply), key, store.reply_limit)
    except json.JSONDecodeError as error:
        raise Refusal(f"--reply is not JSON: {error.msg} (column {error.colno}).") from None
    if kept.error is not None:
        raise Refusal(f"--reply can't be kept: it has {len(reply.encode())} bytes, over the store's limit.")
    return kept.text


def _change(flow: Flow[Done | Lost], key: str, store: Store, rule: str) -> None:
    """Carry it out, and say so where it changed nothing."""
    try:
        end = carry_out(flow, store)
    except InProgress as error:
        raise Refusal(f"{key} is running, for {error.retry_in} ms more at most, and was left as it is.", 1) from error
    if isinstance(end, Done):
        return
    if end.record is None:
        raise _no_record(store, key)
    raise Refusal(f"{key} is {state_of(end.record, now(store))}, and was left as it is. {rule}", 1)


def _no_record(store: Store, key: str) -> Refusal:
    where = f"There is no record of {key!r} in {store.name}."
    return Refusal(f"{where} 'twicesafe records list --prefix ...' finds keys by how they begin.", 1)


def _seconds(days: int) -> Seconds:
    return Seconds(days * DAY)
