"""In every schedule: transactional steps once, at most once at most once, recoverable ones once, keyed with one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.steps import schedules
from tests.steps.schedules import AT_MOST_ONCE, KEYED, PLAIN, RECOVERABLE, TRANSACTIONAL, Schedules, Wrong
from twicesafe.protocol import steps
from twicesafe.protocol.commands import Done, RunStep, ask
from twicesafe.stores import memory

if TYPE_CHECKING:
    from collections.abc import Callable

WORKS = [(PLAIN, RECOVERABLE, TRANSACTIONAL), (KEYED, AT_MOST_ONCE)]


@pytest.mark.parametrize("kinds", WORKS, ids=" ".join)
def test_all_that_steps_promise_holds_in_every_schedule(kinds: tuple[str, ...]) -> None:
    found = Schedules(kinds)
    states = found.explore()
    print(f"{states} states, {len(found.ends)} ends, most effects {found.most}")
    assert states > 10_000
    assert found.most[kinds[0]] > 1  # a plain or keyed one is repeated, in its window
    assert any("answered" in end for end in found.ends)


def believes_at_once(plan: Any, found: Any) -> int:
    return 0


def intends_nothing(tenure: Any, name: str, plan: Any) -> Any:
    return
    yield


def saves_nothing(tenure: Any, steps: Any) -> Any:
    return
    yield


def is_never_in_doubt(*_: Any) -> bool:
    return False


def steps_of_nobody(found: Any, command: Any) -> Any:
    return memory.save_step(found, command._replace(owner=found.owner or "") if found is not None else command)


def runs_first(tenure: Any, name: str, plan: Any = steps.PLAIN) -> Any:
    yield from ask(RunStep(name))
    return (yield from REAL_STEP(tenure, name, plan))


def writes_whenever_it_is_done(before: Any, after: Any, reply: Any) -> bool:
    return isinstance(reply, Done)


REAL_STEP = steps.step
ONE, TWO = WORKS
MUTANTS: dict[str, tuple[tuple[str, ...], Callable[[pytest.MonkeyPatch], None]]] = {
    "not found is believed at once": (ONE, lambda patch: patch.setattr(steps, "_settled", believes_at_once)),
    "no intent is recorded": (TWO, lambda patch: patch.setattr(steps, "_intend", intends_nothing)),
    "an intent is no doubt": (TWO, lambda patch: patch.setattr(steps, "_is_in_doubt", is_never_in_doubt)),
    "results are not recorded": ((PLAIN, TRANSACTIONAL), lambda patch: patch.setattr(steps, "_save", saves_nothing)),
    "the effect comes before its record is looked at": (ONE, lambda patch: patch.setattr(steps, "step", runs_first)),
    "a copy of a transaction writes again": (
        ONE,
        lambda patch: patch.setattr(schedules, "applies", writes_whenever_it_is_done),
    ),
    "a late transaction needs no owner": (
        ONE,
        lambda patch: (
            patch.setitem(memory.TRANSITIONS, steps.SaveStep, steps_of_nobody),
            patch.setattr(schedules, "applies", writes_whenever_it_is_done),
        )[0],
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_rule_that_is_switched_off_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, switch_off = MUTANTS[name]
    switch_off(monkeypatch)
    with pytest.raises(Wrong):
        Schedules(kinds).explore()
