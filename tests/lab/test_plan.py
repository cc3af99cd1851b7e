"""The deliveries of a plan: which, when, and with which event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.conftest import Lab
from twicesafe.lab.loading import Target
from twicesafe.lab.plan import Plan, carry_out, planned
from twicesafe.lab.sandbox import Function

FUNCTION = Function(Target("app", "handler", (".",)), 3.0)
EVENT = {"Records": [{"eventSource": "aws:sqs", "receiptHandle": "AQEBwJnKyrHigUMZj6rYig==", "messageId": "m"}]}


def test_rounds_follow_each_other_and_their_deliveries_are_numbered_through() -> None:
    rounds = list(planned(Plan(FUNCTION, EVENT, rounds=2, at_once=3)))
    assert [(each.number, each.first, each.total, len(each.calls)) for each in rounds] == [(1, 1, 6, 3), (2, 4, 6, 3)]


def test_only_the_first_event_is_as_it_was_given() -> None:
    events = [call.event for each in planned(Plan(FUNCTION, EVENT, rounds=2, at_once=2)) for call in each.calls]
    assert json.loads(events[0]) == EVENT
    assert len(set(events)) == 4


def test_each_delivery_has_a_request_id_of_its_own_unless_one_is_for_all() -> None:
    drawn = [call.request_id for each in planned(Plan(FUNCTION, {}, 2, 2)) for call in each.calls]
    given = [call.request_id for each in planned(Plan(FUNCTION, {}, 2, 2, request_id="r")) for call in each.calls]
    assert (len(set(drawn)), given) == (4, ["r"] * 4)


@pytest.mark.parametrize(
    ("choices", "pauses", "kills"),
    [
        ({}, [0.0, 0.0, 0.0], [None, None, None]),
        ({"kill_after": 1.0}, [0.0, 5.5, 0.0], [1.0, None, None]),  # the time limit, the allowance, and a bit
        ({"kill_after": 1.0, "pause": 0.0}, [0.0, 0.0, 0.0], [1.0, None, None]),
        ({"pause": 7.0}, [0.0, 7.0, 7.0], [None, None, None]),
    ],
)
def test_a_round_after_a_kill_waits_until_the_lease_is_over(
    choices: dict[str, Any], pauses: list[float], kills: list[float | None]
) -> None:
    rounds = list(planned(Plan(FUNCTION, {}, rounds=3, **choices)))
    assert ([each.pause for each in rounds], [each.kill_after for each in rounds]) == (pauses, kills)


def test_a_round_is_named_by_its_deliveries() -> None:
    assert [str(each) for each in planned(Plan(FUNCTION, {}, 2))] == ["delivery 1 of 2", "delivery 2 of 2"]
    assert str(next(planned(Plan(FUNCTION, {}, 1, 2)))) == "deliveries 1 to 2 of 2, at the same moment"


def test_what_goes_on_is_said_while_it_goes_on(lab: Lab) -> None:
    said: list[str] = []
    plan = Plan(lab.function("protected"), {}, rounds=2, pause=0.01, request_id="r-1")
    ended = [(each.number, each.round, each.delivered.ending) for each in carry_out(plan, said.append)]
    assert ended == [(1, 1, "returned"), (2, 2, "returned")]
    assert said == [
        "Starting delivery 1 of 2",
        "Running delivery 1 of 2",
        "Delivery 1: ran",
        "Waiting 0.01 s, as asked",
        "Starting delivery 2 of 2",
        "Running delivery 2 of 2",
        "Delivery 2: replayed",
    ]
