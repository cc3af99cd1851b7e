"""Many at once: threads, and the tasks of an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.bare import stream
from bench.beside import Figure, column, figures_beside, in_turn
from bench.ways import BARE, CONTEXT, OURS, POWERTOOLS, event, powertools, twicesafe, twicesafe_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bench.place import Bench

THREADS = (1, 8, 32)
TASKS = (1, 32, 256)


class Run(NamedTuple):
    """Some ways with as many at once."""

    way: str
    at_once: int

    def __str__(self) -> str:
        return f"{self.way}, {self.at_once}"


def per_call(calls: int, cpu: float, elapsed: float) -> dict[str, float]:
    return {"cpu": cpu / calls * 1e6, "rate": calls / elapsed}


def in_threads(handler: Callable[[Any, Any], Any], threads: int, calls: int) -> dict[str, float]:
    """So many first executions, by threads that are there already."""
    events = [[event() for _ in range(calls // threads)] for _ in range(threads)]
    start, end = threading.Barrier(threads + 1), threading.Barrier(threads + 1)

    def work(mine: list[Any]) -> None:
        start.wait()
        for one in mine:
            handler(one, CONTEXT)
        end.wait()

    workers = [threading.Thread(target=work, args=(mine,)) for mine in events]
    for worker in workers:
        worker.start()
    cpu, began = time.process_time(), time.perf_counter()
    start.wait()
    end.wait()
    cpu, elapsed = time.process_time() - cpu, time.perf_counter() - began
    for worker in workers:
        worker.join()
    return per_call(sum(map(len, events)), cpu, elapsed)


async def in_tasks(calls: list[list[Callable[[], Awaitable[object]]]]) -> dict[str, float]:
    """All these calls, by a task for each list."""

    async def work(mine: list[Callable[[], Awaitable[object]]]) -> None:
        for call in mine:
            await call()

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*map(work, calls))
    return per_call(sum(map(len, calls)), time.process_time() - cpu, time.perf_counter() - began)


def figures(bench: Bench) -> Iterator[str | Figure]:
    yield from _threads(bench)
    yield from asyncio.run(_tasks(bench))


def _threads(bench: Bench) -> Iterator[Figure]:
    calls, rounds = bench.rounds(640, 64), bench.rounds(5, 1)
    handlers = {
        OURS: twicesafe(bench.store(bench.endpoint)),
        POWERTOOLS: powertools(bench.client(bench.endpoint, connections=max(THREADS))),
    }
    runs = {
        str(Run(way, threads)): lambda handler=handler, threads=threads: in_threads(handler, threads, calls)
        for threads in THREADS
        for way, handler in handlers.items()
    }
    in_turn(runs, 1)
    found = in_turn(runs, rounds)
    cpu, rate = column(found, "cpu"), column(found, "rate")
    for threads in THREADS:
        ours, theirs = str(Run(OURS, threads)), str(Run(POWERTOOLS, threads))
        what, is_most = f"threads: {threads}", threads == max(THREADS)
        yield Figure(f"{what}, CPU a first execution", cpu[ours], "µs", POWERTOOLS, cpu[theirs])
        at_least = 2.5 if is_most else None
        yield Figure(f"{what}, first executions", rate[ours], "/s", POWERTOOLS, rate[theirs], at_least=at_least)
        if threads > 1:
            one = cpu[str(Run(OURS, 1))]
            at_most = 1.2 if is_most else None
            yield Figure(f"{what}, CPU a first execution", cpu[ours], "µs", "one thread", one, at_most=at_most)


async def _tasks(bench: Bench) -> list[Figure]:
    calls, rounds = bench.rounds(1024, 256), bench.rounds(5, 1)
    handler, written = twicesafe_async(bench.store(bench.endpoint)), bench.written
    streams = [await stream(bench.endpoint) for _ in range(max(TASKS))]

    async def ours(tasks: int) -> dict[str, float]:
        events = [[event() for _ in range(calls // tasks)] for _ in range(tasks)]
        return await in_tasks([[lambda one=one: handler(one, CONTEXT) for one in mine] for mine in events])

    async def bare(tasks: int) -> dict[str, float]:
        lines = zip(
            streams[:tasks], [[written.anew() for _ in range(calls // tasks)] for _ in range(tasks)], strict=True
        )
        return await in_tasks([[lambda line=line, one=one: line.first(one) for one in mine] for line, mine in lines])

    found: dict[int, dict[str, list[dict[str, float]]]] = {tasks: {OURS: [], BARE: []} for tasks in TASKS}
    for round_ in range(rounds + 1):
        for tasks, both in found.items():
            for way, run in ((OURS, ours), (BARE, bare)):
                measured = await run(tasks)
                if round_:  # the first is to warm up
                    both[way].append(measured)
    for one in streams:
        one.close()
    rows: list[Figure] = []
    for tasks, both in found.items():
        targets = {BARE: 1.7} if tasks == 32 else {}
        rows += figures_beside(f"tasks: {tasks}, CPU a first execution", "µs", column(both, "cpu"), targets)
        rows += figures_beside(f"tasks: {tasks}, first executions", "/s", column(both, "rate"))
    return rows
