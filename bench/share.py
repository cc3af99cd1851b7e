"""The share of a core that a function of 128 MB has: how long it takes, not how much CPU."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.beside import column, figures_beside, in_turn
from bench.cold import fresh
from bench.ways import BARE, OURS, POWERTOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.beside import Figure
    from bench.place import Bench

PERIOD = 20_000
QUOTA = PERIOD * 128 // 1769
"""Microseconds. A function of 1,769 MB has one core (Lambda Developer Guide, "Configure function memory")."""
GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def share() -> Iterator[Path]:
    """A control group with the share; the file that a process joins it by.

    Raises:
        OSError: it may not be made here.
    """
    is_new = (GROUPS / "cgroup.controllers").exists()
    group = (GROUPS if is_new else GROUPS / "cpu") / f"twicesafe-bench-{os.getpid()}"
    group.mkdir()
    try:
        if is_new:
            (group / "cpu.max").write_text(f"{QUOTA} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(QUOTA))
        yield group / "cgroup.procs"
    finally:
        with suppress(OSError):
            group.rmdir()


def figures(bench: Bench) -> Iterator[str | Figure]:
    try:
        with share() as procs:
            yield from _figures(bench, str(procs))
    except OSError as error:
        yield f"Not measured: this user may make no control group with a share of a core here ({error})."


def _figures(bench: Bench, procs: str) -> Iterator[str | Figure]:
    yield f"{QUOTA / PERIOD:.1%} of a core, by a control group; the server has all that it wants."
    seconds = bench.rounds(2, 1)

    def run(way: str) -> dict[str, float]:
        return fresh(
            way,
            str(seconds),
            AWS_ENDPOINT_URL_DYNAMODB=bench.tls.endpoint,
            AWS_CA_BUNDLE=bench.tls.bundle,
            BENCH_WRITTEN=bench.written_file(),
            BENCH_CGROUP=procs,
        )

    runs = {way: partial(run, way) for way in (OURS, POWERTOOLS, BARE)}
    found = in_turn(runs, bench.rounds(5, 1))
    yield from figures_beside("cold over TLS: import to first reply", "ms", column(found, "elapsed", 1e3))
    yield from figures_beside("first execution", "ms", column(found, "first", 1e3))
    yield from figures_beside("replay", "ms", column(found, "replay", 1e3))
