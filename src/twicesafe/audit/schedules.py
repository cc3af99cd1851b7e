"""Who runs when, and what breaks: schedules as values and as text, and which ones there are. Pure.

run 1                    the first delivery, to its end
run 1 2; kill 1; run 2   the first until its second operation is applied; SIGKILL; then the second
run 1 2; run 2 soon; run 1   the second comes a second later, while the first still runs
run 1 2; lose 1; run 1; run 2   the answer to the second operation never comes
run 1; run 2 warm        in the same process; `same-id`: with the request id and the bytes of the first
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import When

VERBS = ("run", "kill", "lose")
OPTIONS = ("warm", "same-id", "soon")
MOST_DELIVERIES = 5
OFFSETS = (0.0, 120.0, 480.0, 4_080.0, 90_000.0)
"""Seconds after the first delivery at which each comes: second, minute, hour and day all differ in the end."""
SOON = 1.0
"""Seconds: one that overlaps cannot come much later, for the other would be dead by its deadline."""
LIMIT = 48
"""Schedules in all, up to which the rare classes are explored without --thorough."""
SAMPLE = 36


class Action(NamedTuple):
    """One step of a schedule."""

    verb: str
    delivery: int
    upto: int | None = None  # the operation of this delivery to stop after, before its answer
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [self.verb, str(self.delivery), *([str(self.upto)] if self.upto is not None else []), *self.options]
        return " ".join(parts)


class Schedule(NamedTuple):
    """Actions, in their order."""

    actions: tuple[Action, ...]
    when: When | None = None  # None: a clean run

    def __str__(self) -> str:
        return "; ".join(str(action) for action in self.actions)


class BadSchedule(Exception):
    """A text is no schedule; the message is for people."""


def parse(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        BadSchedule: it is none.
    """
    actions = tuple(_action(part.split(), part.strip()) for part in text.split(";") if part.strip())
    if not actions:
        raise BadSchedule("An empty schedule delivers nothing: write for example 'run 1; run 2'.")
    begun: set[int] = set()
    for action in actions:
        if action.verb != "run" and action.delivery not in begun:
            raise BadSchedule(f"{action} comes before delivery {action.delivery} runs.")
        begun.add(action.delivery)
    return Schedule(actions, _when(actions))


def _action(words: Sequence[str], part: str) -> Action:
    if words[0] not in VERBS or len(words) < 2 or not words[1].isdecimal():
        raise BadSchedule(f"{part!r} is none of: run N [K] [{'|'.join(OPTIONS)}], kill N, lose N.")
    delivery = int(words[1])
    if not 1 <= delivery <= MOST_DELIVERIES:
        raise BadSchedule(f"{part!r}: deliveries are 1 to {MOST_DELIVERIES}.")
    rest = list(words[2:])
    upto = int(rest.pop(0)) if words[0] == "run" and rest and rest[0].isdecimal() else None
    if any(word not in OPTIONS for word in rest) or (rest and words[0] != "run") or upto == 0:
        raise BadSchedule(f"{part!r} is none of: run N [K] [{'|'.join(OPTIONS)}], kill N, lose N.")
    return Action(words[0], delivery, upto, tuple(rest))


def _when(actions: Sequence[Action]) -> When | None:
    """The class that a schedule belongs to."""
    verbs = [action.verb for action in actions]
    if verbs.count("kill") > 1:
        return "two crashes"
    if "kill" in verbs:
        return "crash"
    if "lose" in verbs:
        return "lost answer"
    if any("soon" in action.options for action in actions) and len({action.delivery for action in actions}) > 1:
        return "overlap"
    if any("warm" in action.options for action in actions):
        return "warm"
    return "every redelivery" if len({action.delivery for action in actions}) > 1 else None


def _run(delivery: int, upto: int | None = None, *options: str) -> Action:
    return Action("run", delivery, upto, options)


def _schedule(*actions: Action) -> Schedule:
    return Schedule(actions, _when(actions))


def clean(delivery: int, *options: str) -> Schedule:
    """One delivery alone, as the one of that number."""
    return _schedule(_run(delivery, None, *options))


def again() -> list[Schedule]:
    """Class 2: later, in a new process; with the same request id; in the same process."""
    return [_schedule(_run(1), _run(2, None, *options)) for options in ((), ("same-id",), ("warm",))]


def crashes(effects: Sequence[int]) -> list[Schedule]:
    """Class 3: killed after each effect, before its answer. Before the first it would be a clean run."""
    return [_schedule(_run(1, k), Action("kill", 1), _run(2)) for k in effects]


def overlaps(operations: int) -> list[Schedule]:
    """Class 4: the second comes, and ends, while the first waits at each of its operations."""
    return [_schedule(_run(1, k), _run(2, None, "soon"), _run(1)) for k in range(1, operations + 1)]


def lost_answers(effects: Sequence[int]) -> list[Schedule]:
    """Class 5: the effect is had, and its answer never comes."""
    return [_schedule(_run(1, k), Action("lose", 1), _run(1), _run(2)) for k in effects]


def switches(operations: int) -> list[Schedule]:
    """Class 6: an overlap with two switches."""
    return [
        _schedule(_run(1, k), _run(2, j, "soon"), _run(1), _run(2))
        for k in range(1, operations)
        for j in range(1, operations)
    ]


def double_crashes(effects: Sequence[int], operations: int) -> list[Schedule]:
    """Class 7: the second delivery, which finds what the first left, is killed too.

    Its operations may be others than the first's, so it is killed after each that it can have.
    """
    return [
        _schedule(_run(1, k), Action("kill", 1), _run(2, j), Action("kill", 2), _run(3))
        for k in effects
        for j in range(1, operations + 1)
    ]


def sample(schedules: Sequence[Schedule], most: int = SAMPLE) -> list[Schedule]:
    """At most so many of them, evenly spread."""
    if len(schedules) <= most:
        return list(schedules)
    return [schedules[place * len(schedules) // most] for place in range(most)]


def offset(action: Action) -> float:
    """Seconds after the first delivery at which this one comes."""
    return SOON if "soon" in action.options else OFFSETS[action.delivery - 1]
