from __future__ import annotations

import json
from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.errors import MalformedEvent
from twicesafe.keys.describe import describe, explain
from twicesafe.keys.sources import key_of, units

FIELDS = ["source", "class", "key", "identity", "expires_after", "on_conflict", "reply_kept"]


@pytest.mark.parametrize("name", s.SAMPLES)
def test_each_delivery_is_described_for_programs(name: str) -> None:
    event = s.SAMPLES[name][0]
    found = json.loads(json.dumps(describe(event)))
    assert [list(described) for described in found] == [FIELDS] * len(units(event))


def test_a_described_key_is_that_of_the_function_but_for_its_name() -> None:
    event: Any = {"Records": [s.sqs(message_id="a"), s.sqs(message_id="b")]}
    assert [described["key"] for described in describe(event)] == [key_of("FUNCTION", unit) for unit in units(event)]


def test_what_has_no_identity_has_no_key() -> None:
    (described,) = describe({"order": 7})
    assert (described["class"], described["key"], described["identity"]) == ("explicit", None, None)


def test_an_explanation_says_what_identifies_and_what_was_left_out_and_why() -> None:
    text = explain({"Records": [s.sqs(message_id="a"), s.sqs(message_id="b")]})
    assert "Delivery 2 of 2: sqs, identified by its source." in text
    assert "message_id: b" in text
    assert "Remembered for 14 days." in text
    assert "Left out: receiptHandle: each receive has another." in text


def test_an_explanation_names_the_caller_who_has_the_key() -> None:
    text = explain(s.http_api(authorizer={"jwt": {"claims": {"sub": "ann"}}}))
    assert "for the caller with sub: ann" in text
    assert "Remembered for 24 hours." in text


def test_an_explanation_says_that_nothing_identifies_it() -> None:
    text = explain({"order": 7})
    assert "direct, not identified: say key=" in text
    assert "No key" in text


@pytest.mark.parametrize("say", [describe, explain])
def test_a_malformed_event_is_not_described(say: Any) -> None:
    with pytest.raises(MalformedEvent):
        say({"Records": [{"eventSource": "aws:sqs"}]})
