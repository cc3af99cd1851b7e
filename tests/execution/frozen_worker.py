"""A process that is frozen in the midst of its deliveries: `python frozen_worker.py FOLDER...`, one for each.

A folder's name is its scene. In the folder a delivery says when it has begun, and in the end what its caller heard;
there it is told to go on.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

from twicesafe import TwicesafeError, idempotent, step

LEASE = 1.0
"""Seconds; others honour it for two more."""


class Deadline:
    """The context of a function that Lambda stops after the lease."""

    def get_remaining_time_in_millis(self) -> int:
        return int(LEASE * 1000)


class Worker:
    """One delivery after another of the same event, in this process or another."""

    def __init__(self, folder: Path) -> None:
        form, renewed, on_unknown, has_step = folder.name.split("-")
        self.folder = folder
        self.has_step = has_step == "step"
        self.asynchronous = form == "async"
        self.context = Deadline() if renewed == "bounded" else None
        protect = idempotent(
            store=f"sqlite:///{folder.parent}/records.db",
            name=folder.name,
            key="order",
            on_unknown=on_unknown,
            lease=int(LEASE),
        )
        self.protected = protect(self.work_async if self.asynchronous else self.work)

    def deliver(self) -> str:
        reply = self.protected({"order": 1}, self.context)
        return asyncio.run(reply) if self.asynchronous else reply

    def work(self, event: Any, context: Any) -> str:
        who = self._waits()
        if self.has_step:
            step("effect", self._effect)
        return who

    async def work_async(self, event: Any, context: Any) -> str:
        who = await asyncio.to_thread(self._waits)
        if self.has_step:
            step("effect", self._effect)
        return who

    def _waits(self) -> str:
        """The first that runs goes on when it is told to."""
        begun = self.folder / "begun"
        if begun.exists():
            return "second"
        begun.touch()
        while not (self.folder / "go").exists():
            time.sleep(0.01)
        return "first"

    def _effect(self) -> None:
        with (self.folder / "effects").open("a") as effects:
            effects.write("effect\n")


def heard(worker: Worker) -> str:
    """What the caller of one delivery hears."""
    try:
        return worker.deliver()
    except TwicesafeError as error:
        return type(error).__name__


def note(worker: Worker) -> None:
    """Deliver, and say what was heard; on a slow machine the lease may be over before the function begins."""
    words = ""
    while not (worker.folder / "begun").exists():
        words = heard(worker)
    (worker.folder / "heard").write_text(words)


if __name__ == "__main__":
    threads = [threading.Thread(target=note, args=(Worker(Path(folder)),)) for folder in sys.argv[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
