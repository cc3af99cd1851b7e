"""Two ways beside each other: measured in turn, so that both meet the same machine; medians, ratios, a table."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

HEADS = ("what", "measured", "beside", "measured there", "ratio", "target", "")


class Figure(NamedTuple):
    """What was measured, and what was measured beside it in the same run."""

    what: str
    ours: float
    unit: str
    beside: str = ""
    theirs: float | None = None  # None: the target is one of the figure itself
    at_most: float | None = None
    at_least: float | None = None

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        judged = self.ours if self.theirs is None else self.ours / (self.theirs or float("nan"))
        target, verdict = "", ""
        if self.at_most is not None:
            target, verdict = f"≤ {said(self.at_most)}", "met" if judged <= self.at_most else "missed"
        elif self.at_least is not None:
            target, verdict = f"≥ {said(self.at_least)}", "met" if judged >= self.at_least else "missed"
        there, ratio = (
            ("", "") if self.theirs is None else (f"{said(self.theirs)} {self.unit}".rstrip(), f"{judged:.3f}")
        )
        return self.what, f"{said(self.ours)} {self.unit}".rstrip(), self.beside, there, ratio, target, verdict


def figures_beside(
    what: str, unit: str, measured: Mapping[str, float], targets: Mapping[str, float] | None = None
) -> Iterator[Figure]:
    """The first of what was measured beside each of the others.

    Args:
        targets: what the ratio to the others may be at most.
    """
    (_, ours), *others = measured.items()
    for name, theirs in others:
        yield Figure(what, ours, unit, name, theirs, at_most=(targets or {}).get(name))


def in_turn(measures: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call each once a round, and in another order each time: whoever comes after a heavy one finds cold caches."""
    found: dict[str, list[T]] = {name: [] for name in measures}
    order, chance = list(measures), random.Random(7)
    for _ in range(rounds):
        chance.shuffle(order)
        for name in order:
            found[name].append(measures[name]())
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(values) for name, values in found.items()}


def column(found: Mapping[str, Sequence[Mapping[str, Any]]], name: str, factor: float = 1) -> dict[str, float]:
    """The medians of one of several things that were measured at once."""
    return {way: statistics.median(one[name] for one in all_of_it) * factor for way, all_of_it in found.items()}


def cpu(call: Callable[..., object], *arguments: Any) -> float:
    """The microseconds that this process works for a call, in all its threads."""
    began = time.process_time()
    call(*arguments)
    return (time.process_time() - began) * 1e6


def said(number: float) -> str:
    """Three digits that mean something."""
    if number != number or abs(number) >= 100 or number == int(number):
        return f"{number:,.0f}".replace(",", " ")
    return f"{number:.3g}"


def as_text(rows: Sequence[tuple[str, ...]]) -> str:
    """The table, for a terminal."""
    widths = [max(len(row[place]) for row in [HEADS, *rows]) for place in range(len(HEADS))]
    right = (False, True, False, True, True, True, False)
    lines = (
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        )
        for row in [HEADS, *rows]
    )
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(rows: Sequence[tuple[str, ...]]) -> str:
    """The table, for a file."""
    lines = [HEADS, ("---", "--:", "---", "--:", "--:", "--:", "---"), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
