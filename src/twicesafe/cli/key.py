"""`twicesafe key`: what the library makes of an event."""

from __future__ import annotations

from typing import IO

import click

from ..keys.describe import FUNCTION, describe, explain
from . import show
from .events import EVENT, read_event


@click.command(short_help="Show what identifies an event, and what was left out and why.")
@click.argument("event", type=EVENT, metavar="EVENT.json")
@click.option("--function", default=FUNCTION, metavar="NAME", help="What the keys of its function begin with.")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
def key(event: IO[str], *, function: str, for_programs: bool) -> None:
    """Show what identifies an event, how long it can come again, and what was left out and why.

    An event that is "-" is read from standard input.

    On Lambda keys begin with FUNCTION#MODULE.HANDLER, the names of the Lambda function and of its handler;
    elsewhere with MODULE.HANDLER; and where @idempotent(name=...) says something else, with that.
    """
    payload = read_event(event)
    if for_programs:
        show.put_json(describe(payload, function))
    else:
        click.echo(show.printable(explain(payload, function)))
