"""An owner believes in its lease by the stricter of two clocks, and an allowance less long than others do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.by_hand import Ended, Talk
from twicesafe.errors import CorruptRecord, InProgress, LeaseLost, NotEnoughTime, StoreUnavailable
from twicesafe.protocol.commands import (
    Claim,
    Claimed,
    Complete,
    Done,
    Existing,
    Lost,
    Raised,
    Release,
    Renew,
    Returned,
    Run,
    RunStep,
    SaveStep,
    Sleep,
)
from twicesafe.protocol.flows import Delivery, execute, keep_alive
from twicesafe.protocol.policy import ALLOWANCE, LONGEST_LEASE, MARGIN, Policy
from twicesafe.protocol.records import Millis, Record, Seconds, Status
from twicesafe.protocol.steps import step
from twicesafe.protocol.tenure import Instant, Lease, Tenure

LEASE = 30_000
POLICY = Policy(Seconds(3_600), lease=Millis(LEASE))
NOW = 1_000_000


def begun(talk: Talk, policy: Policy = POLICY) -> Claim:
    claim = talk.next()
    assert isinstance(claim, Claim)
    return claim


def granted(claim: Claim, attempt: int = 1) -> Claimed:
    return Claimed(attempt, claim.now, claim.lease_until)


def record(**changed: Any) -> Record:
    held = Record("k", Status.IN_PROGRESS, "bob", 1, Millis(0), Millis(0), Millis(NOW + 5_000), Seconds(9_999))
    return held._replace(**changed)


def test_others_honour_a_lease_an_allowance_longer_than_its_owner() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    claim = begun(talk)
    assert (claim.now, claim.lease_until) == (NOW, NOW + LEASE + ALLOWANCE)
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    assert run.tenure.lease == Lease(Millis(NOW + LEASE), Millis(LEASE))


def test_a_deadline_is_the_end_of_the_lease() -> None:
    talk = Talk(execute(Delivery("k", "ann", deadline=Millis(NOW + 900)), POLICY), NOW)
    claim = begun(talk)
    assert claim.lease_until == NOW + 900 + ALLOWANCE
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    assert run.tenure.lease.remaining(talk.now) == 900


def test_a_lease_counts_from_just_before_the_claim_was_sent() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    claim = begun(talk)
    talk.passes(wall=20_000, elapsed=20_000)
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    assert run.tenure.lease.remaining(talk.now) == LEASE - 20_000


@pytest.mark.parametrize(("wall", "elapsed"), [(LEASE, 0), (0, LEASE), (LEASE, LEASE), (-5_000, LEASE)])
def test_an_answer_that_comes_after_the_lease_runs_nothing_and_gives_the_claim_back(wall: int, elapsed: int) -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    claim = begun(talk)
    talk.passes(wall, elapsed)
    release = talk.next(granted(claim))
    assert isinstance(release, Release)
    with pytest.raises(LeaseLost):
        talk.next(Done())


def test_an_older_copy_of_the_claim_that_came_first_grants_its_own_lease() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    claim = begun(talk)
    earlier = Claimed(1, claim.now, Millis(claim.lease_until - 10_000))
    run = talk.next(earlier)
    assert isinstance(run, Run)
    assert run.tenure.lease.wall == NOW + LEASE - 10_000


def tenure() -> Tenure:
    return Tenure("k", "ann", 1, Millis(NOW), Millis(NOW), 0, Lease(Millis(NOW + LEASE), Millis(LEASE)))


@pytest.mark.parametrize(("wall", "elapsed"), [(LEASE, 0), (0, LEASE), (LEASE + 1, LEASE + 1), (-9_999, LEASE)])
def test_no_step_runs_when_either_clock_says_that_the_lease_is_over(wall: int, elapsed: int) -> None:
    mine = tenure()
    talk = Talk(step(mine, "charge"), NOW)
    talk.passes(wall, elapsed)
    with pytest.raises(LeaseLost):
        talk.next()
    assert isinstance(mine.ended, LeaseLost)


@pytest.mark.parametrize(("wall", "elapsed"), [(LEASE - 1, LEASE - 1), (-60_000, 0)])
def test_a_step_runs_while_both_clocks_are_within_the_lease(wall: int, elapsed: int) -> None:
    talk = Talk(step(tenure(), "charge"), NOW)
    talk.passes(wall, elapsed)
    assert talk.next() == RunStep("charge")
    assert isinstance(talk.next(Returned('"ok"', "ok")), SaveStep)


def test_a_renewed_lease_counts_from_just_before_it_was_asked_for() -> None:
    mine = tenure()
    talk = Talk(keep_alive(mine, POLICY), NOW)
    assert talk.next() == Sleep(Millis(LEASE // 3))
    talk.passes(10_000, 10_000)
    renew = talk.next()
    assert isinstance(renew, Renew)
    assert renew.lease_until == NOW + 10_000 + LEASE + ALLOWANCE
    talk.passes(5_000, 5_000)
    assert talk.next(Done()) == Sleep(Millis(LEASE // 3))
    assert mine.lease == Lease(Millis(NOW + 10_000 + LEASE), Millis(10_000 + LEASE))


@pytest.mark.parametrize(("wall", "elapsed"), [(LEASE, 0), (0, LEASE)])
def test_a_lease_that_is_over_is_not_renewed(wall: int, elapsed: int) -> None:
    talk = Talk(keep_alive(tenure(), POLICY), NOW)
    talk.next()
    talk.passes(wall, elapsed)
    with pytest.raises(Ended):
        talk.next()


def test_a_renewal_without_an_answer_is_tried_again_in_time() -> None:
    mine = tenure()
    talk = Talk(keep_alive(mine, POLICY), NOW)
    talk.next()
    talk.passes(10_000, 10_000)
    assert isinstance(talk.next(), Renew)
    assert talk.fails(StoreUnavailable("s", "silent")) == Sleep(Millis(LEASE // 3))
    talk.passes(10_000, 10_000)
    assert isinstance(talk.next(), Renew)
    assert mine.ended is None


def test_a_renewal_that_is_lost_ends_the_tenure() -> None:
    mine = tenure()
    talk = Talk(keep_alive(mine, POLICY), NOW)
    talk.next()
    assert isinstance(talk.next(), Renew)
    with pytest.raises(Ended):
        talk.next(Lost(None))
    assert isinstance(mine.ended, LeaseLost)


# Another's lease is judged by the claimer's clock


def test_a_live_lease_is_a_conflict_until_its_end() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    begun(talk)
    with pytest.raises(InProgress) as conflict:
        talk.next(Existing(record()))
    assert conflict.value.retry_in == 5_000


@pytest.mark.parametrize(
    "changed",
    [
        {"lease_until": Millis(NOW + LONGEST_LEASE + 2 * ALLOWANCE + MARGIN + 1)},
        {"claimed": Millis(NOW + 2 * ALLOWANCE + MARGIN + 1)},
        {"lease_until": Millis(2**62)},
    ],
)
def test_a_lease_further_ahead_than_any_that_is_granted_is_a_corrupt_record(changed: Any) -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    begun(talk)
    with pytest.raises(CorruptRecord):
        talk.next(Existing(record(**changed)))


def test_the_longest_lease_of_a_clock_that_is_ahead_is_believed() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    begun(talk)
    with pytest.raises(InProgress):
        talk.next(Existing(record(lease_until=Millis(NOW + LONGEST_LEASE + 2 * ALLOWANCE))))


def test_a_claim_as_old_as_the_record_is_made_again_with_a_time_just_after() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    begun(talk)
    released = record(owner=None, lease_until=Millis(0), claimed=Millis(NOW + 3))
    again = talk.next(Existing(released))
    assert isinstance(again, Claim)
    assert again.now == NOW + 4


@pytest.mark.parametrize("late", [0, 1, 5_000])
def test_a_deadline_that_has_passed_is_no_claim(late: int) -> None:
    talk = Talk(execute(Delivery("k", "ann", deadline=Millis(NOW - late)), POLICY), NOW)
    with pytest.raises(NotEnoughTime):
        talk.next()


WAITING = POLICY._replace(on_conflict="wait")


def test_who_waits_sleeps_longer_and_longer_but_not_past_the_other_lease() -> None:
    talk = Talk(execute(Delivery("k", "ann"), WAITING), NOW)
    begun(talk)
    slept = []
    for _ in range(12):
        sleep = talk.next(Existing(record()))
        assert isinstance(sleep, Sleep)
        slept.append(sleep.duration)
        talk.passes(sleep.duration, sleep.duration)
        claim = talk.next()
        assert isinstance(claim, Claim)
        if claim.now >= record().lease_until:
            break
    assert slept[:5] == [50, 100, 200, 400, 800]
    assert max(slept) <= 1_000
    assert claim.now == record().lease_until + 1
    assert isinstance(talk.next(granted(claim, attempt=2)), Run)


def test_who_waits_gives_up_when_the_time_that_is_left_is_too_short() -> None:
    talk = Talk(execute(Delivery("k", "ann", deadline=Millis(NOW + 60)), WAITING), NOW)
    begun(talk)
    sleep = talk.next(Existing(record()))
    assert sleep == Sleep(Millis(50))
    talk.passes(50, 50)
    talk.next()
    with pytest.raises(InProgress):
        talk.next(Existing(record()))


def test_who_waits_without_a_deadline_gives_up_after_a_while_by_the_time_gone_by() -> None:
    talk = Talk(execute(Delivery("k", "ann"), WAITING), NOW)
    begun(talk)
    talk.next(Existing(record()))
    talk.passes(wall=0, elapsed=60_000)  # the wall clock was set back meanwhile
    talk.next()
    with pytest.raises(InProgress):
        talk.next(Existing(record()))


def test_who_waits_gets_the_reply_that_came_meanwhile() -> None:
    talk = Talk(execute(Delivery("k", "ann"), WAITING), NOW)
    begun(talk)
    talk.next(Existing(record()))
    talk.next()
    with pytest.raises(Ended) as ended:
        talk.next(Existing(record(status=Status.COMPLETED, reply='"paid"')))
    assert ended.value.value.record.reply == '"paid"'


def test_the_clocks_of_an_owner_say_the_stricter() -> None:
    lease = Lease(Millis(NOW + 100), Millis(100))
    assert lease.remaining(Instant(Millis(NOW + 40), Millis(10))) == 60
    assert lease.remaining(Instant(Millis(NOW + 10), Millis(40))) == 60
    assert lease.remaining(Instant(Millis(NOW + 200), Millis(0))) == 0


def test_a_completion_is_sent_whatever_the_clocks_say_for_the_store_knows_the_owner() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    run = talk.next(granted(begun(talk)))
    assert isinstance(run, Run)
    talk.passes(10 * LEASE, 10 * LEASE)
    complete = talk.next(Returned('"paid"', "paid"))
    assert isinstance(complete, Complete)
    assert complete.expires_at == (NOW + 10 * LEASE) // 1000 + 3_600


def test_a_release_after_the_lease_hides_nothing_of_what_was_raised() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    talk.next(granted(begun(talk)))
    talk.passes(10 * LEASE, 10 * LEASE)
    error = ValueError()
    assert isinstance(talk.next(Raised(error)), Release)
    with pytest.raises(Ended) as ended:
        talk.fails(StoreUnavailable("s", "silent"))
    assert ended.value.value.outcome == Raised(error)
