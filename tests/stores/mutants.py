"""The reference store with one rule switched off, as a change of its text, and the rule that must notice."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.protocol.records import Status, Step
from twicesafe.stores import memory
from twicesafe.testing.contract import StoreContract as Rule

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Path(memory.__file__).read_text()


class Mutant(NamedTuple):
    function: str
    was: str
    now: str
    noticed_by: Callable[..., None]
    case: dict[str, Any] = {}  # what that test is parametrised with

    def open(self) -> memory.MemoryStore:
        """A store of the changed text."""
        start = SOURCE.index(f"def {self.function}(")
        before, was, after = SOURCE[start:].partition(self.was)
        assert was, f"{self.function} of the reference store no longer says {self.was!r}"
        module = ModuleType("twicesafe.stores.mutant")
        module.__package__ = memory.__package__
        exec(SOURCE[:start] + before + self.now + after, vars(module))
        store: memory.MemoryStore = module.MemoryStore()
        return store


OWNER = "not _is_held(found, command.owner)"
SILENT, RELEASED, COMPLETED = {"state": "silent"}, {"state": "released"}, {"state": "completed"}
OVER_LEFTOVER = {"state": "silent", "takes_over": True}

MUTANTS = {
    "a claim does not recognise itself": Mutant(
        "claim",
        "found.owner == command.owner and",
        "False and",
        Rule.test_a_claim_whose_response_was_lost_recognises_itself,
    ),
    "a claim recognises itself in a final record": Mutant(
        "claim",
        "not found.is_final",
        "True",
        Rule.test_a_late_copy_of_a_claim_does_not_turn_a_final_record_back,
        {"status": Status.COMPLETED},
    ),
    "or owner = :me": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "found.is_leftover(command.now) or found.owner == command.owner",
        Rule.test_a_late_copy_of_a_claim_does_not_turn_a_final_record_back,
        {"status": Status.COMPLETED},
    ),
    "the expiry is not looked at": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "False",
        Rule.test_an_expired_leftover_is_replaced_whole,
        OVER_LEFTOVER,
    ),
    "the expiry ends a live lease": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "(found.expires_at is not None and found.expires_at * 1000 <= command.now)",
        Rule.test_a_live_lease_outlives_the_expiry,
    ),
    "a record without expiry expires": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "(found.expires_at or 0) * 1000 <= command.now and not found.is_live(command.now)",
        Rule.test_a_record_without_expiry_stays,
    ),
    "a record expires a second early": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "found.is_leftover(command.now + 1000)",
        Rule.test_a_record_expires_at_its_second_and_not_before,
        COMPLETED,
    ),
    "a leftover's steps are inherited": Mutant(
        "claim",
        "return _new_life(command)",
        "record, _ = _new_life(command)\n"
        "        record = record._replace(steps=found.steps if found else {})\n"
        "        return record, claimed(record)",
        Rule.test_an_expired_leftover_is_replaced_whole,
        OVER_LEFTOVER,
    ),
    "a leftover's attempts are counted on": Mutant(
        "claim",
        "return _new_life(command)",
        "record, _ = _new_life(command)\n"
        "        record = record._replace(attempt=found.attempt + 1 if found else 1)\n"
        "        return record, claimed(record)",
        Rule.test_an_expired_leftover_is_replaced_whole,
        OVER_LEFTOVER,
    ),
    "the fingerprint is not compared": Mutant(
        "claim",
        "found.contradicts(command.fingerprint) or",
        "",
        Rule.test_another_fingerprint_of_the_same_version_changes_nothing,
        SILENT,
    ),
    "fingerprints of other versions are compared": Mutant(
        "claim",
        "found.contradicts(command.fingerprint)",
        "found.fingerprint != command.fingerprint",
        Rule.test_a_fingerprint_that_cannot_be_compared_or_agrees_is_no_obstacle,
        {"state": "silent", "first": "1:abc", "second": "2:abd"},
    ),
    "a take-over brings its own fingerprint": Mutant(
        "_taken",
        "owner=command.owner,",
        "owner=command.owner,\n        fingerprint=command.fingerprint,",
        Rule.test_a_fingerprint_that_cannot_be_compared_or_agrees_is_no_obstacle,
        {"state": "silent", "first": "1:abc", "second": "2:abd"},
    ),
    "a live lease is taken over": Mutant(
        "claim", "or found.is_live(command.now)", "", Rule.test_a_live_lease_is_left_alone
    ),
    "a lease ends a millisecond late": Mutant(
        "claim",
        "found.is_live(command.now)",
        "found.is_live(command.now - 1)",
        Rule.test_a_dead_lease_is_taken_over_with_its_steps,
    ),
    "a lease ends a millisecond early": Mutant(
        "claim", "found.is_live(command.now)", "found.is_live(command.now + 1)", Rule.test_a_live_lease_is_left_alone
    ),
    "a late claim revives a release": Mutant(
        "claim",
        "found.claimed >= command.claimed",
        "False",
        Rule.test_a_late_copy_of_a_claim_does_not_revive_it_once_released,
    ),
    "a claim as old as the last one takes over": Mutant(
        "claim",
        "found.claimed >= command.claimed",
        "found.claimed > command.claimed",
        Rule.test_a_late_copy_of_a_claim_does_not_revive_it_once_released,
    ),
    "a claim later than all that it knows of counts as old": Mutant(
        "claim",
        "found.claimed >= command.claimed",
        "found.claimed >= command.now",
        Rule.test_a_claim_that_knows_of_the_last_one_takes_what_a_fast_clock_released,
    ),
    "such a claim judges leases by its place in the order": Mutant(
        "claim",
        "found.is_live(command.now)",
        "found.is_live(command.claimed)",
        Rule.test_the_place_of_a_claim_in_the_order_says_nothing_of_the_time,
    ),
    "such a claim judges expiries by its place in the order": Mutant(
        "claim",
        "found.is_leftover(command.now)",
        "found.is_leftover(command.claimed)",
        Rule.test_the_place_of_a_claim_in_the_order_says_nothing_of_the_time,
    ),
    "such a claim does not keep its place in the order": Mutant(
        "_taken",
        "claimed=command.claimed",
        "claimed=command.now",
        Rule.test_a_claim_that_knows_of_the_last_one_takes_what_a_fast_clock_released,
    ),
    "an owner does not put its time right": Mutant(
        "claim",
        "found.claimed == command.corrects",
        "False",
        Rule.test_an_owner_puts_the_time_of_its_claim_right,
        {"ahead": 3_600_000},
    ),
    "an owner puts its time right in a final record": Mutant(
        "claim",
        "_is_held(found, command.owner)",
        "found.owner == command.owner",
        Rule.test_an_owner_puts_nothing_right_in_what_is_not_its_own_any_more,
        COMPLETED,
    ),
    "an owner puts its time right again and again": Mutant(
        "claim",
        "found.claimed == command.corrects",
        "command.corrects is not None",
        Rule.test_an_owner_puts_the_time_of_its_claim_right,
        {"ahead": -3_600_000},
    ),
    "a life keeps a start that was wrong": Mutant(
        "_corrected",
        "command.now if found.attempt == 1 else found.started",
        "found.started",
        Rule.test_an_owner_puts_the_time_of_its_claim_right,
        {"ahead": 3_600_000},
    ),
    "a life begins again when its time is put right": Mutant(
        "_corrected",
        "command.now if found.attempt == 1 else found.started",
        "command.now",
        Rule.test_a_later_attempt_puts_its_own_time_right_and_not_the_start_of_the_life,
    ),
    "a silent owner is always taken over": Mutant(
        "claim",
        "not command.takes_over",
        "False",
        Rule.test_a_silent_owner_is_left_alone_by_a_claim_that_may_not_take_over,
    ),
    "a silent owner is never taken over": Mutant(
        "claim", "and not command.takes_over", "", Rule.test_a_dead_lease_is_taken_over_with_its_steps
    ),
    "a released key needs a take-over": Mutant(
        "claim",
        "found.owner is not None and",
        "",
        Rule.test_a_released_key_is_taken_with_its_steps,
        {"takes_over": False},
    ),
    "the attempt does not grow": Mutant(
        "_taken",
        "found.attempt + 1",
        "max(1, found.attempt)",
        Rule.test_each_claim_that_takes_the_key_counts_one_attempt,
    ),
    "steps are lost in a take-over": Mutant(
        "_taken",
        "owner=command.owner,",
        "owner=command.owner,\n        steps={},",
        Rule.test_a_dead_lease_is_taken_over_with_its_steps,
    ),
    "a claim that recognises itself is told its own lease": Mutant(
        "claim",
        "return found, claimed(found)",
        "return found, claimed(found._replace(lease_until=command.lease_until))",
        Rule.test_a_claim_whose_response_was_lost_recognises_itself,
    ),
    "a completion does not recognise itself": Mutant(
        "complete",
        "_is_of(found, command)",
        "False",
        Rule.test_a_completion_whose_response_was_lost_recognises_itself,
    ),
    "any completion recognises itself": Mutant(
        "_is_of",
        "(record.owner, record.status, record.reply) == mine",
        "(record.status, record.reply) == mine[1:]",
        Rule.test_an_owner_that_comes_after_anothers_answer_hears_it,
        {"reply": '"his"'},
    ),
    "any answer of the owner's is this completion": Mutant(
        "_is_of",
        "(record.owner, record.status, record.reply) == mine",
        "record.owner == command.owner",
        Rule.test_an_owner_in_whose_name_another_answer_was_given_hears_it,
        {"status": Status.COMPLETED, "reply": '"by hand"'},
    ),
    "a stranger completes": Mutant("complete", OWNER, "found.is_final", Rule.test_a_stranger_completes_nothing),
    "a completion keeps the steps": Mutant(
        "complete",
        "steps={},",
        "",
        Rule.test_a_completion_keeps_the_answer_and_drops_the_steps,
        {"status": Status.COMPLETED},
    ),
    "a failure is kept as a completion": Mutant(
        "complete",
        "status=command.status",
        "status=Status.COMPLETED",
        Rule.test_a_completion_keeps_the_answer_and_drops_the_steps,
        {"status": Status.FAILED},
    ),
    "an empty reply is none": Mutant(
        "complete",
        "reply=command.reply",
        "reply=command.reply or None",
        Rule.test_an_empty_reply_is_not_a_missing_one,
        {"reply": ""},
    ),
    "a status is a text": Mutant(
        "complete",
        "status=command.status",
        "status=command.status.value",
        Rule.test_a_completion_keeps_the_answer_and_drops_the_steps,
        {"status": Status.COMPLETED},
    ),
    "a stranger releases": Mutant(
        "release",
        OWNER,
        "found.is_final",
        Rule.test_a_release_by_who_is_not_the_owner_in_progress_is_lost,
        {"state": "taken over"},
    ),
    "a final record is released": Mutant(
        "release",
        OWNER,
        "found.owner != command.owner",
        Rule.test_a_release_by_who_is_not_the_owner_in_progress_is_lost,
        COMPLETED,
    ),
    "a release keeps the owner": Mutant(
        "release", "owner=None,", "", Rule.test_a_release_takes_the_owner_out_and_ends_the_lease
    ),
    "a release leaves the time of an earlier claim": Mutant(
        "release",
        "claimed=command.claimed,",
        "",
        Rule.test_after_a_release_no_copy_of_an_earlier_claim_takes_the_key,
    ),
    "a late copy of a release ends a later claim": Mutant(
        "release",
        "or found.claimed > command.claimed",
        "",
        Rule.test_a_late_copy_of_a_release_does_not_end_a_later_claim,
    ),
    "a release drops the steps": Mutant(
        "release", "steps=steps", "steps={}", Rule.test_a_release_takes_the_owner_out_and_ends_the_lease
    ),
    "a release leaves unconfirmed results": Mutant(
        "release", "steps=steps", "steps=found.steps", Rule.test_a_release_takes_unconfirmed_results_along
    ),
    "a release replaces results": Mutant(
        "release",
        "steps=steps",
        "steps={**found.steps, **command.steps}",
        Rule.test_a_release_replaces_no_result_and_releases_all_the_same,
        {"step": Step(True, "2")},
    ),
    "a stranger renews": Mutant(
        "renew",
        OWNER,
        "found.is_final",
        Rule.test_a_renewal_by_who_is_not_the_owner_in_progress_is_lost,
        {"state": "taken over"},
    ),
    "a renewal shortens": Mutant(
        "renew",
        "command.lease_until <= found.lease_until",
        "False",
        Rule.test_a_renewal_never_makes_anything_shorter,
        {"lease": 0},
    ),
    "a renewal does not move the expiry": Mutant(
        "renew", ", expires_at=command.expires_at", "", Rule.test_a_renewal_makes_the_lease_longer
    ),
    "a stranger saves steps": Mutant(
        "save_step",
        OWNER,
        "found.is_final",
        Rule.test_a_step_by_who_is_not_the_owner_in_progress_is_lost,
        {"state": "taken over"},
    ),
    "steps are saved in a final record": Mutant(
        "save_step",
        OWNER,
        "found.owner != command.owner",
        Rule.test_a_step_by_who_is_not_the_owner_in_progress_is_lost,
        COMPLETED,
    ),
    "a result replaces another": Mutant(
        "_merged",
        "known[name] != step",
        "not step.is_result",
        Rule.test_a_result_is_never_replaced,
        {"new": Step(True, "2")},
    ),
    "an intent replaces a result": Mutant(
        "_merged",
        "known[name] != step",
        "known[name] != step and step.is_result",
        Rule.test_a_result_is_never_replaced,
        {"new": Step(False, "2")},
    ),
    "steps replace all others": Mutant(
        "_merged", "{**known, **new}", "dict(new)", Rule.test_steps_are_added_to_those_that_are_known
    ),
    "a kept text has no expiry": Mutant(
        "keep",
        "expires_at=command.expires_at",
        "expires_at=None",
        Rule.test_a_text_is_kept_in_an_item_of_its_own,
        {"text": "x"},
    ),
    "anything is forgotten": Mutant(
        "forget",
        "found == command.seen",
        "found is not None",
        Rule.test_only_what_was_seen_is_forgotten,
        {"change": {"attempt": 9}},
    ),
    "anything is redone": Mutant(
        "redo", "found != command.seen", "False", Rule.test_only_what_was_seen_is_redone, {"change": {"attempt": 9}}
    ),
    "a new generation keeps its steps": Mutant(
        "redo", "steps={},", "", Rule.test_a_new_generation_begins_without_answer_and_steps, SILENT
    ),
    "a new generation counts its attempts anew": Mutant(
        "redo", "reply=None,", "attempt=0,", Rule.test_the_attempts_go_on_counting_in_a_new_generation
    ),
    "a new generation is as old as its life": Mutant(
        "redo",
        "started=max(found.started, command.now),",
        "",
        Rule.test_a_new_generation_begins_without_answer_and_steps,
        SILENT,
    ),
    "a new generation may start before its life": Mutant(
        "redo",
        "max(found.started, command.now)",
        "command.now",
        Rule.test_a_new_generation_never_starts_before_the_old_life,
    ),
    "a step is settled in anything": Mutant(
        "settle_step",
        "found != command.seen",
        "False",
        Rule.test_a_step_is_settled_only_in_what_was_seen,
        {"change": {"attempt": 9}},
    ),
    "a step of an answer is settled": Mutant(
        "settle_step",
        "or found.is_final",
        "",
        Rule.test_nothing_is_said_of_the_steps_of_an_answer,
        {"state": "completed"},
    ),
    "a settled step replaces all others": Mutant(
        "settle_step",
        "{**found.steps, **command.steps}",
        "command.steps",
        Rule.test_a_person_says_what_became_of_a_step,
        {"state": "silent", "step": Step(False, "not had")},
    ),
    "a prefix is not looked at": Mutant(
        "_page", "k.startswith(command.prefix) and", "", Rule.test_a_prefix_without_records_has_one_empty_page
    ),
    "a page skips a record": Mutant(
        "_page", "shown[-1] if", "keys[len(shown)] if", Rule.test_pages_show_each_record_once, {"limit": 3}
    ),
    "a page has no next one": Mutant(
        "_page", "len(keys) > len(shown)", "False", Rule.test_pages_show_each_record_once, {"limit": 3}
    ),
    "nobody waits for another": Mutant(
        "_change",
        "if record is None:",
        "self._lock.release(), threading.Event().wait(0.001), self._lock.acquire()\n        if record is None:",
        Rule.test_one_of_many_owners_gets_an_absent_key,
    ),
}
