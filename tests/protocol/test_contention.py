"""A transaction that others contend is tried again, and given up before the deadline."""

from __future__ import annotations

import pytest

from tests.protocol.by_hand import Talk
from twicesafe.errors import StoreUnavailable
from twicesafe.protocol.commands import Contended, SaveStep, Sleep, Transact
from twicesafe.protocol.policy import KEPT_BACK
from twicesafe.protocol.records import Millis
from twicesafe.protocol.steps import LONGEST_CONTENTION, insist
from twicesafe.protocol.tenure import Lease, Tenure

NOW = Millis(1_000_000)
BUSY = Contended("s", "others were there")


def given_up_after(lease: int, *, is_bounded: bool) -> int:
    """How many milliseconds a contended transaction is tried."""
    ends = Lease(Millis(NOW + lease), Millis(lease))
    tenure = Tenure("k", "ann", 1, NOW, NOW, 0, ends, is_bounded=is_bounded)
    talk = Talk(insist(tenure, SaveStep("k", "ann", {}), ()), NOW)
    command = talk.next()
    with pytest.raises(StoreUnavailable, match="others were there"):
        while True:
            assert isinstance(command, Transact)
            sleep = talk.next(BUSY)
            assert isinstance(sleep, Sleep)
            talk.passes(sleep.duration, sleep.duration)
            command = talk.next()
    return talk.elapsed


def test_contention_is_given_up_in_time_for_the_error_to_reach_the_platform() -> None:
    for lease in (1_000, 3_000, 6_000):
        assert lease - given_up_after(lease, is_bounded=True) >= KEPT_BACK


def test_a_lease_that_is_renewed_ends_no_contention() -> None:
    assert given_up_after(10 * LONGEST_CONTENTION, is_bounded=False) >= LONGEST_CONTENTION - 1_000
