"""Stores with one rule switched off, by a change of their text, in the processes under test alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple


class Change(NamedTuple):
    """One place of the text."""

    module: str
    was: str
    now: str

    def make(self) -> None:
        """Change the module, before others import from it."""
        module = importlib.import_module(self.module)
        assert module.__file__ is not None
        text = Path(module.__file__).read_text()
        assert text.count(self.was) == 1, f"{self.module} no longer says {self.was!r}, or says it twice"
        exec(compile(text.replace(self.was, self.now), module.__file__, "exec"), vars(module))


MEMORY = "twicesafe.stores.memory"
A_LIVE_LEASE = Change(MEMORY, " or found.is_live(command.now)", "")

BROKEN = {
    "sqlite": {
        "a live lease is taken over": A_LIVE_LEASE,
        "an answer keeps nobody from running": Change(MEMORY, " or found.is_final or", " or"),
        "a take-over loses the steps": Change(
            MEMORY, "attempt=found.attempt + 1,", "attempt=found.attempt + 1, steps={},"
        ),
    },
    "dynamodb": {
        "a live lease is taken over": A_LIVE_LEASE,
    },
}
"""By store, in words."""


def break_store(name: str) -> None:
    """Switch it off here."""
    store, _, rule = name.partition(": ")
    BROKEN[store][rule].make()
