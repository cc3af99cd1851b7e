"""A process that claims and completes keys in one file, and says which it has won.

    python -m tests.stores.sqlite_worker PATH OWNER SECONDS

A line a key.
"""

from __future__ import annotations

import sys
import time

from twicesafe.protocol.commands import Claim, Claimed, Complete, Done
from twicesafe.protocol.records import Millis, Seconds, Status
from twicesafe.stores.sqlite import SqliteStore


def main(path: str, owner: str, seconds: str) -> None:
    store = SqliteStore(path)
    number = 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        now = time.time_ns() // 1_000_000
        key = f"key {number}"
        claim = store.apply(Claim(key, owner, Millis(now), Millis(now + 60_000), Seconds(now // 1000 + 3600)))
        if isinstance(claim, Claimed):
            done = store.apply(Complete(key, owner, Status.COMPLETED, f'"{owner}"', Seconds(now // 1000 + 3600)))
            assert done == Done()
            print(key, flush=True)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
