"""What a claim finds, and what it makes of it: the table of claims, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Claimed, Existing
from ...protocol.records import Millis, Record, Status, Step
from ..trial import EXPIRY, LEASE

if TYPE_CHECKING:
    from ..trial import Trial

TEN_YEARS = 10 * 365 * 86_400_000
CHARGED = {"charge": Step(True, '"ch_1"'), "mail": Step(False, "")}


def settled(trial: Trial, state: str, *, fingerprint: str = "", expires_after: int = EXPIRY) -> Record:
    """Bring the trial's key into a state that a later delivery can meet, with the lease of its claim over."""
    trial.claim("ann", fingerprint=fingerprint, expires_after=expires_after)
    trial.save("ann", CHARGED)
    if state == "released":
        trial.release("ann", expires_after=expires_after)
    elif state in ("completed", "failed"):
        status = Status.COMPLETED if state == "completed" else Status.FAILED
        trial.complete("ann", status=status, expires_after=expires_after)
    trial.time_passes(LEASE)
    return trial.found()


every_state = pytest.mark.parametrize("state", ["silent", "released", "completed", "failed"])


HOUR = 3_600_000


class ClaimRules:
    """Absent, its own, live, dead, released, final, expired; and by a clock that was wrong."""

    def test_an_absent_key_is_claimed(self, trial: Trial) -> None:
        assert trial.load() is None
        lease_until, expires_at = Millis(trial.now + LEASE), trial.expires_at(EXPIRY)
        assert trial.claim("ann", fingerprint="1:abc") == Claimed(1, trial.now, lease_until, {}, 0)
        assert trial.load() == Record(
            trial.key, Status.IN_PROGRESS, "ann", 1, trial.now, trial.now, lease_until, expires_at, "1:abc", None, {}, 0
        )

    def test_a_claim_whose_response_was_lost_recognises_itself(self, trial: Trial) -> None:
        first = trial.claim("ann")
        record = trial.load()
        assert trial.claim("ann") == first
        trial.time_passes(10)
        assert trial.claim("ann", fingerprint="1:other") == first
        assert trial.load() == record

    def test_a_claim_recognises_itself_after_its_lease_and_tells_the_recorded_one(self, trial: Trial) -> None:
        first = trial.claim("ann")
        trial.time_passes(LEASE)
        assert trial.claim("ann") == first

    def test_a_claim_that_recognises_itself_is_given_its_steps(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.save("ann", CHARGED)
        claim = trial.claim("ann")
        assert isinstance(claim, Claimed)
        assert claim.steps == CHARGED

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
    def test_a_late_copy_of_a_claim_does_not_turn_a_final_record_back(self, trial: Trial, status: Status) -> None:
        trial.claim("ann")
        trial.complete("ann", status=status)
        record = trial.found()
        assert trial.claim("ann") == Existing(record)
        trial.time_passes(LEASE)
        assert trial.claim("ann") == Existing(record)
        assert trial.load() == record

    def test_a_late_copy_of_a_claim_does_not_revive_it_once_released(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.release("ann")
        record = trial.found()
        assert trial.claim("ann") == Existing(record)
        assert trial.claim("bob") == Existing(record)
        trial.time_passes(-1)
        assert trial.claim("bob") == Existing(record)
        assert trial.load() == record

    def test_a_live_lease_is_left_alone(self, trial: Trial) -> None:
        trial.claim("ann")
        record = trial.found()
        trial.time_passes(LEASE - 1)
        assert trial.claim("bob") == Existing(record)
        assert trial.load() == record

    def test_a_dead_lease_is_taken_over_with_its_steps(self, trial: Trial) -> None:
        record = settled(trial, "silent", fingerprint="1:abc")
        lease_until = Millis(trial.now + LEASE)
        claim = trial.claim("bob", fingerprint="1:abc")
        assert claim == Claimed(2, record.started, lease_until, CHARGED, 0)
        assert trial.load() == record._replace(
            owner="bob", attempt=2, claimed=trial.now, lease_until=lease_until, expires_at=trial.expires_at(EXPIRY)
        )

    def test_a_silent_owner_is_left_alone_by_a_claim_that_may_not_take_over(self, trial: Trial) -> None:
        record = settled(trial, "silent")
        assert trial.claim("bob", takes_over=False) == Existing(record)
        assert trial.load() == record

    @pytest.mark.parametrize("takes_over", [True, False])
    def test_a_released_key_is_taken_with_its_steps(self, trial: Trial, takes_over: bool) -> None:
        trial.claim("ann")
        trial.save("ann", CHARGED)
        trial.release("ann")
        record = trial.found()
        trial.time_passes(1)
        claim = trial.claim("bob", takes_over=takes_over)
        assert claim == Claimed(2, record.started, Millis(trial.now + LEASE), CHARGED, 0)
        assert trial.found().owner == "bob"

    def test_each_claim_that_takes_the_key_counts_one_attempt(self, trial: Trial) -> None:
        for attempt in range(1, 12):
            claim = trial.claim(f"owner {attempt}")
            assert isinstance(claim, Claimed)
            assert claim.attempt == attempt
            trial.release(f"owner {attempt}")
            trial.time_passes(1)

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_a_final_record_is_replayed(self, trial: Trial, state: str) -> None:
        record = settled(trial, state)
        assert trial.claim("bob") == Existing(record)
        assert trial.claim("bob", takes_over=False) == Existing(record)
        assert trial.load() == record

    @every_state
    @pytest.mark.parametrize("takes_over", [True, False])
    def test_an_expired_leftover_is_replaced_whole(self, trial: Trial, state: str, takes_over: bool) -> None:
        settled(trial, state, fingerprint="1:abc")
        trial.time_passes(EXPIRY * 1000)
        lease_until = Millis(trial.now + LEASE)
        claim = trial.claim("bob", fingerprint="1:other", takes_over=takes_over)
        assert claim == Claimed(1, trial.now, lease_until, {}, 0)
        assert trial.load() == Record(
            trial.key,
            Status.IN_PROGRESS,
            "bob",
            1,
            trial.now,
            trial.now,
            lease_until,
            trial.expires_at(EXPIRY),
            "1:other",
        )

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_a_record_expires_at_its_second_and_not_before(self, trial: Trial, state: str) -> None:
        record = settled(trial, state)
        assert record.expires_at is not None
        trial.now = Millis(record.expires_at * 1000 - 1)
        assert trial.claim("bob") == Existing(record)
        trial.time_passes(1)
        claim = trial.claim("bob")
        assert isinstance(claim, Claimed)
        assert claim.attempt == 1

    def test_a_live_lease_outlives_the_expiry(self, trial: Trial) -> None:
        trial.claim("ann", lease=120_000, expires_after=60)
        record = trial.found()
        trial.time_passes(119_999)
        assert trial.claim("bob") == Existing(record)
        trial.time_passes(1)
        claim = trial.claim("bob")
        assert claim == Claimed(1, trial.now, Millis(trial.now + LEASE), {}, 0)

    def test_an_own_claim_past_its_expiry_begins_a_new_life(self, trial: Trial) -> None:
        settled(trial, "silent")
        trial.time_passes(EXPIRY * 1000)
        assert trial.claim("ann") == Claimed(1, trial.now, Millis(trial.now + LEASE), {}, 0)

    def test_a_record_without_expiry_stays(self, trial: Trial) -> None:
        trial.claim("ann", expires_after=None)
        record = trial.found()
        assert record.expires_at is None
        trial.time_passes(TEN_YEARS)
        assert trial.claim("bob", expires_after=None, takes_over=False) == Existing(record)
        claim = trial.claim("bob", expires_after=None)
        assert claim == Claimed(2, record.started, Millis(trial.now + LEASE), {}, 0)

    @every_state
    def test_another_fingerprint_of_the_same_version_changes_nothing(self, trial: Trial, state: str) -> None:
        record = settled(trial, state, fingerprint="1:abc")
        assert trial.claim("bob", fingerprint="1:abd") == Existing(record)
        assert trial.load() == record

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("1:abc", "1:abc"),
            ("1:abc", "2:abd"),
            ("1:abc", ""),
            ("", "1:abc"),
            ("1:abc", "abd"),
            ("abc", "abd"),
            ("1:", "1:abc"),
            ("1:abc", "1:"),
            ("1:abc", "11:abd"),
            ("1:a:b", "1:a:b"),
        ],
    )
    @pytest.mark.parametrize("state", ["silent", "released"])
    def test_a_fingerprint_that_cannot_be_compared_or_agrees_is_no_obstacle(
        self, trial: Trial, state: str, first: str, second: str
    ) -> None:
        settled(trial, state, fingerprint=first)
        claim = trial.claim("bob", fingerprint=second)
        assert isinstance(claim, Claimed)
        assert (claim.attempt, claim.steps) == (2, CHARGED)
        assert trial.found().fingerprint == first  # it belongs to the life

    def test_only_the_first_colon_ends_the_version(self, trial: Trial) -> None:
        record = settled(trial, "silent", fingerprint="1:a:b")
        assert trial.claim("bob", fingerprint="1:a:c") == Existing(record)

    def test_a_claim_that_knows_of_the_last_one_takes_what_a_fast_clock_released(self, trial: Trial) -> None:
        trial.time_passes(HOUR)
        trial.claim("ann")
        trial.save("ann", CHARGED)
        trial.release("ann")
        trial.time_passes(-HOUR)
        record = trial.found()
        assert trial.claim("bob") == Existing(record)
        lease_until, not_before = Millis(trial.now + LEASE), record.claimed + 1
        claim = trial.claim("bob", not_before=not_before)
        assert claim == Claimed(2, record.started, lease_until, CHARGED, 0)
        taken = trial.found()
        assert (taken.claimed, taken.lease_until) == (not_before, lease_until)
        trial.release("bob")
        assert trial.found().owner is None

    def test_the_place_of_a_claim_in_the_order_says_nothing_of_the_time(self, trial: Trial) -> None:
        trial.claim("ann", expires_after=60)
        record = trial.found()
        assert trial.claim("bob", not_before=trial.now + HOUR) == Existing(record)
        trial.complete("ann", expires_after=60)
        record = trial.found()
        assert trial.claim("bob", not_before=trial.now + HOUR) == Existing(record)
        assert trial.load() == record

    @pytest.mark.parametrize("ahead", [HOUR, -HOUR])
    def test_an_owner_puts_the_time_of_its_claim_right(self, trial: Trial, ahead: int) -> None:
        trial.time_passes(ahead)
        trial.claim("ann", fingerprint="1:abc", expires_after=3 * EXPIRY)
        wrong = trial.found()
        trial.time_passes(-ahead)
        lease_until, claimed = Millis(trial.now + LEASE), trial.now
        claim = trial.claim("ann", expires_after=2 * EXPIRY, corrects=wrong.claimed)
        assert claim == Claimed(1, claimed, lease_until, {}, 0)
        right = wrong._replace(
            started=claimed, claimed=claimed, lease_until=lease_until, expires_at=trial.expires_at(2 * EXPIRY)
        )
        assert trial.load() == right
        trial.time_passes(LEASE - 1)
        assert trial.claim("ann", corrects=wrong.claimed) == claim  # a late copy of it
        assert trial.claim("ann") == claim  # and of the first one
        assert trial.load() == right

    def test_a_later_attempt_puts_its_own_time_right_and_not_the_start_of_the_life(self, trial: Trial) -> None:
        started = settled(trial, "released", expires_after=3 * EXPIRY).started
        trial.time_passes(HOUR)
        trial.claim("bob", expires_after=3 * EXPIRY)
        wrong = trial.found()
        trial.time_passes(-HOUR)
        lease_until = Millis(trial.now + LEASE)
        claim = trial.claim("bob", corrects=wrong.claimed)
        assert claim == Claimed(2, started, lease_until, CHARGED, 0)
        assert (trial.found().claimed, trial.found().lease_until) == (trial.now, lease_until)

    @every_state
    def test_an_owner_puts_nothing_right_in_what_is_not_its_own_any_more(self, trial: Trial, state: str) -> None:
        record = settled(trial, state)
        if state == "silent":
            trial.claim("bob")
            record = trial.found()
        claim = trial.claim("ann", takes_over=False, corrects=record.claimed)
        if state == "released":
            assert isinstance(claim, Claimed)
            assert claim.attempt == 2
        else:
            assert claim == Existing(record)
            assert trial.load() == record
