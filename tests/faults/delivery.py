"""Deliveries of one key, by the real flows, drivers and store; their effect is counted in another process."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from twicesafe.errors import TwicesafeError
from twicesafe.protocol.commands import Load, Now, Raised, Returned, Run, RunStep, Sleep
from twicesafe.protocol.drivers import drive, drive_async
from twicesafe.protocol.flows import Delivery, execute
from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Record, Seconds
from twicesafe.protocol.steps import step
from twicesafe.protocol.tenure import Instant

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.faults.ledger import Ledger
    from twicesafe.protocol.commands import Command, Flow, Outcome, StoreCommand
    from twicesafe.protocol.flows import Answer
    from twicesafe.protocol.tenure import Tenure
    from twicesafe.stores.base import Store

    Work = Callable[[Tenure], Flow[Outcome]]

LEASE, EXPIRY = Millis(30_000), Seconds(3_600)
POLICY = Policy(EXPIRY, lease=LEASE)
OVER = LEASE + POLICY.allowance
"""How long after a claim its lease is over for everybody."""
PAID = '"paid"'


class Declined(Exception):
    """What the work fails with."""


def pays(tenure: Tenure) -> Flow[Outcome]:
    """Charge, in a step, and answer."""
    try:
        yield from step(tenure, "charge")
    except TwicesafeError as error:
        return Raised(error)
    return Returned(PAID, "paid")


def fails(tenure: Tenure) -> Flow[Outcome]:
    """Charge, in a step, and fail then."""
    try:
        yield from step(tenure, "charge")
    except TwicesafeError as error:
        return Raised(error)
    return Raised(Declined())


class Worker:
    """Delivers one key again and again; the time stands still for it between deliveries, unless it is moved."""

    def __init__(self, store: Store, effects: Ledger, loop: asyncio.AbstractEventLoop | None, key: str) -> None:
        self._store = store
        self._effects = effects
        self._loop = loop  # None: the sync form
        self.key = key
        self.later = 0

    def deliver(self, work: Work = pays, *, after: int = 1) -> Answer:
        """Deliver it once more, so many milliseconds after the last time."""
        self.later += after
        flow = execute(Delivery(self.key, os.urandom(16).hex()), POLICY)
        if self._loop is not None:
            return self._loop.run_until_complete(drive_async(flow, lambda command: self._answer_async(command, work)))
        return drive(flow, lambda command: self._answer(command, work))

    def apply(self, command: StoreCommand) -> Any:
        """Have the store apply one command."""
        if self._loop is not None:
            return self._loop.run_until_complete(self._store.apply_async(command))
        return self._store.apply(command)

    @property
    def charges(self) -> int:
        """How often it was charged, as the other process counts."""
        return self._effects.count(self.key)

    @property
    def record(self) -> Record | None:
        """What the store holds."""
        found = self._store.apply(Load(self.key))
        assert found is None or isinstance(found, Record)
        return found

    @property
    def now(self) -> Millis:
        """The worker's own time."""
        return Millis(time.time_ns() // 1_000_000 + self.later)

    def _answer(self, command: Command, work: Work) -> object:
        if isinstance(command, Run):
            return drive(work(command.tenure), lambda inner: self._answer(inner, work))
        if isinstance(command, (Now, Sleep, RunStep)):
            return self._answer_at_once(command)
        return self._store.apply(command)

    async def _answer_async(self, command: Command, work: Work) -> object:
        if isinstance(command, Run):
            return await drive_async(work(command.tenure), lambda inner: self._answer_async(inner, work))
        if isinstance(command, (Now, Sleep, RunStep)):
            return self._answer_at_once(command)
        return await self._store.apply_async(command)

    def _answer_at_once(self, command: Now | Sleep | RunStep) -> object:
        if isinstance(command, Now):
            return Instant(self.now, self.now)
        if isinstance(command, Sleep):
            self.later += command.duration
            return None
        self._effects.add(self.key)
        return Returned('"ch_1"', "ch_1")
