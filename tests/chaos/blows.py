"""The processes under test, and what is done to them: SIGKILL, and SIGSTOP until their leases are over."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import count, cycle
from typing import TYPE_CHECKING, NamedTuple

from tests.chaos.history import EFFECTS, Blow, Recorded, now
from twicesafe.protocol.commands import Load
from twicesafe.protocol.policy import ALLOWANCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from tests.chaos.plan import Plan
    from tests.chaos.platform import Platform
    from twicesafe.stores.base import Store

MADE_PROGRESS = 20
"""How many deliveries a process has ended before it is hit, so that a slow machine gets on."""


class Process(NamedTuple):
    """One of them."""

    number: int
    running: subprocess.Popen[bytes]
    log: IO[bytes]


class Processes:
    """Always as many as the plan says: one that was killed is followed by another."""

    def __init__(self, plan: Plan, platform: Platform, store: Store, url: str, broken: str = "") -> None:
        self._plan = plan
        self._platform = platform
        self._store = store
        self._arguments = [str(plan.threads), str(plan.lease), url, broken]
        self._numbers = count(1)
        self._chance = random.Random(plan.seed)
        self._alive: list[Process] = []

    @contextmanager
    def running(self, port: int) -> Iterator[None]:
        """Start them; none is left after the block."""
        self._port = port
        try:
            for _ in range(self._plan.processes):
                self._start()
            yield
        finally:
            for process in self._alive:
                process.running.kill()
                process.running.wait()
                process.log.close()

    def hit(self) -> Iterator[None]:
        """Hit one after the other, until there are no more calls, or the plan's time is over; yield after each blow."""
        end = time.monotonic() + self._plan.seconds
        for made, kind in enumerate(cycle(self._plan.blows)):
            if made >= len(self._plan.blows) and time.monotonic() >= end:
                return
            victim = self._next_victim()
            if victim is None:
                return
            self._kill(victim) if kind == "killed" else self._freeze(victim)
            yield

    def _next_victim(self) -> Process | None:
        """One that has made progress, after some more deliveries; None: there are no more calls."""
        progress = self._platform.progress
        target = progress.total() + self._chance.randint(*self._plan.pause)
        while self._platform.has_more:
            self.check()
            able = [process for process in self._alive if progress[process.number] >= MADE_PROGRESS]
            if able and progress.total() >= target:
                return self._chance.choice(able)
            time.sleep(0.02)
        return None

    def check(self) -> None:
        """Each that is alive must be: none ends by itself."""
        for process in self._alive:
            if process.running.poll() is not None:
                process.log.seek(0)
                raise AssertionError(f"a worker ended by itself: {process.log.read().decode()[-2000:]}")

    def _start(self) -> None:
        number = next(self._numbers)
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with its process
        command = [sys.executable, "-m", "tests.chaos.worker", str(number), str(self._port), *self._arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self._alive.append(Process(number, running, log))

    def _kill(self, victim: Process) -> None:
        since = now()
        victim.running.kill()
        victim.running.wait()
        self._platform.history.blows.append(Blow(victim.number, "killed", since, now()))
        self._alive.remove(victim)
        victim.log.close()
        self._start()
        for order, key in self._platform.left_by(victim.number).items():
            self._look_at(order, key)
        self._platform.give_up(victim.number)

    def _look_at(self, order: int, key: str) -> None:
        """What the store holds of an order that was being worked at: what it does must not be done again."""
        record = self._store.apply(Load(key))
        if record is None:
            return
        names = EFFECTS if record.is_final else [name for name, step in record.steps.items() if step.is_result]
        self._platform.history.recorded += [Recorded(order, name, now()) for name in names]

    def _freeze(self, victim: Process) -> None:
        since = now()
        victim.running.send_signal(signal.SIGSTOP)
        self._platform.give_up(victim.number)
        time.sleep(self._plan.lease + ALLOWANCE / 1000 + self._chance.uniform(0.3, 0.8))
        self._platform.history.blows.append(Blow(victim.number, "frozen", since, now()))
        victim.running.send_signal(signal.SIGCONT)
