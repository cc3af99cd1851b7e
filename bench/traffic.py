"""What is sent: requests and bytes, as a proxy counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.beside import Figure, figures_beside
from bench.place import tapped
from bench.ways import (
    BY_HAND,
    CONTEXT,
    HAS_IDEMKIT,
    IDEMKIT,
    OURS,
    POWERTOOLS,
    by_hand,
    event,
    idemkit,
    powertools,
    twicesafe,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.place import Bench

CALLS = 20


def figures(bench: Bench) -> Iterator[str | Figure]:
    made = {
        OURS: lambda endpoint: twicesafe(bench.store(endpoint)),
        POWERTOOLS: lambda endpoint: powertools(bench.client(endpoint)),
        BY_HAND: lambda endpoint: by_hand(bench.client(endpoint)),
    }
    if HAS_IDEMKIT:
        made[IDEMKIT] = idemkit
    sent: dict[str, dict[str, tuple[float, float]]] = {"first execution": {}, "replay": {}}
    for way, make in made.items():
        with tapped(bench.endpoint) as tap:
            handler, events = make(tap.endpoint), [event() for _ in range(CALLS)]
            handler(event(), CONTEXT)  # idemkit looks for its table
            for kind in sent:
                tap.forget()
                for one in events:
                    handler(one, CONTEXT)
                requests = tap.requests
                sent[kind][way] = len(requests) / CALLS, sum(map(len, requests)) / CALLS
    for kind, most in (("first execution", 2), ("replay", 1)):
        counts, sizes = ({way: pair[place] for way, pair in sent[kind].items()} for place in (0, 1))
        yield Figure(f"{kind}: requests", counts[OURS], "", at_most=most)
        yield from figures_beside(f"{kind}: requests", "", counts)
        yield from figures_beside(f"{kind}: bytes sent", "B", sizes, {POWERTOOLS: 0.85})
