"""What is to be done to a store, and in which order."""

from __future__ import annotations

import random
from typing import NamedTuple


class Plan(NamedTuple):
    """A run's size."""

    calls: int
    seconds: float = 3_600  # how long new calls are handed out; what was begun is brought to its end after that
    processes: int = 2
    threads: int = 32  # of each process
    duplicates: float = 0.3  # of the calls
    lease: int = 3  # seconds, of a claim; others wait for the allowance on top
    blows: tuple[str, ...] = ("killed",) * 9 + ("frozen",)  # one after the other, and all of them again
    pause: tuple[int, int] = (100, 600)  # deliveries that end between two blows
    seed: int = 0

    def orders(self) -> list[int]:
        """The order that each call is for: a duplicate comes with the first call, shortly after it, or far behind."""
        chance = random.Random(self.seed)
        placed = [(float(order), order) for order in range(self.calls - round(self.calls * self.duplicates))]
        originals = len(placed)
        for _ in range(self.calls - originals):
            order = chance.randrange(originals)
            behind = chance.choice([0.5, chance.uniform(1, 60), chance.uniform(60, originals)])
            placed.append((order + behind, order))
        return [order for _, order in sorted(placed)]
