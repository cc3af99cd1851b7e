"""The command line: it parses, calls, and shows, and decides nothing.

Exit statuses: 0 it is so; 1 the answer is no, or a delivery failed; 2 the input or the set-up is
wrong, and nothing was done; 130 it was interrupted.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

NEEDED = ("click", "rich")


def main() -> None:
    """Run the command that the process was started with."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(f"The command line needs {' and '.join(missing)}: pip install 'twicesafe[cli]'\n")
        sys.exit(2)
    from .commands import commands

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a locale may lack a letter
    commands(prog_name="twicesafe")


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal calls it
    """End by an exception, so that what was started is ended too."""
    sys.exit(128 + number)
