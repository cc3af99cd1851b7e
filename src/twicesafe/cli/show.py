"""How things look: tables, times, and a line that says what goes on."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.measure import Measurement
from rich.segment import Segment, Segments
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

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
ROOMY = 10_000
"""Columns of what is no terminal: a program or a file wraps nothing, and no text here is longer."""
LONGEST_VALUE = 200
HASH = re.compile(r"#[0-9a-f]{64}\b")


def put(*things: RenderableType, wide: bool = False) -> None:
    """Print results: on a terminal as it has room, elsewhere each row on one line.

    Args:
        wide: on a terminal too, each row as long as it is, so that what the terminal wraps can be copied.
    """
    console = _console()
    if wide:
        room = console.options.update(max_width=ROOMY)
        console.width = max(1, *(Measurement.get(console, room, thing).maximum for thing in things))
    for thing in things:
        console.print(_trimmed(console, thing), end="")


def _trimmed(console: Console, thing: RenderableType) -> Segments:
    """The same without blanks at the end of its lines."""
    kept = []
    for line in console.render_lines(thing, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        if line:
            line[-1] = line[-1]._replace(text=line[-1].text.rstrip())
        kept += [*line, Segment.line()]
    return Segments(kept)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = ROOMY
    return console


def put_json(value: object) -> None:
    """Print it for programs."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


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
    console = _console()
    if not console.is_terminal:
        try:
            with progress() as say:
                yield say
        finally:
            if table.rows:
                put(table)
        return
    with Live(console=console, refresh_per_second=8) as live:
        try:
            yield lambda text: live.update(Group(table, Spinner("dots", Text(f"{text} …", style="dim"))))
        finally:
            live.update(table if table.rows else "")


def new_table(*columns: str, folded: str) -> Table:
    """An empty table.

    Args:
        folded: the column that gives way where room is short.
    """
    made = Table(header_style="dim", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column != folded)
    return made


def word(result: str) -> Text:
    """A result, in its colour."""
    return Text(result, style=COLOURS.get(result.strip(), "red" if "error" in result else ""))


def value_of(value: Any) -> Text:
    """A value as JSON in one line, cut where the line ends."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    shown = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    return Text(shown, overflow="ellipsis", no_wrap=True)


def printable(text: str) -> str:
    """The text with what a terminal would obey, or hide, written out."""
    return "".join(one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode() for one in text)


def one_line(text: str) -> str:
    """The text in one line, with the hashes of keys cut short."""
    return HASH.sub(lambda found: f"{found[0][:9]}…", printable(" ".join(text.split())))


def ago(millis: int) -> str:
    """How long ago, or how far ahead, a time is."""
    seconds = (millis - time.time_ns() // 1_000_000) / 1000
    return f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} ago"


def date(millis: int) -> str:
    """A time in UTC; one that no calendar has, as a number."""
    try:
        day = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000))
    except (OverflowError, OSError, ValueError):
        return f"{millis} ms since 1970"
    return f"{day}.{millis % 1000:03d} UTC"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
