"""`twicesafe key`: what the library makes of an event."""

from __future__ import annotations

from typing import IO

import click

from ..keys.describe import describe, explain
from . import show
from .events import read_event


@click.command()
@click.argument("event", type=click.File(encoding="utf-8"), metavar="EVENT.json")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
def key(event: IO[str], *, for_programs: bool) -> None:
    """Show what identifies an event, how long it can come again, and what was left out and why.

    An event that is "-" is read from standard input.
    """
    payload = read_event(event)
    if for_programs:
        show.show_json(describe(payload))
    else:
        click.echo(explain(payload))
