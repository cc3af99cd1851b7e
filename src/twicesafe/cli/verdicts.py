"""How the report of an audit looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from . import show

if TYPE_CHECKING:
    from collections.abc import Iterable

COLOURS = {"safe": "bold green", "unsafe": "bold red", "unknown": "bold yellow", "error": "bold red"}


def put(word: str, lines: Iterable[str]) -> None:
    """Print a report, with its verdict in colour."""
    for line in lines:
        shown = Text(show.printable(line))
        if line.startswith(word):
            shown.stylize(COLOURS[word], 0, len(word))
        show.put(shown, wide=True)
