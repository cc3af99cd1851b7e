"""The real flows and the reference store with one rule switched off, as a change of their text."""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.protocol import flows, policy, tenure
from twicesafe.stores import memory
from twicesafe.stores.dynamodb import dialect

if TYPE_CHECKING:
    import pytest


class Mutant(NamedTuple):
    """A change, and who must notice it where."""

    module: ModuleType
    was: str  # stands once in the module
    now: str
    setting: str
    noticed_by: str  # the invariant

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the changed functions and methods into the place of the real ones; the classes stay what they are."""
        source = inspect.getsource(self.module)
        assert source.count(self.was) == 1, f"{self.module.__name__} says {self.was!r} {source.count(self.was)} times"
        changed = ModuleType(self.module.__name__)
        changed.__package__ = self.module.__package__
        exec(compile(source.replace(self.was, self.now), f"mutant of {self.module.__file__}", "exec"), vars(changed))
        for name, real in list(vars(self.module).items()):
            if getattr(real, "__module__", None) != self.module.__name__:
                continue
            if isinstance(real, FunctionType):
                monkeypatch.setattr(self.module, name, vars(changed)[name])
            elif isinstance(real, type):
                _copy_methods(vars(changed)[name], real, monkeypatch)
                setattr(changed, name, real)
        if hasattr(self.module, "TRANSITIONS"):
            for module in {self.module, dialect}:
                monkeypatch.setattr(module, "TRANSITIONS", vars(changed)["TRANSITIONS"])


def _copy_methods(changed: Any, real: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in vars(changed).items():
        if isinstance(method, (FunctionType, property)) and name in vars(real) and not name.startswith("__"):
            monkeypatch.setattr(real, name, method)


HELD = "not _is_held(found, command.owner)"
COMPLETE = f"if found is None or {HELD}:\n        return found, Lost(found)\n    done ="
RELEASE = f"{HELD} or found.claimed > command.claimed"
SELF = "found.owner == command.owner and not found.is_final"
LEFTOVER = "if found is None or found.is_leftover(command.now):\n        return _new_life(command)"
REFUSES = "if found.contradicts(command.fingerprint) or found.is_final or found.is_live(command.now):"
GIVEN_UP = """        if isinstance(outcome, Failed):
            raise NotRecorded(tenure.key, tenure.attempt, None, reason) from outcome.error
