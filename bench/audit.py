"""What an audit takes, and where its time goes: start of its process, imports, the world, the schedules."""

from __future__ import annotations

import os
import resource
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.beside import Figure
from tests.audit.table import TABLE, audits, job
from twicesafe.audit.audit import audit
from twicesafe.audit.settings import Declared, Job
from twicesafe.lab.loading import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.place import Bench

AUDITED = Path(__file__).with_name("audited")
TABLES = ({"name": "orders", "keys": {"id": "S"}},)
PARTS = ("start", "import", "world", "schedules")
ALL_CASES = 60.0
"""Seconds."""


def figures(bench: Bench) -> Iterator[str | Figure]:
    yield f"{os.cpu_count()} worlds at once; CPU is of all its processes."
    declared = Declared(tables=TABLES)
    six = Job(Target("six_effects", "handler", (str(AUDITED),)), {"order_id": "o-17"}, declared=declared)
    for what, asked, at_most in (
        ("reads only", job("read_item"), 1.0),
        ("one effect", job("put_same_data"), 1.5),
        ("six effects in seven operations", six, 5.0),
    ):
        found = [timed(asked) for _ in range(bench.rounds(7, 1))]
        middle = {part: statistics.median(each[part] for each in found) for part in ("all", *PARTS, "CPU")}
        yield Figure(f"{what}, {found[0]['count']:.0f} schedules", middle.pop("all"), "s", at_most=at_most)
        yield from (Figure(f"{what}: {part}", seconds, "s") for part, seconds in middle.items())
    cases = TABLE[:: bench.rounds(1, 10)]
    began = time.monotonic()
    spent = [found.seconds["all"] for found in audits(cases)]
    yield Figure(f"{len(cases)} of the {len(TABLE)} cases", time.monotonic() - began, "s", at_most=ALL_CASES)
    yield Figure("the longest of them", max(spent), "s")


def timed(asked: Job) -> dict[str, float]:
    """Where the seconds of an audit went, what all its processes worked, and how many schedules it played."""
    began = worked()
    found = audit(asked)
    return {**found.seconds, "CPU": worked() - began, "count": len(found.schedules)}


def worked() -> float:
    """The seconds that processes which this one started, and has seen end, have worked."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
