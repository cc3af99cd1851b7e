"""The decorator that a fix shows: it must protect, so an event that says nothing of itself needs a key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twicesafe.audit.protection import decorator_for
from twicesafe.keys.sources import units


def post(body: str | None, **headers: str) -> dict[str, Any]:
    http = {"method": "POST", "path": "/orders"}
    context = {"http": http, "requestId": "req-1"}
    return {"version": "2.0", "routeKey": "POST /orders", "headers": headers, "requestContext": context, "body": body}


QUEUED = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "messageId": "m-1", "body": "{}"}
LEX = {"messageVersion": "1.0", "bot": {"id": "b-1"}, "sessionState": {}, "invocationSource": "FulfillmentCodeHook"}


@pytest.mark.parametrize(
    ("event", "decorator"),
    [
        ({"Records": [QUEUED]}, "@idempotent"),
        (post("{}", **{"idempotency-key": "k-1"}), "@idempotent"),
        (post(json.dumps({"customer_id": "c-1", "order_id": "o-1"})), '@idempotent(key="json(body).order_id")'),
        (post(json.dumps({"id": "o-1", "requestId": "r-1"})), '@idempotent(key="json(body).requestId")'),
        (post(json.dumps({"order": {"id": "o-1"}})), '@idempotent(key="json(body).order.id")'),
        (post(json.dumps({"customer_id": "c-1", "order-id": "o-1"})), "@idempotent(key=…)"),
        (post("order=o-1"), "@idempotent(key=…)"),
        (post(None), "@idempotent(key=…)"),
        ({"order_id": "o-1"}, '@idempotent(key="order_id")'),
        ({"order_id": ""}, "@idempotent(key=…)"),
        ("o-1", "@idempotent(key=…)"),
        (LEX, "@idempotent(key=…)"),
    ],
)
def test_an_event_that_does_not_say_what_it_is_needs_a_key(event: Any, decorator: str) -> None:
    assert decorator_for(event, units(event)[0]) == decorator
