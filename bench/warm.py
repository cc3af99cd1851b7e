"""A first execution and a replay in a process that is warm, on DynamoDB Local and in memory."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from bench.bare import bare, bare_bytes
from bench.beside import cpu, figures_beside, in_turn, medians
from bench.ways import (
    BARE,
    BY_HAND,
    BYTES,
    HAS_IDEMKIT,
    IDEMKIT,
    OURS,
    POWERTOOLS,
    by_hand,
    handled,
    idemkit,
    in_a_dict,
    powertools,
    twicesafe,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.beside import Figure
    from bench.place import Bench
    from bench.ways import Subject

A_FEW = 10
IN_MEMORY = f"{POWERTOOLS} on a dict"


def both(subject: Subject) -> tuple[float, float]:
    """The CPU of a first execution, and of a replay of it: the medians of a few, for the caches to be its own."""
    new = [subject.new() for _ in range(A_FEW)]
    old = [subject.old() for _ in range(A_FEW)] if subject.old else new
    return median(cpu(subject.first, one) for one in new), median(cpu(subject.replay, one) for one in old)


def measured(subjects: dict[str, Subject], rounds: int, warm_up: int = 10) -> tuple[dict[str, float], dict[str, float]]:
    """The medians of first executions and of replays, the subjects in turn."""
    measures = {way: partial(both, subject) for way, subject in subjects.items()}
    in_turn(measures, warm_up)
    found = in_turn(measures, rounds)
    first, replay = ({way: [pair[place] for pair in pairs] for way, pairs in found.items()} for place in (0, 1))
    return medians(first), medians(replay)


def figures(bench: Bench) -> Iterator[str | Figure]:
    if not HAS_IDEMKIT:
        yield "idemkit is not installed: pip install --no-deps idemkit aioboto3 aiofiles"
    yield from _on_dynamodb(
        bench, "over TLS", bench.tls.endpoint, {POWERTOOLS: 0.18, BARE: 1.5}, {POWERTOOLS: 0.18, BARE: 1.6}
    )
    yield from _on_dynamodb(bench, "without TLS", bench.endpoint, {}, {})
    in_memory = {OURS: handled(twicesafe("memory://")), IN_MEMORY: handled(powertools(layer=in_a_dict()))}
    first, replay = measured(in_memory, bench.rounds(500, 50))
    yield from figures_beside("in memory: first execution, CPU", "µs", first, {IN_MEMORY: 1.25})
    yield from figures_beside("in memory: replay, CPU", "µs", replay, {IN_MEMORY: 1.25})


def _on_dynamodb(
    bench: Bench, how: str, endpoint: str, first_targets: dict[str, float], replay_targets: dict[str, float]
) -> Iterator[Figure]:
    client = bench.client(endpoint)
    subjects = {
        OURS: handled(twicesafe(bench.store(endpoint))),
        POWERTOOLS: handled(powertools(client)),
        BARE: bare(endpoint, bench.written),
        BYTES: bare_bytes(endpoint, bench.written),
        BY_HAND: handled(by_hand(client)),
    }
    if HAS_IDEMKIT:
        subjects[IDEMKIT] = handled(idemkit(endpoint))
    first, replay = measured(subjects, bench.rounds(100, 5))
    yield from figures_beside(f"{how}: first execution, CPU", "µs", first, first_targets)
    yield from figures_beside(f"{how}: replay, CPU", "µs", replay, replay_targets)
