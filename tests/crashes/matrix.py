"""Every point at which the process can die, each in processes of its own, delivered again until it is done.

`python -m tests.crashes` prints the tables.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from .handler import LEFT, STEPS, deliver

if TYPE_CHECKING:
    from pathlib import Path

MOST_DELIVERIES = 4


class Point(NamedTuple):
    """Where a process died."""

    when: str  # "before" or "after"
    what: str
    effect: str  # that was begun last

    def __str__(self) -> str:
        return f"{self.when} {self.what}" + (f", after effect {self.effect}" if self.effect not in self.what else "")


class Case(NamedTuple):
    """What came of it."""

    point: Point
    effects: dict[str, int]  # how often each was had
    calls_of_charge: int
    deliveries: int


def explore(kind: Any, folder: Path) -> list[Case]:
    """Die at each point of the handler, once."""
    points = points_of(kind, folder / "none")
    return [die_at(kind, folder / str(number), number, point) for number, point in enumerate(points, 1)]


def points_of(kind: Any, world: Path) -> list[Point]:
    """All points that a delivery passes which does not die."""
    world.mkdir()
    kind.prepare(world)
    assert in_a_process(kind, world, 0, 0) == 0
    return [Point(*line.split("\t")) for line in (world / "points").read_text().splitlines()]


def die_at(kind: Any, world: Path, number: int, point: Point) -> Case:
    """Die there in the first delivery, and deliver again until it is done."""
    world.mkdir()
    kind.prepare(world)
    ended = in_a_process(kind, world, 0, number)
    assert ended == -signal.SIGKILL, f"it was to die {point}, and ended with {ended}"
    deliveries = 1
    while ended and deliveries < MOST_DELIVERIES:
        ended = in_a_process(kind, world, deliveries, 0)
        deliveries += 1
    assert ended == 0, f"it was not done after dying {point}"
    return Case(point, _effects(kind, world), _size(world / "calls of charge"), deliveries)


def in_a_process(kind: Any, world: Path, attempt: int, dies_at: int) -> int:
    """Deliver in a forked process, which has imported all that it needs; how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which this one does not use
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if deliver(kind, world, attempt, dies_at) == "done" else 3)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _effects(kind: Any, world: Path) -> dict[str, int]:
    had = {name: _size(world / name) for name in STEPS}
    had["charge"] = len(list(world.glob("charge *")))
    had["reserve"] = LEFT - kind.left(world)
    return had


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def table(kind: Any, cases: list[Case]) -> str:
    """For people."""
    width = max(len(str(case.point)) for case in cases)
    lines = [f"{kind.name}: killed …".ljust(width) + "".join(name.rjust(9) for name in (*STEPS, "attempts"))]
    for case in cases:
        counts = "".join(str(case.effects[name]).rjust(9) for name in STEPS)
        lines.append(str(case.point).ljust(width) + counts + str(case.deliveries).rjust(9))
    return "\n".join(lines)
