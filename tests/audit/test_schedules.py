"""Schedules as text and as values."""

from __future__ import annotations

import pytest

from twicesafe.audit import schedules
from twicesafe.audit.schedules import BadSchedule, parse


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("run 1", None),
        ("run 1; run 2", "every redelivery"),
        ("run 1; run 2 warm", "warm"),
        ("run 1 2; kill 1; run 2", "crash"),
        ("run 1 2; run 2 soon; run 1", "overlap"),
        ("run 1 2; lose 1; run 1; run 2", "lost answer"),
        ("run 1 2; kill 1; run 2 1; kill 2; run 3", "two crashes"),
    ],
)
def test_a_schedule_is_the_same_as_text_and_has_its_class(text: str, when: str | None) -> None:
    assert str(parse(text)) == text
    assert parse(text).when == when


def test_all_schedules_that_there_are_can_be_read_again() -> None:
    found = [
        *schedules.again(),
        *schedules.crashes([1, 3]),
        *schedules.overlaps(4),
        *schedules.lost_answers([1, 3]),
        *schedules.switches(3),
        *schedules.double_crashes([1, 3], 3),
    ]
    assert [parse(str(each)) for each in found] == found
    assert len(set(map(str, found))) == len(found) == 3 + 2 + 4 + 2 + 4 + 6


@pytest.mark.parametrize(
    "text", ["", "jump 1", "run", "run 9", "run 1 0", "run 1 soonish", "kill 1", "run 1; lose 2", "kill 1 2"]
)
def test_what_is_no_schedule_is_refused_with_its_own_words(text: str) -> None:
    with pytest.raises(BadSchedule) as refusal:
        parse(text)
    assert len(str(refusal.value)) > 20


def test_a_delivery_that_overlaps_comes_a_second_later_and_others_much_later() -> None:
    overlapping, later = schedules.overlaps(1)[0].actions[1], schedules.again()[0].actions[1]
    assert (schedules.offset(overlapping), schedules.offset(later)) == (1.0, 120.0)


def test_a_sample_is_spread_and_never_larger() -> None:
    found = schedules.switches(13)
    assert len(schedules.sample(found)) == schedules.SAMPLE
    assert schedules.sample(found[:5]) == found[:5]
    assert schedules.sample(found)[-1] in found[-5:]
    assert schedules.sample(found, 0) == []
