from __future__ import annotations

import json
from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.errors import MalformedEvent
from twicesafe.keys.describe import describe, explain
from twicesafe.keys.sources import key_of, units

FIELDS = [
    "source",
    "class",
    "key",
    "identity",
    "scope",
    "compared",
    "left_out",
    "expires_after",
    "on_conflict",
    "reply_kept",
]


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


def test_a_described_key_is_that_of_the_function_that_is_named() -> None:
    event: Any = {"Records": [s.sqs()]}
    (unit,) = units(event)
    assert describe(event, "orders")[0]["key"] == key_of("orders", unit)
    assert f"Key: {key_of('orders', unit)}" in explain(event, "orders")


def test_an_explanation_says_what_identifies_and_what_was_left_out_and_why() -> None:
    text = explain({"Records": [s.sqs(message_id="a"), s.sqs(message_id="b")]})
    assert "Delivery 2 of 2: sqs, identified by its source." in text
    assert "message_id: b" in text
    assert "Remembered for 14 days." in text
    assert text.count("Left out of the identity:\n  receiptHandle: each receive has another.\n") == 1


def test_an_explanation_says_what_a_duplicate_gets() -> None:
    assert "A duplicate does nothing; nobody reads the reply, so none is kept." in explain({"Records": [s.sqs()]})
    assert "While the first is still running, it is refused, to come again." in explain({"Records": [s.sqs()]})
    assert "A duplicate gets the first reply." in explain(s.http_api())
    assert "While the first is still running, it waits for it." in explain({"Records": [s.s3()]})


def test_an_explanation_says_that_the_functions_name_is_not_known_to_it() -> None:
    assert "FUNCTION stands for the function's name" in explain({"Records": [s.sqs()]})
    assert "FUNCTION" not in explain({"Records": [s.sqs()]}, "orders")
    assert "FUNCTION" not in explain({"order": 7})


def test_an_explanation_names_the_caller_who_has_the_key() -> None:
    text = explain(s.http_api(authorizer={"jwt": {"claims": {"sub": "ann"}}}))
    assert "for the caller with sub: ann" in text
    assert "Remembered for 24 hours." in text


def test_an_explanation_says_what_is_compared_and_why() -> None:
    text = explain({**s.http_api(), "headers": {"idempotency-key": "k-1", "authorization": "Bearer secret"}})
    compared = text.partition("Compared under a key:\n")[2].partition("\n\n")[0]
    refused = "with another one under this key the request is refused"
    unless = "unless @idempotent(scope=...) tells who is calling"
    assert compared.splitlines() == [
        f"  method, path, query, content type, body, domain: {refused}.",
        f"  authorization: nothing has proven whose it is: {refused}, {unless}.",
    ]
    assert "secret" not in text
    assert "proven the caller" not in text


def test_an_explanation_says_what_of_a_proven_caller_is_left_out() -> None:
    event = s.http_api(authorizer={"lambda": {"userId": "ann", "exp": 1, "plan": "pro"}})
    text = explain({**event, "headers": {**event["headers"], "authorization": "Bearer secret"}})
    left_out = text.partition("Left out of the identity:\n")[2]
    assert "for the caller with authorizer.userId: ann" in text
    assert "authorization, x-api-key, cookie: tokens are renewed; the platform has proven the caller" in left_out
    assert "in an authorizer's context: each request or token has others." in left_out
    assert "  authorizer.plan: nothing has proven whose it is" in text


def test_an_explanation_is_true_of_a_caller_who_shows_nothing() -> None:
    text = explain(s.http_api())
    assert "authorization, x-api-key, cookie: the caller shows none: with one under this key" in text
    assert "cookie: it changes" not in text


def test_an_explanation_says_when_a_cookie_is_left_out() -> None:
    text = explain({**s.http_api(), "headers": {"idempotency-key": "k", "authorization": "a", "cookie": "b"}})
    assert "cookie: it changes with each visit" in text


def test_a_caller_is_explained_where_there_is_no_key_either() -> None:
    text = explain(s.http_api(key=None, authorizer={"jwt": {"claims": {"sub": "ann"}}}))
    assert "for the caller with sub: ann" in text.partition("No key. ")[2]


def test_a_program_is_told_what_an_explanation_says() -> None:
    (described,) = describe({**s.http_api(stage="prod"), "cookies": ["sid=1"]})
    assert described["identity"] == {
        "method": "POST",
        "route": "POST /orders",
        "stage": "prod",
        "idempotency-key": "k-1",
    }
    assert "cookie" in described["compared"]  # type: ignore[operator]
    assert "cookie" not in described["left_out"]  # type: ignore[operator]


def test_an_expiry_is_said_in_days_and_hours() -> None:
    assert "Remembered for 7 days and 1 hour." in explain({"Records": [s.kinesis()]})
    assert "Remembered for 30 hours." in explain(s.envelope())


@pytest.mark.parametrize(
    ("event", "kind", "remedy"),
    [
        (
            {"order": 7},
            "direct, not identified by anything in it",
            "Lambda's request id, which only Lambda's own retries",
        ),
        (s.http_api(key=None), "http-api, identified by its caller", "@idempotent(require_key=True) insists on one"),
        (s.SAMPLES["firehose"][0], "firehose, run each time, on purpose", "unless @idempotent(key=...) gives it one"),
    ],
)
def test_an_explanation_says_why_there_is_no_key_and_what_to_do(event: Any, kind: str, remedy: str) -> None:
    text = explain(event)
    assert f"Delivery 1 of 1: {kind}" in text
    assert remedy in text.partition("No key. ")[2]
    assert "A duplicate" not in text


@pytest.mark.parametrize("say", [describe, explain])
def test_a_malformed_event_is_not_described(say: Any) -> None:
    with pytest.raises(MalformedEvent):
        say({"Records": [{"eventSource": "aws:sqs"}]})
