"""SaveStep: what is known of a step only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Claimed, Done, Lost
from ...protocol.records import Step
from ..trial import LEASE
from .leases import no_longer_hers, not_anns

if TYPE_CHECKING:
    from ..trial import Trial

INTENT, OTHER_INTENT = Step(False, "begun"), Step(False, "begun again")
RESULT, OTHER_RESULT = Step(True, '"ch_1"'), Step(True, '"ch_2"')


class StepRules:
    """Intents and results, alone and several at once."""

    def test_steps_are_added_to_those_that_are_known(self, trial: Trial) -> None:
        trial.claim("ann")
        record = trial.found()
        assert trial.save("ann", {"charge": RESULT}) == Done()
        assert trial.save("ann", {"mail": INTENT, "order": OTHER_RESULT}) == Done()
        assert trial.load() == record._replace(steps={"charge": RESULT, "mail": INTENT, "order": OTHER_RESULT})

    def test_no_steps_at_once_change_nothing(self, trial: Trial) -> None:
        trial.claim("ann")
        record = trial.found()
        assert trial.save("ann", {}) == Done()
        assert trial.load() == record

    @pytest.mark.parametrize(
        ("known", "new"), [(INTENT, RESULT), (INTENT, OTHER_INTENT), (INTENT, INTENT), (RESULT, RESULT)]
    )
    def test_a_result_replaces_an_intent_and_a_copy_replaces_itself(self, trial: Trial, known: Step, new: Step) -> None:
        trial.claim("ann")
        trial.save("ann", {"charge": known})
        assert trial.save("ann", {"charge": new}) == Done()
        assert trial.found().steps == {"charge": new}

    @pytest.mark.parametrize("new", [OTHER_RESULT, INTENT, Step(False, RESULT.data)])
    def test_a_result_is_never_replaced(self, trial: Trial, new: Step) -> None:
        trial.claim("ann")
        trial.save("ann", {"charge": RESULT})
        record = trial.found()
        assert trial.save("ann", {"mail": INTENT, "charge": new}) == Lost(record)
        assert trial.load() == record  # none of the steps that came with it either

    @no_longer_hers
    def test_a_step_by_who_is_not_the_owner_in_progress_is_lost(self, trial: Trial, state: str) -> None:
        record = not_anns(trial, state)
        assert trial.save("ann", {"charge": RESULT}) == Lost(record)
        assert trial.load() == record

    def test_a_silent_owner_that_nobody_replaced_saves_its_steps(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.time_passes(LEASE + 1)
        assert trial.save("ann", {"charge": RESULT}) == Done()
        claim = trial.claim("bob")
        assert isinstance(claim, Claimed)
        assert claim.steps == {"charge": RESULT}

    def test_steps_live_through_releases_and_take_overs(self, trial: Trial) -> None:
        steps = {}
        for number in range(5):
            trial.claim(f"owner {number}")
            steps[f"step {number}"] = Step(True, str(number))
            trial.save(f"owner {number}", {f"step {number}": Step(True, str(number))})
            if number % 2:
                trial.release(f"owner {number}")
            trial.time_passes(LEASE)
        claim = trial.claim("last")
        assert isinstance(claim, Claimed)
        assert (claim.attempt, claim.steps) == (6, steps)
