"""A cold start: importing, opening, the first execution over TLS, and the memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from bench.beside import column, figures_beside, in_turn
from bench.place import ROOT, environment
from bench.ways import BARE, BY_HAND, HAS_IDEMKIT, IDEMKIT, OURS, POWERTOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.beside import Figure
    from bench.place import Bench

MADE = (OURS, POWERTOOLS, BY_HAND)
CALLED = (OURS, POWERTOOLS, BARE, BY_HAND, *([IDEMKIT] if HAS_IDEMKIT else []))


def fresh(way: str, *arguments: str, **variables: str) -> dict[str, float]:
    """What `bench.fresh` finds."""
    command = [sys.executable, "-m", "bench.fresh", way, *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment(**variables), stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def figures(bench: Bench) -> Iterator[str | Figure]:
    rounds = bench.rounds(15, 2)
    modules = {
        "import twicesafe": partial(fresh, "import:twicesafe:idempotent"),  # as a handler's line does
        "import boto3": partial(fresh, "import:boto3"),
    }
    made = {way: partial(fresh, way) for way in MADE}
    in_turn(modules | made, 1)  # compiles what is not compiled yet
    found = in_turn(modules | made, rounds)
    imported = column({name: found[name] for name in modules}, "init", 1e3)
    yield from figures_beside("import, CPU", "ms", imported, {"import boto3": 0.08})
    opened = column({way: found[way] for way in made}, "init", 1e3)
    yield from figures_beside("INIT for AWS: import and open, CPU", "ms", opened, {POWERTOOLS: 0.15})
    tls = bench.tls
    yield from first_reply(bench, rounds, "whole bundle", tls.bundle)
    yield from first_reply(bench, rounds, "one root", tls.root)


def first_reply(bench: Bench, rounds: int, trusted: str, path: str) -> Iterator[str | Figure]:
    """From a fresh process to its first reply, with these certificates to believe."""
    is_all = trusted == "whole bundle"

    def run(way: str) -> dict[str, float]:
        return fresh(
            way,
            AWS_ENDPOINT_URL_DYNAMODB=bench.tls.endpoint,
            AWS_CA_BUNDLE=path,
            BENCH_WRITTEN=bench.written_file(),
        )

    calls = {way: partial(run, way) for way in CALLED}
    in_turn(calls, 1)
    found = in_turn(calls, rounds)
    targets = {POWERTOOLS: 0.27, BARE: 1.25} if is_all else {}
    cold, whole = column(found, "cold", 1e3), column(found, "whole", 1e3)
    yield from figures_beside(f"cold over TLS, {trusted}: import to first reply, CPU", "ms", cold, targets)
    yield from figures_beside(f"cold over TLS, {trusted}: the whole process, CPU", "ms", whole, targets)
    if is_all:
        yield from figures_beside("peak memory of it", "MiB", column(found, "peak", 1 / 1024), {POWERTOOLS: 0.45})
