"""Every order of the commands of two deliveries, and of three, with every two faults: all invariants hold."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .explore import explore
from .mutants import MUTANTS
from .replay import schedule_of
from .settings import SETTINGS

if TYPE_CHECKING:
    from .conftest import Report

EXPECTED = {
    "rerun": {"Ran", "Replayed", "InProgress", "LeaseLost", "NotRecorded", "StoreUnavailable", "dead"},
    "raise": {"Ran", "Replayed", "UnknownOutcome", "dead"},
    "raise-interrupted": {"UnknownOutcome", "KeyboardInterrupt"},
    "wait": {"Ran", "Replayed"},
    "deadline": {"Ran", "NotEnoughTime"},
    "payload": {"Ran", "PayloadMismatch"},
    "by-hand-done": {"Ran", "Replayed", "Done"},
}
"""Ends that must have been seen: an exploration that sees nothing would hold any invariant."""


@pytest.mark.parametrize("name", SETTINGS)
def test_every_invariant_holds_in_every_state(name: str, report: Report) -> None:
    found = explore(SETTINGS[name])
    assert found.violation is None, f"{found.violation}\n\n{schedule_of(found)}"
    assert found.schedules is not None  # it was gone through to the end
    report(
        f"{name:22} {found.states:7,} states {found.moves:8,} moves {found.schedules.all:14,} schedules;"
        f" an effect twice in {found.schedules.twice:,}, two owners at once in {found.schedules.at_once:,}"
    )
    seen = {end for ends in found.ends for end in ends}
    assert EXPECTED.get(name, {"Ran"}) <= seen
    assert found.schedules.at_once == 0 or not SETTINGS[name].is_exact


def test_clocks_further_apart_than_the_allowance_let_two_owners_run_at_once() -> None:
    schedules = explore(SETTINGS["clocks-too-far-apart"]).schedules
    assert schedules is not None
    assert schedules.at_once > 0


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_switched_off_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    mutant.install(monkeypatch)
    violation = explore(SETTINGS[mutant.setting]).violation
    assert violation is not None
    assert violation.invariant == mutant.noticed_by


def test_a_violation_is_seen_again_when_its_schedule_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS["a late claim revives a release"]
    mutant.install(monkeypatch)
    found = explore(SETTINGS[mutant.setting])
    command = [sys.executable, *schedule_of(found).removeprefix("python ").split(" ", 3)[:3]]
    moves = "; ".join(move.told(found.setting) for move in found.path)
    played = subprocess.run(
        [*command, moves, "--mutant", "a late claim revives a release"], capture_output=True, text=True
    )
    assert played.returncode == 1, played.stderr
    assert mutant.noticed_by in played.stdout
    played = subprocess.run([*command, moves], capture_output=True, text=True)
    assert "cannot happen" in played.stdout or played.returncode == 0  # with the rule on, it goes another way