"""

MUTANTS = {
    "no owner condition on complete": Mutant(
        memory, COMPLETE, COMPLETE.replace(HELD, "found.is_final"), "rerun", "I3_a_stale_owner_changes_nothing"
    ),
    "no owner condition on release": Mutant(
        memory, RELEASE, "found.is_final", "rerun", "I3_a_stale_owner_changes_nothing"
    ),
    "complete where it is not in progress": Mutant(
        memory,
        "return record.owner == owner and not record.is_final",
        "return record.owner == owner",
        "by-hand-done",
        "I3_a_stale_owner_changes_nothing",
    ),
    "a claim does not recognise itself": Mutant(
        memory, SELF, "False", "rerun", "I4_nobody_takes_its_own_write_for_anothers"
    ),
    "or owner = :me": Mutant(
        memory,
        LEFTOVER,
        LEFTOVER.replace("found is None or", "found is None or found.owner == command.owner or"),
        "rerun",
        "I3_a_claim_takes_what_is_free",
    ),
    "a completion does not recognise itself": Mutant(
        memory,
        "if found is not None and _is_of(found, command):",
        "if False:",
        "rerun",
        "I4_nobody_takes_its_own_write_for_anothers",
    ),
    "the lease is not checked after the claim's answer": Mutant(
        flows,
        "        tenure.check(now)\n    except LeaseLost",
        "        pass\n    except LeaseLost",
        "rerun",
        "I1_a_lease_is_not_given_away",
    ),
    "no allowance": Mutant(
        flows,
        "span = lease_until - policy.allowance - asked.wall",
        "span = lease_until - asked.wall",
        "clocks-apart",
        "I1_a_lease_is_not_given_away",
    ),
    "one clock alone ends the lease": Mutant(
        tenure,
        "return now.wall >= self.wall or now.elapsed >= self.elapsed",
        "return now.wall >= self.wall and now.elapsed >= self.elapsed",
        "wall-misses",
        "I1_a_lease_is_not_given_away",
    ),
    "the expiry is not looked at": Mutant(
        memory,
        "found is None or found.is_leftover(command.now)",
        "found is None",
        "expiry",
        "I2_no_longer_than_its_expiry",
    ),
    "a live lease ends with the expiry": Mutant(
        memory,
        "found is None or found.is_leftover(command.now)",
        "found is None or (found.expires_at or 0) * 1000 <= command.now",
        "raise",
        "I3_a_claim_takes_what_is_free",
    ),
    "steps are inherited over an expired leftover": Mutant(
        memory,
        "        return _new_life(command)",
        "        record = _new_life(command)[0]._replace(steps=found.steps if found else {})\n"
        "        return record, claimed(record)",
        "steps-expiry",
        "I8_a_new_life_inherits_nothing",
    ),
    "steps are lost on take-over": Mutant(
        memory,
        "attempt=found.attempt + 1,",
        "attempt=found.attempt + 1, steps={},",
        "steps",
        "I8_results_are_never_lost",
    ),
    "steps are not given to the claim": Mutant(
        flows, "    tenure.steps.update(reply.steps)\n", "", "steps", "I4_nobody_takes_its_own_write_for_anothers"
    ),
    "the fingerprint is not compared over a dead lease": Mutant(
        memory,
        REFUSES,
        REFUSES.replace("found.contradicts(command.fingerprint) or ", ""),
        "payload",
        "I9_another_payload_is_refused",
    ),
    "another payload's answer is a replay": Mutant(
        flows,
        "        if record.contradicts(delivery.fingerprint):\n            raise _mismatch(delivery, record)\n",
        "",
        "payload",
        "I9_another_payload_sees_nothing",
    ),
    "a zombie hears the answer to another payload": Mutant(
        flows,
        " and not reply.record.contradicts(fingerprint):",
        ":",
        "payload",
        "I4_a_zombies_caller_hears_the_truth",
    ),
    "a zombie hears LeaseLost alone": Mutant(
        flows,
        "if reply.record is not None and reply.record.is_final and",
        "if reply.record is None and",
        "rerun",
        "I4_a_zombies_caller_hears_the_truth",
    ),
    "a Release after a given-up Complete": Mutant(
        flows,
        GIVEN_UP,
        "        yield from _give_back(tenure, policy, Raised(error))\n" + GIVEN_UP,
        "rerun",
        "I1_a_lease_is_not_given_away",
    ),
    "a release keeps the owner": Mutant(
        memory,
        "        owner=None,\n        claimed=command.claimed,",
        "        claimed=command.claimed,",
        "raise",
        "I6_a_dead_lease_blocks_nobody",
    ),
    "an at-most-once record may expire": Mutant(
        policy, "if self.reruns else None", "if True else None", "raise-expiry", "I11_silent_never_runs_again"
    ),
    "a silent owner is taken over, whatever was asked": Mutant(
        memory,
        "if found.owner is not None and not command.takes_over:",
        "if False:",
        "raise",
        "I11_silent_never_runs_again",
    ),
    "an interrupted function is released, whatever was asked": Mutant(
        policy,
        "return self.reruns or not interrupted",
        "return True",
        "raise-interrupted",
        "I11_silent_never_runs_again",
    ),
    "an ended execution completes": Mutant(
        flows,
        "if tenure.ended is not None and not isinstance(outcome, Raised):",
        "if False:",
        "swallows",
        "I12_the_ended_complete_nothing",
    ),
    "a Renew shortens": Mutant(
        memory,
        "    if command.lease_until <= found.lease_until:\n        return found, Done()\n",
        "",
        "heartbeat",
        "I3_a_renewal_never_shortens",
    ),
    "a late claim revives a release": Mutant(
        memory, "if found.claimed >= command.claimed:", "if False:", "rerun", "I3_a_claim_takes_what_is_free"
    ),
    "results that were not confirmed stay behind": Mutant(
        flows,
        "_ever_fewer(tenure.unconfirmed.copy())",
        "_ever_fewer({})",
        "steps",
        "I8_a_release_leaves_no_result_behind",
    ),
    "an effect without a confirmed claim": Mutant(
        flows,
        "            yield from _give_back_claim(claim, policy)\n        raise\n",
        "            return Claimed(1, claim.now, claim.lease_until)\n        raise\n",
        "rerun",
        "I1_a_lease_is_not_given_away",
    ),
    "a claim takes over by a time that its answer shows to be wrong": Mutant(
        dialect,
        "if clock.is_outdated(command.offset) and",
        "if False and",
        "fast",
        "I3_a_wrong_time_takes_nothing_over",
    ),
    "an answer to a wrong time is believed": Mutant(
        flows, "or not asked.is_corrected_by(now):", "or True:", "slow", "I4_a_wrong_time_decides_nothing"
    ),
    "a lease by a wrong time stands": Mutant(
        memory,
        "and found.claimed == command.corrects:",
        "and False:",
        "fast",
        "I6_a_lease_is_no_longer_than_granted",
    ),
    "a life keeps a start that was wrong": Mutant(
        memory,
        "started=command.now if found.attempt == 1 else found.started,",
        "",
        "fast-expiry",
        "I10_the_fence_grows",
    ),
    "a claim that could not be put right is not given back": Mutant(
        flows,
        "claimed = Millis(max(claim.claimed, claim.corrects or 0))",
        "claimed = claim.claimed",
        "fast",
        "I4_nobody_takes_its_own_write_for_anothers",
    ),
    "the fence is the attempt alone": Mutant(
        tenure, "return self.started * 1000 + self.attempt", "return self.attempt", "expiry", "I10_the_fence_grows"
    ),
}
