"""Release and Renew: the end of a lease moves for its owner alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Claimed, Done, Existing, Lost, Release
from ...protocol.records import Millis, Record, Step
from ..trial import EXPIRY, LEASE

if TYPE_CHECKING:
    from ..trial import Trial


def not_anns(trial: Trial, state: str) -> Record | None:
    """Bring the trial's key into a state in which "ann" has no claim, though she had one."""
    if state == "absent":
        return trial.load()
    trial.claim("ann")
    if state == "taken over":
        trial.time_passes(LEASE)
        trial.claim("bob")
    elif state == "released":
        trial.release("ann")
    elif state == "completed":
        trial.complete("ann")
    return trial.found()


no_longer_hers = pytest.mark.parametrize("state", ["absent", "taken over", "released", "completed"])


class LeaseRules:
    """What ends a lease, and what makes it longer."""

    def test_a_release_takes_the_owner_out_and_ends_the_lease(self, trial: Trial) -> None:
        trial.claim("ann", fingerprint="1:abc")
        trial.save("ann", {"charge": Step(True, "1"), "mail": Step(False, "")})
        record = trial.found()
        assert trial.release("ann", expires_after=99) == Done()
        assert trial.load() == record._replace(owner=None, lease_until=Millis(0), expires_at=trial.expires_at(99))

    def test_a_release_takes_unconfirmed_results_along(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.save("ann", {"charge": Step(True, "1"), "mail": Step(False, "begun")})
        trial.release("ann", {"mail": Step(True, "2"), "order": Step(True, "3")})
        assert trial.found().steps == {"charge": Step(True, "1"), "mail": Step(True, "2"), "order": Step(True, "3")}

    @pytest.mark.parametrize("step", [Step(True, "2"), Step(False, "1")])
    def test_a_release_replaces_no_result_and_releases_all_the_same(self, trial: Trial, step: Step) -> None:
        trial.claim("ann")
        trial.save("ann", {"charge": Step(True, "1")})
        assert trial.release("ann", {"charge": step, "mail": Step(True, "3")}) == Done()
        record = trial.found()
        assert (record.owner, record.steps) == (None, {"charge": Step(True, "1"), "mail": Step(True, "3")})

    def test_after_a_release_no_copy_of_an_earlier_claim_takes_the_key(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(10)
        trial.claim("ann")  # is told that it has the key by the first one, which came late
        trial.release("ann")
        record = trial.found()
        assert record.claimed == trial.now
        assert trial.claim("ann") == Existing(record)
        assert trial.load() == record

    def test_a_late_copy_of_a_release_does_not_end_a_later_claim(self, trial: Trial) -> None:
        trial.claim("ann")
        copy = Release(trial.key, "ann", trial.claimed, trial.expires_at(EXPIRY))
        trial.apply(copy)
        trial.time_passes(10)
        trial.claim("ann")
        record = trial.found()
        assert trial.apply(copy) == Lost(record)
        assert trial.load() == record

    def test_a_release_gives_an_expiry_to_a_record_that_had_none(self, trial: Trial) -> None:
        trial.claim("ann", expires_after=None)
        trial.release("ann", expires_after=99)
        assert trial.found().expires_at == trial.expires_at(99)

    def test_a_silent_owner_can_still_be_released(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE + 1)
        assert trial.release("ann") == Done()
        claim = trial.claim("bob", takes_over=False)
        assert isinstance(claim, Claimed)
        assert claim.attempt == 2

    @no_longer_hers
    def test_a_release_by_who_is_not_the_owner_in_progress_is_lost(self, trial: Trial, state: str) -> None:
        record = not_anns(trial, state)
        assert trial.release("ann", {"charge": Step(True, "1")}) == Lost(record)
        assert trial.load() == record

    def test_a_renewal_makes_the_lease_longer(self, trial: Trial) -> None:
        trial.claim("ann")
        record = trial.found()
        trial.time_passes(LEASE - 1)
        assert trial.renew("ann", LEASE) == Done()
        expires_at = trial.expires_at(3_600)
        assert trial.load() == record._replace(lease_until=Millis(trial.now + LEASE), expires_at=expires_at)

    @pytest.mark.parametrize("lease", [LEASE, LEASE - 1, 0])
    def test_a_renewal_never_makes_anything_shorter(self, trial: Trial, lease: int) -> None:
        trial.claim("ann")
        record = trial.found()
        assert trial.renew("ann", lease, expires_after=1) == Done()
        assert trial.load() == record

    def test_a_renewal_gives_no_expiry_to_a_record_that_has_none(self, trial: Trial) -> None:
        trial.claim("ann", expires_after=None)
        trial.renew("ann", 2 * LEASE, expires_after=None)
        record = trial.found()
        assert (record.lease_until, record.expires_at) == (trial.now + 2 * LEASE, None)

    def test_a_silent_owner_that_nobody_replaced_can_renew(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE + 1)
        assert trial.renew("ann", LEASE) == Done()
        assert trial.found().is_live(trial.now)

    @no_longer_hers
    def test_a_renewal_by_who_is_not_the_owner_in_progress_is_lost(self, trial: Trial, state: str) -> None:
        record = not_anns(trial, state)
        assert trial.renew("ann", 3 * LEASE) == Lost(record)
        assert trial.load() == record
