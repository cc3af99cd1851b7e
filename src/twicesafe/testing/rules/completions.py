"""Complete: the owner in progress alone, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Done, Lost
from ...protocol.records import Millis, Status, Step
from ..trial import EXPIRY, LEASE

if TYPE_CHECKING:
    from ..trial import Trial


class CompletionRules:
    """What an owner's answer changes, and what it does not."""

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
    def test_a_completion_keeps_the_answer_and_drops_the_steps(self, trial: Trial, status: Status) -> None:
        trial.claim("ann", fingerprint="1:abc")
        trial.save("ann", {"charge": Step(True, "1")})
        record = trial.found()
        trial.time_passes(500)
        assert trial.complete("ann", '{"id": 7}', status=status, expires_after=99) == Done()
        assert trial.load() == record._replace(
            status=status, reply='{"id": 7}', steps={}, lease_until=Millis(0), expires_at=trial.expires_at(99)
        )

    def test_a_completion_whose_response_was_lost_recognises_itself(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.complete("ann")
        record = trial.found()
        trial.time_passes(2_000)
        assert trial.complete("ann") == Done()
        assert trial.load() == record

    @pytest.mark.parametrize(
        ("status", "reply"), [(Status.COMPLETED, '"by hand"'), (Status.COMPLETED, None), (Status.FAILED, '"paid"')]
    )
    def test_an_owner_in_whose_name_another_answer_was_given_hears_it(
        self, trial: Trial, status: Status, reply: str | None
    ) -> None:
        trial.claim("ann")
        trial.complete("ann", reply, status=status)
        record = trial.found()
        assert trial.complete("ann", '"paid"') == Lost(record)
        assert trial.load() == record

    def test_a_completion_without_a_reply_is_kept_without_one(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.complete("ann", None)
        assert trial.found().reply is None

    def test_a_late_completion_resolves_a_silence(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE + 1)
        assert trial.complete("ann") == Done()
        assert trial.found().reply == '"paid"'

    def test_a_completion_of_a_key_that_is_absent_is_lost(self, trial: Trial) -> None:
        assert trial.complete("ann") == Lost(None)
        assert trial.load() is None

    def test_a_stranger_completes_nothing(self, trial: Trial) -> None:
        trial.claim("ann")
        record = trial.found()
        assert trial.complete("bob") == Lost(record)
        assert trial.load() == record

    def test_an_owner_that_was_taken_over_completes_nothing(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE)
        trial.claim("bob")
        record = trial.found()
        assert trial.complete("ann") == Lost(record)
        assert trial.load() == record
        assert trial.complete("bob") == Done()

    @pytest.mark.parametrize("reply", ['"hers"', '"his"'])
    def test_an_owner_that_comes_after_anothers_answer_hears_it(self, trial: Trial, reply: str) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE)
        trial.claim("bob")
        trial.complete("bob", '"his"')
        record = trial.found()
        assert trial.complete("ann", reply) == Lost(record)
        assert trial.load() == record

    def test_a_released_owner_completes_nothing(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.release("ann")
        record = trial.found()
        assert trial.complete("ann") == Lost(record)
        assert trial.load() == record

    def test_a_completion_gives_an_expiry_to_a_record_that_had_none(self, trial: Trial) -> None:
        trial.claim("ann", expires_after=None)
        trial.complete("ann")
        assert trial.found().expires_at == trial.expires_at(EXPIRY)

    def test_a_completion_in_a_later_life_is_not_taken_for_an_earlier_one(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.complete("ann", '"old"')
        trial.time_passes(2 * EXPIRY * 1000)
        trial.claim("bob")
        record = trial.found()
        assert trial.complete("ann", '"old"') == Lost(record)
        assert trial.load() == record
