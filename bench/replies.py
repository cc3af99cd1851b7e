"""Replies of 1, 100 and 390 KB: an order's lines, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.beside import figures_beside
from bench.warm import measured
from bench.ways import OURS, POWERTOOLS, handled, powertools, twicesafe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.beside import Figure
    from bench.place import Bench

SIZES = (1, 100, 390)
"""In KB of JSON; DynamoDB takes 400 of an item."""


def reply_of(size: int) -> dict[str, Any]:
    """As many lines as fit."""
    lines: list[dict[str, Any]] = []
    room = size * 1000 - 20
    while room > 0:
        number = len(lines)
        line = {"sku": f"A-{number:06}", "title": f"article number {number}", "count": number % 7, "gift": False}
        room -= len(json.dumps(line)) + 2
        lines.append(line)
    return {"lines": lines[:-1]}


def figures(bench: Bench) -> Iterator[str | Figure]:
    client = bench.client(bench.endpoint)
    for size in SIZES:
        reply = reply_of(size)
        subjects = {
            OURS: handled(twicesafe(bench.store(bench.endpoint), lambda _, reply=reply: reply)),
            POWERTOOLS: handled(powertools(client, lambda _, reply=reply: reply)),
        }
        first, replay = measured(subjects, bench.rounds(15, 1), warm_up=1)
        targets = {POWERTOOLS: 1.0} if size == max(SIZES) else {}
        yield from figures_beside(f"{size} KB: first execution, CPU", "µs", first, targets)
        yield from figures_beside(f"{size} KB: replay, CPU", "µs", replay, targets)
