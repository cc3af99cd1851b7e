"""A first execution and a replay in a process that is warm, on DynamoDB Local and in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.bare import Line
from bench.beside import cpu, figures_beside, in_turn, medians
from bench.ways import (
    BARE,
    BY_HAND,
    CONTEXT,
    HAS_IDEMKIT,
    IDEMKIT,
    OURS,
    POWERTOOLS,
    by_hand,
    event,
    idemkit,
    in_a_dict,
    powertools,
    twicesafe,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.beside import Figure
    from bench.place import Bench

WARM_UP = 50
IN_MEMORY = f"{POWERTOOLS} on a dict"


class Handled:
    """A first execution, then a replay of it, each measured by itself."""

    def __init__(self, handler: Callable[[Any, Any], Any]) -> None:
        self._handler = handler

    def __call__(self) -> tuple[float, float]:
        one = event()
        return cpu(self._handler, one, CONTEXT), cpu(self._handler, one, CONTEXT)


def bare(bench: Bench) -> Callable[[], tuple[float, float]]:
    line, written = Line(bench.endpoint), bench.written

    def measure() -> tuple[float, float]:
        anew = written.anew()
        return cpu(line.first, anew), cpu(line.replay, anew)

    return measure


def measured(
    measures: dict[str, Callable[[], tuple[float, float]]], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The medians of first executions and of replays."""
    in_turn(measures, WARM_UP)
    found = in_turn(measures, rounds)
    first, replay = ({way: [pair[place] for pair in pairs] for way, pairs in found.items()} for place in (0, 1))
    return medians(first), medians(replay)


def figures(bench: Bench) -> Iterator[str | Figure]:
    client = bench.client(bench.endpoint)
    measures: dict[str, Any] = {
        OURS: Handled(twicesafe(bench.store(bench.endpoint))),
        POWERTOOLS: Handled(powertools(client)),
        BARE: bare(bench),
        BY_HAND: Handled(by_hand(client)),
    }
    if HAS_IDEMKIT:
        measures[IDEMKIT] = Handled(idemkit(bench.endpoint))
    else:
        yield "idemkit is not installed: pip install --no-deps idemkit aioboto3 aiofiles"
    first, replay = measured(measures, bench.rounds(1000, 50))
    yield from figures_beside("first execution, CPU", "µs", first, {POWERTOOLS: 0.18, BARE: 1.5})
    yield from figures_beside("replay, CPU", "µs", replay, {POWERTOOLS: 0.18, BARE: 1.6})
    in_memory = {OURS: Handled(twicesafe("memory://")), IN_MEMORY: Handled(powertools(layer=in_a_dict()))}
    first, replay = measured(in_memory, bench.rounds(5000, 500))
    yield from figures_beside("in memory: first execution, CPU", "µs", first, {IN_MEMORY: 1.25})
    yield from figures_beside("in memory: replay, CPU", "µs", replay, {IN_MEMORY: 1.25})
