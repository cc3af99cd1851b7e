"""One run: the platform, the processes, the blows; what comes of it is a history."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.blows import Processes
from tests.chaos.platform import Platform
from tests.chaos.verdict import judge
from twicesafe.stores.base import open_store

if TYPE_CHECKING:
    from tests.chaos.history import History
    from tests.chaos.plan import Plan

PATIENCE = 300
"""Seconds after which a run that does not come to its end is given up."""


def run(url: str, plan: Plan) -> History:
    """Do to the store of this URL what the plan says, and bring every call to its end."""
    platform = Platform(plan)
    began = time.monotonic()
    with closing(open_store(url)) as store, platform.listening() as port:
        processes = Processes(plan, platform, store, url)
        with processes.running(port):
            for _ in processes.hit():
                pass
            platform.hand_out_no_more()
            give_up = time.monotonic() + PATIENCE
            while not platform.is_over:
                assert time.monotonic() < give_up, "the calls do not come to their end"
                processes.check()
                time.sleep(0.05)
    platform.history.seconds = time.monotonic() - began
    return platform.history


def violations_of(url: str, plan: Plan, broken: str) -> list[str]:
    """Do the same, with a rule switched off in the processes under test, until that is noticed."""
    platform = Platform(plan)
    with closing(open_store(url)) as store, platform.listening() as port:
        processes = Processes(plan, platform, store, url, broken)
        with processes.running(port):
            for _ in processes.hit():
                if found := judge(platform.so_far()).violations:
                    return found
    return judge(platform.history).violations
