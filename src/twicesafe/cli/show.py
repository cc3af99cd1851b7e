"""How things look: tables, times, and a line that says what goes on."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLOURS = {
    "ran": "green",
    "replayed": "cyan",
    "conflict": "yellow",
    "unprotected": "yellow",
    "killed": "magenta",
    "error": "red",
    "timed out": "red",
    "exited": "red",
}


def out() -> Console:
    """Where results go."""
    return Console(highlight=False)


def show_json(value: object) -> None:
    """Print it for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give what says what goes on: a line that changes on a terminal, elsewhere a line each, on standard error."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda text: console.print(Text(text), soft_wrap=True)
        return
    with console.status("") as status:
        yield lambda text: status.update(Text(f"{text} …"))


@contextmanager
def growing(table: Table) -> Iterator[Callable[[str], None]]:
    """Show a table while rows are added to it, over the line that says what goes on."""
    console = out()
    if not console.is_terminal:
        with progress() as say:
            yield say
        console.print(table)
        return
    with Live(table, console=console, refresh_per_second=8) as live:
        yield lambda text: live.update(Group(table, Spinner("dots", Text(f"{text} …", style="dim"))))
        live.update(table)


def new_table(*columns: str, title: str | None = None) -> Table:
    """An empty table."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def word(result: str) -> Text:
    """A result, in its colour."""
    return Text(result, style=COLOURS.get(result.strip(), "red" if "error" in result else ""))


def compact(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def ago(millis: int) -> str:
    """How long ago, or how far ahead, a time is."""
    seconds = (millis - time.time_ns() // 1_000_000) / 1000
    return f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} ago"


def date(millis: int) -> str:
    """A time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d} UTC"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
