"""An owner believes in its lease by the stricter of two clocks, and an allowance less long than others do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.by_hand import Ended, Talk
from twicesafe.errors import (
    CorruptRecord,
    InProgress,
    LeaseLost,
    NotEnoughTime,
    PayloadMismatch,
    StoreUnavailable,
    UnknownOutcome,
)
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
from twicesafe.protocol.flows import MOST_CORRECTIONS, MOST_LOOKS, Delivery, Replayed, execute, keep_alive
from twicesafe.protocol.policy import ALLOWANCE, LONGEST_LEASE, MARGIN, Policy
from twicesafe.protocol.records import Millis, Record, Seconds, Status
from twicesafe.protocol.steps import Plan, step
from twicesafe.protocol.tenure import STEADY, Deadline, Instant, Lease, Tenure
from twicesafe.stores import memory

LEASE = 30_000
POLICY = Policy(Seconds(3_600), lease=Millis(LEASE))
NOW = 1_800_000_000_000
HOUR = 3_600_000
WRONG = (HOUR, -HOUR, 60_000, -60_000, 3_000, -3_000)
"""By how much a clock is off, until the first answer shows it."""


def begun(talk: Talk, policy: Policy = POLICY) -> Claim:
    claim = talk.next()
    assert isinstance(claim, Claim)
    return claim


def granted(claim: Claim, attempt: int = 1) -> Claimed:
    return Claimed(attempt, claim.now, claim.lease_until)


def record(**changed: Any) -> Record:
    expires_at = Seconds(NOW // 1000 + 9_999)
    held = Record("k", Status.IN_PROGRESS, "bob", 1, Millis(0), Millis(0), Millis(NOW + 5_000), expires_at)
    return held._replace(**changed)


def stops(remaining: int) -> Deadline:
    """When the platform stops a delivery that begins with the test, by clocks that are right."""
    return Deadline(Millis(NOW + remaining), Millis(remaining))


def test_others_honour_a_lease_an_allowance_longer_than_its_owner() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    claim = begun(talk)
    assert (claim.now, claim.lease_until) == (NOW, NOW + LEASE + ALLOWANCE)
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    assert run.tenure.lease == Lease(Millis(NOW + LEASE), Millis(LEASE))


def test_a_deadline_is_the_end_of_the_lease() -> None:
    talk = Talk(execute(Delivery("k", "ann", deadline=stops(900)), POLICY), NOW)
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
    assert (again.now, again.claimed) == (NOW, NOW + 4)


@pytest.mark.parametrize("late", [0, 1, 5_000])
def test_a_deadline_that_has_passed_is_no_claim(late: int) -> None:
    talk = Talk(execute(Delivery("k", "ann", deadline=stops(-late)), POLICY), NOW)
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
    talk = Talk(execute(Delivery("k", "ann", deadline=stops(150)), WAITING), NOW)
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


# A clock that the claim's own answer shows to be wrong


def wrong(ahead: int, policy: Policy = POLICY, remaining: int | None = None) -> Talk:
    """A delivery on a host whose clock is so far ahead, which nobody knows yet."""
    deadline = None if remaining is None else Deadline(Millis(NOW + ahead + remaining), Millis(remaining))
    return Talk(execute(Delivery("k", "ann", "1:p", deadline), policy), NOW + ahead)


@pytest.mark.parametrize("ahead", WRONG)
@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"lease_until": Millis(NOW - 1)},
        {"owner": None, "lease_until": Millis(0)},
        {"status": Status.COMPLETED},
        {"fingerprint": "1:another"},
    ],
)
def test_nothing_follows_from_an_answer_to_a_wrong_time_but_a_claim_by_the_right_one(ahead: int, shown: Any) -> None:
    talk = wrong(ahead)
    first = begun(talk)
    assert (first.now, first.offset) == (NOW + ahead, 0)
    talk.learns(-ahead)
    again = talk.next(Existing(record(**shown)))
    assert isinstance(again, Claim)
    assert (again.now, again.offset) == (NOW, -ahead)
    assert again.lease_until == NOW + LEASE + ALLOWANCE


@pytest.mark.parametrize("ahead", WRONG)
def test_after_that_what_is_found_is_judged_by_the_right_time(ahead: int) -> None:
    asks_first = POLICY._replace(on_unknown="raise")
    ends: list[tuple[Record, type[Exception]]] = [
        (record(), InProgress),
        (record(lease_until=Millis(NOW - 1)), UnknownOutcome),
        (record(fingerprint="1:another"), PayloadMismatch),
    ]
    for shown, end in ends:
        talk = wrong(ahead, asks_first)
        begun(talk)
        talk.learns(-ahead)
        talk.next(Existing(shown))
        with pytest.raises(end):
            talk.next(Existing(shown))
    talk = wrong(ahead)
    begun(talk)
    talk.learns(-ahead)
    final = record(status=Status.COMPLETED)
    talk.next(Existing(final))
    with pytest.raises(Ended) as ended:
        talk.next(Existing(final))
    assert ended.value.value == Replayed(final)


@pytest.mark.parametrize("remaining", [None, 10_000])
@pytest.mark.parametrize("ahead", WRONG)
def test_what_was_claimed_by_a_wrong_time_is_put_right_before_the_function_is_called(
    ahead: int, remaining: int | None
) -> None:
    talk = wrong(ahead, remaining=remaining)
    first = begun(talk)
    held, reply = memory.claim(None, first)
    talk.learns(-ahead)
    talk.passes(wall=7, elapsed=7)
    again = talk.next(reply)
    assert isinstance(again, Claim)
    held, reply = memory.claim(held, again)
    assert held is not None
    lasts = LEASE + 7 if remaining is None else remaining
    assert held.lease_until == NOW + lasts + ALLOWANCE
    assert (held.started, held.attempt, held.claimed) == (NOW + 7, 1, NOW + 7)
    assert held.expires_at == -(-held.lease_until // 1000) + 3_600
    run = talk.next(reply)
    assert isinstance(run, Run)
    assert run.tenure.lease.remaining(talk.now) == lasts - 7
    assert run.tenure.claimed == held.claimed
    release = talk.next(Raised(ValueError()))
    assert isinstance(release, Release)
    assert memory.release(held, release)[1] == Done()


@pytest.mark.parametrize("ahead", WRONG)
def test_a_claim_that_cannot_be_put_right_is_released(ahead: int) -> None:
    talk = wrong(ahead)
    held, reply = memory.claim(None, begun(talk))
    talk.learns(-ahead)
    assert isinstance(talk.next(reply), Claim)
    release = talk.fails(StoreUnavailable("s", "silent"))
    assert isinstance(release, Release)
    assert memory.release(held, release)[1] == Done()
    with pytest.raises(StoreUnavailable):
        talk.next(Done())


@pytest.mark.parametrize("offset", [0, STEADY, -STEADY])
def test_a_correction_that_is_only_known_more_closely_asks_nothing_again(offset: int) -> None:
    talk = wrong(0)
    claim = begun(talk)
    talk.learns(offset)
    assert isinstance(talk.next(granted(claim)), Run)


def test_a_clock_that_is_another_at_each_answer_ends_in_a_decision() -> None:
    talk = wrong(0)
    command: Any = begun(talk)
    claims = 0
    while isinstance(command, Claim):
        claims += 1
        talk.learns(HOUR - talk.offset)
        command = talk.next(granted(command))
    assert claims == 1 + MOST_CORRECTIONS
    assert isinstance(command, (Run, Release))
    talk = wrong(0)
    begun(talk)
    for _ in range(MOST_CORRECTIONS):
        talk.learns(HOUR - talk.offset)
        talk.next(Existing(record(status=Status.COMPLETED)))
    talk.learns(HOUR - talk.offset)
    with pytest.raises(Ended):
        talk.next(Existing(record(status=Status.COMPLETED)))


def test_who_waits_goes_on_by_the_right_time() -> None:
    talk = wrong(0, WAITING, remaining=10_000)
    begun(talk)
    assert talk.next(Existing(record())) == Sleep(Millis(50))
    talk.passes(50, 50)
    begun(talk)
    talk.learns(HOUR)
    talk.next(Existing(record()))
    claim = talk.next(Existing(record()))
    assert isinstance(claim, Claim)
    assert claim.now == NOW + HOUR + 50
    assert claim.lease_until == claim.now + 9_950 + ALLOWANCE  # what is left of the platform's time is what it was


def test_a_renewal_by_a_wrong_time_is_made_once_more() -> None:
    mine = tenure()
    talk = Talk(keep_alive(mine, POLICY), NOW)
    talk.next()
    talk.passes(wall=10_000 - HOUR, elapsed=10_000)  # the clock was set back
    assert isinstance(talk.next(), Renew)
    talk.learns(HOUR)
    renew = talk.next(Done())
    assert isinstance(renew, Renew)
    assert renew.lease_until == NOW + 10_000 + LEASE + ALLOWANCE
    assert talk.next(Done()) == Sleep(Millis(LEASE // 3))
    assert mine.lease.remaining(talk.now) == LEASE


def test_renewals_by_a_clock_that_is_another_at_each_answer_come_to_an_end() -> None:
    talk = Talk(keep_alive(tenure(), POLICY), NOW)
    talk.next()
    command = talk.next()
    while isinstance(command, Renew):
        talk.learns(HOUR - talk.offset)
        command = talk.next(Done())
    assert isinstance(command, Sleep)


# The order of claims is not their time


def test_a_record_that_was_claimed_by_a_fast_clock_is_taken_by_the_right_time() -> None:
    talk = Talk(execute(Delivery("k", "ann"), POLICY), NOW)
    begun(talk)
    released = record(owner=None, lease_until=Millis(0), claimed=Millis(NOW + HOUR), steps={})
    again = talk.next(Existing(released))
    assert isinstance(again, Claim)
    held, reply = memory.claim(released, again)
    assert held is not None
    assert (held.lease_until, held.claimed) == (NOW + LEASE + ALLOWANCE, released.claimed + 1)
    assert isinstance(talk.next(reply), Run)


def test_of_two_who_find_a_record_that_a_fast_clock_released_one_runs() -> None:
    released = record(owner=None, lease_until=Millis(0), claimed=Millis(NOW + 60_000))
    ann, cat = (Talk(execute(Delivery("k", name), POLICY), NOW) for name in ("ann", "cat"))
    second = []
    for talk in (ann, cat):
        begun(talk)
        second.append(talk.next(Existing(released)))
    held, reply = memory.claim(released, second[0])  # type: ignore[arg-type]  # it is a claim
    assert isinstance(ann.next(reply), Run)
    held, reply = memory.claim(held, second[1])  # type: ignore[arg-type]  # as above
    with pytest.raises(InProgress):
        cat.next(reply)


def test_who_finds_a_free_key_taken_each_time_gives_up() -> None:
    talk = Talk(execute(Delivery("k", "ann"), WAITING), NOW)
    claim = begun(talk)
    with pytest.raises(InProgress):
        for _ in range(MOST_LOOKS):
            claim = talk.next(Existing(record(owner=None, lease_until=Millis(0), claimed=claim.claimed)))  # type: ignore[assignment]


# Platforms with a longer time limit


@pytest.mark.parametrize("seconds", [1_800, 5_400])
def test_a_lease_ends_with_the_longest_deadline_that_lambda_has(seconds: int) -> None:
    talk = wrong(0, remaining=seconds * 1000)
    claim = begun(talk)
    assert claim.lease_until == NOW + seconds * 1000 + ALLOWANCE
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    assert run.tenure.is_bounded
    other = Talk(execute(Delivery("k", "bob", "1:p"), POLICY), NOW - ALLOWANCE)
    begun(other)
    with pytest.raises(InProgress):
        other.next(Existing(record(lease_until=claim.lease_until)))


@pytest.mark.parametrize("remaining", [LONGEST_LEASE + 1, 2 * LONGEST_LEASE, 10**12])
def test_a_deadline_beyond_any_that_lambda_has_is_no_lease_but_bounds_the_steps(remaining: int) -> None:
    talk = wrong(0, remaining=remaining)
    claim = begun(talk)
    assert claim.lease_until == NOW + LEASE + ALLOWANCE
    run = talk.next(granted(claim))
    assert isinstance(run, Run)
    mine = run.tenure
    assert not mine.is_bounded  # so that it is renewed
    late = remaining - 4_000
    mine.lease = Lease(Millis(NOW + late + LEASE), Millis(late + LEASE))
    charge = Talk(step(mine, "charge", Plan(needs=Millis(5_000))), NOW + late, late)
    with pytest.raises(NotEnoughTime) as error:
        charge.next()
    assert error.value.remaining == 4_000


def test_who_waits_under_such_a_deadline_gives_up_as_without_one() -> None:
    talk = wrong(0, WAITING, remaining=10**12)
    begun(talk)
    talk.next(Existing(record()))
    talk.passes(0, 60_000)
    talk.next()
    with pytest.raises(InProgress):
        talk.next(Existing(record()))
