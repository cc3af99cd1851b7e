"""Every copy of one request meets a fault: the store gives up, and what the caller hears is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.delivery import EXPIRY, LEASE, OVER, PAID, Declined, fails
from tests.faults.faults import APPLIED, NOT_APPLIED, answer_is_cut, arrives_late
from twicesafe.errors import InProgress, NotRecorded, StoreUnavailable
from twicesafe.protocol.commands import Raised, Returned
from twicesafe.protocol.flows import Ran, Replayed
from twicesafe.protocol.records import Status, Step

if TYPE_CHECKING:
    from tests.faults.delivery import Worker
    from tests.faults.proxy import Fault, FaultProxy

ALWAYS = 99
DONE = Returned(PAID, "paid")
unanswered = {name: fault for name, fault in APPLIED.items() if fault is not answer_is_cut}
not_applied = pytest.mark.parametrize("fault", NOT_APPLIED.values(), ids=list(NOT_APPLIED))
applied = pytest.mark.parametrize("fault", unanswered.values(), ids=list(unanswered))
either = pytest.mark.parametrize(
    "fault", [*NOT_APPLIED.values(), *unanswered.values()], ids=[*NOT_APPLIED, *unanswered]
)


@either
def test_a_claim_without_an_answer_is_given_up_before_the_effect_and_released(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.befall("claim", fault, ALWAYS)
    with pytest.raises(StoreUnavailable) as refusal:
        worker.deliver()
    assert refusal.value.key == worker.key
    assert worker.charges == 0
    assert proxy.commands[-1] == "release"
    record = worker.record
    assert record is None or (record.status, record.owner) == (Status.IN_PROGRESS, None)
    proxy.heal()
    assert worker.deliver() == Ran(DONE, 1 if record is None else 2)
    assert worker.charges == 1


@pytest.mark.parametrize("fault", [NOT_APPLIED["lost"], NOT_APPLIED["throttled"], APPLIED["answer lost"]])
def test_a_claim_of_an_expired_key_without_an_answer_is_released(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    worker.deliver()
    proxy.befall("replace", fault, ALWAYS)
    with pytest.raises(StoreUnavailable):
        worker.deliver(after=2 * EXPIRY * 1000)
    assert worker.charges == 1
    proxy.heal()
    answer = worker.deliver()
    assert isinstance(answer, Ran)
    assert answer.outcome == DONE
    assert worker.charges == 2


def test_a_claim_that_arrives_after_its_release_blocks_the_key_until_its_lease_is_over(
    worker: Worker, proxy: FaultProxy
) -> None:
    proxy.befall("claim", arrives_late, ALWAYS)
    with pytest.raises(StoreUnavailable):
        worker.deliver()
    proxy.heal()
    proxy.land()
    with pytest.raises(InProgress) as conflict:
        worker.deliver()
    assert 0 < conflict.value.retry_in <= OVER
    assert worker.charges == 0
    assert worker.deliver(after=OVER) == Ran(DONE, 2)
    assert worker.charges == 1


def test_a_claim_that_arrives_after_its_release_does_not_revive_it(worker: Worker, proxy: FaultProxy) -> None:
    proxy.befall("claim", arrives_late)
    worker.deliver(fails)
    released = worker.record
    proxy.land()
    assert worker.record == released
    assert worker.deliver() == Ran(DONE, 2)


@either
def test_a_step_without_an_answer_ends_the_execution_and_its_result_goes_with_the_release(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.befall("save", fault, ALWAYS)
    answer = worker.deliver()
    assert isinstance(answer, Ran)
    assert isinstance(answer.outcome, Raised)
    assert isinstance(answer.outcome.error, StoreUnavailable)
    record = worker.record
    assert record is not None
    assert (record.owner, record.steps) == (None, {"charge": Step(True, '"ch_1"')})
    proxy.heal()
    assert worker.deliver() == Ran(DONE, 2)
    assert worker.charges == 1


@pytest.mark.parametrize("command", ["save", "release"])
def test_what_arrives_after_another_took_over_changes_nothing(worker: Worker, proxy: FaultProxy, command: str) -> None:
    proxy.befall(command, arrives_late, ALWAYS)
    worker.deliver(fails)
    proxy.heal()
    assert worker.deliver(after=OVER) == Ran(DONE, 2)
    record = worker.record
    proxy.land()
    assert worker.record == record
    assert worker.deliver() == Replayed(record)


def give_up_completing(worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
    """Deliver it; the effect is had, and the caller hears that it could not be recorded."""
    proxy.befall("complete", fault, ALWAYS)
    with pytest.raises(NotRecorded) as unrecorded:
        worker.deliver()
    assert (unrecorded.value.key, unrecorded.value.attempt, unrecorded.value.reply) == (worker.key, 1, "paid")
    assert isinstance(unrecorded.value.__cause__, StoreUnavailable)
    assert "release" not in proxy.commands
    assert worker.charges == 1
    proxy.heal()


@applied
def test_a_completion_that_was_applied_answers_later_deliveries(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    give_up_completing(worker, proxy, fault)
    record = worker.record
    assert record is not None
    assert (record.status, record.reply) == (Status.COMPLETED, PAID)
    assert worker.deliver() == Replayed(record)
    assert worker.charges == 1


@not_applied
def test_a_completion_that_was_lost_leaves_the_claim_to_its_lease(
    worker: Worker, proxy: FaultProxy, fault: Fault
) -> None:
    give_up_completing(worker, proxy, fault)
    with pytest.raises(InProgress):
        worker.deliver(after=LEASE - 5_000)
    assert worker.deliver(after=OVER) == Ran(DONE, 2)
    assert worker.charges == 1  # its step was recorded


def test_a_completion_that_arrives_late_still_resolves_the_silence(worker: Worker, proxy: FaultProxy) -> None:
    give_up_completing(worker, proxy, arrives_late)
    proxy.land()
    assert isinstance(worker.deliver(after=OVER), Replayed)
    assert worker.charges == 1


def test_a_completion_that_arrives_after_another_took_over_changes_nothing(worker: Worker, proxy: FaultProxy) -> None:
    give_up_completing(worker, proxy, arrives_late)
    assert worker.deliver(fails, after=OVER) is not None
    record = worker.record
    proxy.land()
    assert worker.record == record
    assert worker.deliver() == Ran(DONE, 3)


@either
def test_a_release_without_an_answer_hides_nothing(worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
    proxy.befall("release", fault, ALWAYS)
    answer = worker.deliver(fails)
    assert isinstance(answer, Ran)
    assert isinstance(answer.outcome, Raised)
    assert isinstance(answer.outcome.error, Declined)
    proxy.heal()
    record = worker.record
    assert record is not None
    if record.owner is not None:
        with pytest.raises(InProgress):
            worker.deliver()
    assert worker.deliver(after=OVER) == Ran(DONE, 2)
    assert worker.charges == 1


def test_when_nothing_is_answered_at_all_the_caller_hears_that_the_store_is_unavailable(
    worker: Worker, proxy: FaultProxy
) -> None:
    for command in ("claim", "release"):
        proxy.befall(command, APPLIED["answer lost"], ALWAYS)
    with pytest.raises(StoreUnavailable):
        worker.deliver()
    assert worker.charges == 0
    proxy.heal()
    assert worker.deliver(after=OVER) == Ran(DONE, 2)
