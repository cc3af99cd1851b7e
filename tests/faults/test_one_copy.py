"""One copy of one request meets a fault: the delivery goes on, and its effect is had once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.delivery import EXPIRY, OVER, PAID, Declined, fails
from tests.faults.faults import ALL, answer_is_cut, arrives_late, others_arrive_first
from twicesafe.protocol.commands import Claim, Done, Load, Raised, Renew, Returned
from twicesafe.protocol.flows import Ran, Replayed
from twicesafe.protocol.records import Millis, Seconds, Status, Step

if TYPE_CHECKING:
    from tests.faults.delivery import Worker
    from tests.faults.proxy import Fault, FaultProxy

each_fault = pytest.mark.parametrize("fault", ALL.values(), ids=list(ALL))


@each_fault
@pytest.mark.parametrize("command", ["claim", "save", "complete"])
def test_a_delivery_recognises_its_own_writes_and_runs_once(
    worker: Worker, proxy: FaultProxy, command: str, fault: Fault
) -> None:
    proxy.befall(command, fault)
    assert worker.deliver() == Ran(Returned(PAID, "paid"), 1)
    assert proxy.commands.count(command) == 2 or fault is answer_is_cut  # where a 200 says enough
    check_it_is_done(worker, proxy)


@each_fault
def test_a_claim_of_an_expired_key_recognises_its_second_request(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    worker.deliver()
    proxy.befall("replace", fault)
    assert worker.deliver(after=2 * EXPIRY * 1000) == Ran(Returned(PAID, "paid"), 1)
    assert proxy.commands.count("replace") == 2 or fault is answer_is_cut
    assert worker.charges == 2  # one in each life
    check_it_is_done(worker, proxy, charges=2)


@each_fault
def test_a_release_is_made_once_and_keeps_what_is_recorded(worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
    proxy.befall("release", fault)
    answer = worker.deliver(fails)
    assert isinstance(answer, Ran)
    assert isinstance(answer.outcome, Raised)
    assert isinstance(answer.outcome.error, Declined)
    record = worker.record
    assert record is not None
    assert (record.owner, record.lease_until, record.steps) == (None, 0, {"charge": Step(True, '"ch_1"')})
    proxy.land()
    assert worker.record == record
    assert worker.deliver() == Ran(Returned(PAID, "paid"), 2)
    assert worker.charges == 1


@each_fault
def test_a_renewal_is_made_once(worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
    now, later = worker.now, Millis(worker.now + OVER)
    worker.apply(Claim(worker.key, "ann", now, Millis(now + 1), Seconds(now // 1000 + 1)))
    proxy.befall("renew", fault)
    assert worker.apply(Renew(worker.key, "ann", later, Seconds(now // 1000 + 99))) == Done()
    assert worker.apply(Renew(worker.key, "ann", Millis(later + 1), Seconds(now // 1000 + 100))) == Done()
    proxy.land()
    record = worker.record
    assert record is not None
    assert (record.lease_until, record.expires_at) == (later + 1, now // 1000 + 100)


@each_fault
def test_a_record_is_read_at_the_second_try(worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
    worker.deliver()
    proxy.befall("load", fault)
    assert worker.apply(Load(worker.key)) == worker.record


@pytest.mark.parametrize(("command", "later"), [("claim", "save"), ("claim", "complete"), ("save", "complete")])
def test_a_copy_that_arrives_between_the_owners_later_writes_changes_nothing(
    worker: Worker, proxy: FaultProxy, command: str, later: str
) -> None:
    proxy.befall(command, arrives_late)
    proxy.befall(later, others_arrive_first)
    assert worker.deliver() == Ran(Returned(PAID, "paid"), 1)
    assert proxy.commands.count(command) == 2
    assert not proxy.late
    check_it_is_done(worker, proxy)


@pytest.mark.parametrize("command", ["claim", "save"])
def test_a_copy_that_arrives_before_the_release_keeps_what_is_recorded(
    worker: Worker, proxy: FaultProxy, command: str
) -> None:
    proxy.befall(command, arrives_late)
    proxy.befall("release", others_arrive_first)
    worker.deliver(fails)
    assert not proxy.late
    record = worker.record
    assert record is not None
    assert (record.owner, record.attempt, record.steps) == (None, 1, {"charge": Step(True, '"ch_1"')})
    assert worker.deliver() == Ran(Returned(PAID, "paid"), 2)
    assert worker.charges == 1


def check_it_is_done(worker: Worker, proxy: FaultProxy, charges: int = 1) -> None:
    """It is recorded as done; what arrives late changes nothing; a duplicate is answered, and does not run."""
    record = worker.record
    assert record is not None
    assert (record.status, record.attempt, record.reply, record.steps) == (Status.COMPLETED, 1, PAID, {})
    proxy.land()
    assert worker.record == record
    assert worker.deliver() == Replayed(record)
    assert worker.charges == charges
