"""One schedule, played again: `python -m tests.explorer SETTING "ann begins; ann sends Claim; …"`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from .invariants import Violation
from .mutants import MUTANTS
from .settings import SETTINGS
from .world import World

if TYPE_CHECKING:
    from .explore import Found
    from .settings import Setting


def schedule_of(found: Found) -> str:
    """The command that plays a violation again."""
    moves = "; ".join(move.told(found.setting) for move in found.path)
    return f'python -m tests.explorer {found.setting.name} "{moves}"'


def play(setting: Setting, moves: list[str]) -> int:
    """Make the moves, and print what comes of each; the exit status is 1 when an invariant does not hold."""
    world = World(setting)
    state = world.first()
    for wanted in moves:
        move = next((move for move in world.moves(state) if move.told(setting) == wanted), None)
        if move is None:
            print(f"{wanted}: cannot happen here. What can: {'; '.join(m.told(setting) for m in world.moves(state))}")
            return 2
        try:
            state = world.after(state, move)
        except Violation as violation:
            print(f"{wanted}\n{violation.invariant}: {violation}")
            return 1
        print(f"{wanted:40} {state.record.value}")
    return 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.explorer", description=__doc__)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("schedule", help="moves, with semicolons between them")
    parser.add_argument("--mutant", choices=MUTANTS, help="a rule to switch off")
    asked = parser.parse_args()
    with pytest.MonkeyPatch.context() as monkeypatch:
        if asked.mutant:
            MUTANTS[asked.mutant].install(monkeypatch)
        return play(SETTINGS[asked.setting], asked.schedule.split("; "))
