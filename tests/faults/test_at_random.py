"""Many faults at once, drawn at random: whatever happens, what the callers hear is true."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.faults.delivery import OVER, PAID
from tests.faults.faults import ALL
from twicesafe.errors import InProgress, NotRecorded, StoreUnavailable
from twicesafe.protocol.commands import Raised, Returned
from twicesafe.protocol.flows import Ran, Replayed
from twicesafe.protocol.records import Status

if TYPE_CHECKING:
    from tests.faults.delivery import Worker
    from tests.faults.proxy import FaultProxy

COMMANDS = ["claim", "save", "complete", "release"]


@pytest.mark.parametrize("seed", range(10))
def test_what_is_delivered_until_it_is_answered_is_done_and_repeats_no_recorded_step(
    worker: Worker, proxy: FaultProxy, seed: int
) -> None:
    chance = random.Random(seed)
    unrecorded = 0
    for _ in range(6):
        before = worker.charges
        proxy.heal()
        for command in COMMANDS:
            proxy.befall(command, chance.choice(list(ALL.values())), times=chance.choice([0, 1, 1, 2]))
        heard = hear(worker)
        unrecorded += proxy.commands.count("save") > 0 and not is_charge_recorded(worker)
        assert worker.charges - before <= (0 if heard == "unavailable" else 1)
        if chance.random() < 0.5:
            proxy.land()
    proxy.heal()
    proxy.land()
    assert isinstance(worker.deliver(after=OVER), (Ran, Replayed))
    record = worker.record
    assert record is not None
    assert (record.status, record.reply) == (Status.COMPLETED, PAID)
    assert 1 <= worker.charges <= 1 + unrecorded
    assert worker.deliver(after=OVER) == Replayed(record)


def hear(worker: Worker) -> str:
    """Deliver it, when every lease is over; what its caller hears."""
    try:
        answer = worker.deliver(after=OVER)
    except StoreUnavailable:
        return "unavailable"
    except NotRecorded:
        return "not recorded"
    except InProgress:  # a claim has arrived that was late
        return "conflict"
    if isinstance(answer, Replayed):
        assert answer.record.reply == PAID
        return "replayed"
    assert isinstance(answer.outcome, Raised) or answer.outcome == Returned(PAID, "paid")
    return "ran"


def is_charge_recorded(worker: Worker) -> bool:
    """Whether a later attempt finds the result of the step, or the whole answer."""
    record = worker.record
    return record is not None and (record.is_final or "charge" in record.steps)
