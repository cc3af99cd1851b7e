"""Forget, Redo, SettleStep and List: what a person does, and only to what they saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Claimed, Done, Existing, List, Lost
from ...protocol.records import Millis, Record, Seconds, Status, Step
from ..trial import LEASE, Trial
from .claims import every_state, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.commands import StoreCommand, StoreReply

CHANGES: list[dict[str, object]] = [
    {"status": Status.FAILED},
    {"owner": "someone else"},
    {"owner": None},
    {"attempt": 9},
    {"started": Millis(1)},
    {"claimed": Millis(1)},
    {"lease_until": Millis(1)},
    {"expires_at": Seconds(4_000_000_000)},
    {"expires_at": None},
    {"fingerprint": "1:other"},
    {"reply": '"seen"'},
    {"steps": {}},
    {"steps": {"charge": Step(True, '"ch_2"'), "mail": Step(False, "")}},
    {"steps": {"charge": Step(True, '"ch_1"'), "mail": Step(True, "")}},
    {"generation": 1},
]


def listed(trial: Trial, prefix: str, limit: int) -> list[list[Record]]:
    """All pages of a listing."""
    pages, after = [], None
    while True:
        page = trial.apply(List(prefix, after, limit))
        pages.append(list(page.records))
        after = page.after
        if after is None:
            return pages


class ByHandRules:
    """Looking, and changing what was seen."""

    @every_state
    def test_what_was_seen_can_be_forgotten(self, trial: Trial, state: str) -> None:
        record = settled(trial, state)
        assert trial.forget(record) == Done()
        assert trial.load() is None
        claim = trial.claim("bob")
        assert claim == Claimed(1, trial.now, Millis(trial.now + LEASE), {}, 0)

    @pytest.mark.parametrize("change", CHANGES)
    def test_only_what_was_seen_is_forgotten(self, trial: Trial, change: dict[str, object]) -> None:
        record = settled(trial, "silent", fingerprint="1:abc")
        seen = record._replace(**change)  # type: ignore[arg-type] # a field and its value
        assert trial.forget(seen) == Lost(record)
        assert trial.load() == record

    def test_an_absent_record_cannot_be_forgotten(self, trial: Trial) -> None:
        record = settled(trial, "silent")
        trial.forget(record)
        assert trial.forget(record) == Lost(None)

    @every_state
    def test_a_new_generation_begins_without_answer_and_steps(self, trial: Trial, state: str) -> None:
        record = settled(trial, state, fingerprint="1:abc")
        assert trial.redo(record, expires_after=99) == Done()
        assert trial.load() == record._replace(
            status=Status.IN_PROGRESS,
            owner=None,
            lease_until=Millis(0),
            expires_at=trial.expires_at(99),
            reply=None,
            steps={},
            started=trial.now,
            generation=1,
        )

    def test_a_new_generation_never_starts_before_the_old_life(self, trial: Trial) -> None:
        record = settled(trial, "completed")
        trial.time_passes(-LEASE - 1)
        trial.redo(record)
        assert trial.found().started == record.started

    def test_the_attempts_go_on_counting_in_a_new_generation(self, trial: Trial) -> None:
        record = settled(trial, "completed")
        trial.redo(record)
        claim = trial.claim("bob", takes_over=False)
        assert claim == Claimed(2, trial.now, Millis(trial.now + LEASE), {}, 1)
        assert trial.claim("bob") == claim

    def test_the_fingerprint_is_compared_in_a_new_generation(self, trial: Trial) -> None:
        trial.redo(settled(trial, "completed", fingerprint="1:abc"))
        assert trial.claim("bob", fingerprint="1:abd") == Existing(trial.found())

    def test_a_late_copy_of_the_old_claim_does_not_run_in_a_new_generation(self, trial: Trial) -> None:
        trial.claim("ann")
        trial.complete("ann")
        trial.redo(trial.found())
        record = trial.found()
        assert trial.claim("ann") == Existing(record)
        assert trial.complete("ann") == Lost(record)

    def test_generations_are_counted(self, trial: Trial) -> None:
        trial.claim("ann")
        for _ in range(3):
            trial.redo(trial.found())
        assert trial.found().generation == 3

    @pytest.mark.parametrize("change", CHANGES)
    def test_only_what_was_seen_is_redone(self, trial: Trial, change: dict[str, object]) -> None:
        record = settled(trial, "silent", fingerprint="1:abc")
        seen = record._replace(**change)  # type: ignore[arg-type] # a field and its value
        assert trial.redo(seen) == Lost(record)
        assert trial.load() == record

    def test_an_absent_record_cannot_be_redone(self, trial: Trial) -> None:
        record = settled(trial, "silent")
        trial.forget(record)
        assert trial.redo(record) == Lost(None)
        assert trial.load() is None

    @pytest.mark.parametrize("state", ["silent", "released"])
    @pytest.mark.parametrize("step", [Step(True, '"m_1"'), Step(False, "not had")])
    def test_a_person_says_what_became_of_a_step(self, trial: Trial, state: str, step: Step) -> None:
        record = settled(trial, state)
        assert trial.settle_step(record, {"mail": step}, expires_after=99) == Done()
        steps = {**record.steps, "mail": step}
        assert trial.load() == record._replace(steps=steps, expires_at=trial.expires_at(99))

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_nothing_is_said_of_the_steps_of_an_answer(self, trial: Trial, state: str) -> None:
        record = settled(trial, state)
        assert trial.settle_step(record, {"mail": Step(True, "1")}) == Lost(record)
        assert trial.load() == record

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_step_is_settled_only_in_what_was_seen(self, trial: Trial, change: dict[str, object]) -> None:
        record = settled(trial, "silent", fingerprint="1:abc")
        seen = record._replace(**change)  # type: ignore[arg-type] # a field and its value
        assert trial.settle_step(seen, {"mail": Step(True, "1")}) == Lost(record)
        assert trial.load() == record

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
    def test_pages_show_each_record_once(
        self, apply: Callable[[StoreCommand], StoreReply], trial: Trial, limit: int
    ) -> None:
        for number in range(7):
            Trial(apply, f"{trial.key}/{number}").claim("ann")
        pages = listed(trial, trial.key, limit)
        assert all(len(page) <= limit for page in pages)
        keys = [record.key for page in pages for record in page]
        assert sorted(keys) == [f"{trial.key}/{number}" for number in range(7)]

    @every_state
    def test_a_page_shows_whole_records(self, trial: Trial, state: str) -> None:
        record = settled(trial, state, fingerprint="1:abc")
        assert listed(trial, trial.key, 10) == [[record]]

    def test_a_prefix_without_records_has_one_empty_page(self, trial: Trial) -> None:
        trial.claim("ann")
        assert listed(trial, trial.key + "/", 10) == [[]]

    @pytest.mark.parametrize("wild", ["%", "_", "*", "?", "[a]", ".", "\\", "'", '"'])
    def test_a_prefix_is_not_a_pattern(
        self, apply: Callable[[StoreCommand], StoreReply], trial: Trial, wild: str
    ) -> None:
        Trial(apply, f"{trial.key}/{wild}/1").claim("ann")
        Trial(apply, f"{trial.key}/a/1").claim("ann")
        (page,) = listed(trial, f"{trial.key}/{wild}", 10)
        assert [record.key for record in page] == [f"{trial.key}/{wild}/1"]

    def test_an_empty_prefix_finds_every_record(self, trial: Trial) -> None:
        trial.claim("ann")
        assert trial.key in {record.key for page in listed(trial, "", 100) for record in page}
