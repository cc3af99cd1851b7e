"""`make chaos`: 20,000 calls on each store, from two processes of 32 threads that are killed all the time."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.plan import Plan
from tests.chaos.run import run
from tests.chaos.stores import dynamodb_url, sqlite_url
from tests.chaos.verdict import judge
from tests.conftest import ENVIRONMENT
from tests.servers.dynamodb import dynamodb_local

if TYPE_CHECKING:
    from tests.chaos.verdict import Verdict


def main() -> int:
    """Run it, and say what was seen; 1 if that is not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the calls' order and the blows; not of the machine")
    plan = Plan(**vars(parser.parse_args()))
    os.environ.update(ENVIRONMENT)
    verdicts = []
    with tempfile.TemporaryDirectory() as folder, dynamodb_local() as endpoint:
        for name, url in {"SQLite": sqlite_url(Path(folder)), "DynamoDB": dynamodb_url(endpoint, "chaos")}.items():
            history = run(url, plan)
            verdicts.append(judge(history))
            say(name, verdicts[-1], history.seconds)
    return int(any(verdict.violations for verdict in verdicts))


def say(name: str, verdict: Verdict, seconds: float) -> None:
    """Print what was counted, and what is wrong."""
    print(f"{name}, {seconds:.0f} s")
    for what, number in verdict.counts.items():
        print(f"  {number:>7,} {what}")
    print(f"  {len(verdict.violations):>7,} violations", flush=True)
    for violation in verdict.violations[:20]:
        print(f"          {violation}")


if __name__ == "__main__":
    sys.exit(main())
