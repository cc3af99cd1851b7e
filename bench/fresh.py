"""`python -m bench.fresh WAY [SECONDS]`: what one way costs a fresh process, as JSON.

Lambda's runtime has loaded some modules before the user's code: so they are here, in whichever way. A way is one of
`COLD`, or `import:MODULE`, or `import:MODULE:NAME` for a name out of it. With SECONDS, first executions and replays
follow, each for so long.
"""

# ruff: noqa: F401 - what is imported here is what Lambda's runtime has imported

from __future__ import annotations

import contextlib
import decimal
import enum
import functools
import json
import logging
import math
import os
import re
import sys
import threading
import time
import traceback

from bench import ways

MOST = 3000  # first executions: more than there is time for


def bare() -> ways.Subject:
    import ssl

    from bench import bare

    with open(os.environ["BENCH_WRITTEN"], encoding="utf-8") as file:
        written = bare.Written(*(bare.Asked(*one) for one in json.load(file)))
    return bare.bare(os.environ["AWS_ENDPOINT_URL_DYNAMODB"], written)


COLD = {
    ways.OURS: lambda: ways.handled(ways.twicesafe()),
    ways.POWERTOOLS: lambda: ways.handled(ways.powertools()),
    ways.BY_HAND: lambda: ways.handled(ways.by_hand()),
    ways.IDEMKIT: lambda: ways.handled(ways.idemkit()),
    ways.BARE: bare,
}


def peak() -> int:
    """KiB that this process had at most."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def each(subject: ways.Subject, seconds: float) -> dict[str, float]:
    """How long a first execution and a replay last, one after the other, on the whole."""
    new, known = [subject.new() for _ in range(MOST)], []
    began = time.perf_counter()
    while new and time.perf_counter() - began < seconds:
        known.append(new.pop())
        subject.first(known[-1])
    first = (time.perf_counter() - began) / len(known)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        subject.replay(known[count % len(known)])
        count += 1
    return {"first": first, "replay": (time.perf_counter() - began) / count}


def main(way: str, seconds: str = "0") -> None:
    if "BENCH_CGROUP" in os.environ:  # from here on it has but a share of a core
        with open(os.environ["BENCH_CGROUP"], "w", encoding="ascii") as procs:
            procs.write(str(os.getpid()))
    cpu, clock = time.process_time(), time.perf_counter()
    if way.startswith("import:"):
        module, *names = way.split(":")[1:]
        __import__(module, fromlist=names)
        print(json.dumps({"init": time.process_time() - cpu}))
        return
    subject = COLD[way]()
    opened = time.process_time()
    found: dict[str, float] = {"init": opened - cpu}
    if "AWS_ENDPOINT_URL_DYNAMODB" in os.environ:
        subject.first(subject.new())
        found |= {"cold": time.process_time() - cpu, "whole": time.process_time(), "peak": peak()}
        found["elapsed"] = time.perf_counter() - clock
        if float(seconds):
            found |= each(subject, float(seconds))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
