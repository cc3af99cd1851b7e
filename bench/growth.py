"""What a process holds more of after 100,000 calls than before, one first execution and nine replays by turns."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

from bench import ways
from bench.beside import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.place import Bench

WARM_UP = 2000
REPLAYS = 9


def figures(bench: Bench) -> Iterator[str | Figure]:
    from bench.place import ROOT

    calls = {ways.OURS: bench.rounds(100_000, 2_000), ways.POWERTOOLS: bench.rounds(5_000, 1_000)}
    grown: dict[str, dict[str, float]] = {}
    for way, count in calls.items():
        command = [sys.executable, "-m", "bench.growth", way, bench.endpoint, str(count)]
        ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        grown[way] = json.loads(ran.stdout)
    yield f"On DynamoDB Local, after {WARM_UP} calls to warm up; Powertools for fewer, since it needs longer."
    for way, count in calls.items():
        at_most = 64 if way == ways.OURS else None
        what = f"growth over {count:,} calls, {way}"
        yield Figure(f"{what}: Python's objects", grown[way]["traced"] / 1024, "KiB", at_most=at_most)
        yield Figure(f"{what}: resident memory", grown[way]["resident"] / 1024, "KiB")


def main(way: str, endpoint: str, calls: str) -> None:
    from bench.place import Bench

    bench = Bench(is_quick=True)
    make: dict[str, Callable[[], Any]] = {
        ways.OURS: lambda: ways.twicesafe(bench.store(endpoint)),
        ways.POWERTOOLS: lambda: ways.powertools(bench.client(endpoint)),
    }
    run = partial(_run, make[way]())
    tracemalloc.start()
    run(WARM_UP)
    before = _held()
    run(int(calls))
    print(json.dumps({name: after - before[name] for name, after in _held().items()}))


def _held() -> dict[str, int]:
    """Bytes: of Python's objects, and all that is resident, what traces them included."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"traced": tracemalloc.get_traced_memory()[0], "resident": resident}


def _run(handler: Any, calls: int) -> None:
    for _ in range(calls // (1 + REPLAYS)):
        one = ways.event()
        for _ in range(1 + REPLAYS):
            handler(one, ways.CONTEXT)


if __name__ == "__main__":
    main(*sys.argv[1:])
