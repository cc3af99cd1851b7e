"""What an operation, a reply and a record are taken for."""

from __future__ import annotations

from typing import Any

import pytest

from twicesafe.audit.judge import told
from twicesafe.audit.messages import Answer, AwsRequest
from twicesafe.audit.world import state
from twicesafe.audit.world.effects import of_aws
from twicesafe.audit.world.world import is_content


def effect(service: str, name: str, /, **parameters: Any) -> str:
    request = AwsRequest(
        service, name, parameters, (), False, False, "i", "POST", f"https://{service}/", {}, b"", None, 0.0
    )
    return of_aws(request, is_content_based=lambda _: False, received=()).effect


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("kms", "Verify", "read"),
        ("ses", "VerifyEmailIdentity", "accumulating"),  # it sends a mail
        ("cognito-idp", "GetUserAttributeVerificationCode", "accumulating"),  # it sends a code
        ("cognito-idp", "GetUser", "read"),
    ],
)
def test_what_sends_something_is_no_read(service: str, name: str, expected: str) -> None:
    assert effect(service, name) == expected


def test_an_express_execution_is_not_deduplicated_by_its_name() -> None:
    named = {"stateMachineArn": "arn", "input": "{}", "name": "order-1"}
    assert effect("stepfunctions", "StartExecution", **named) == "keyed"
    assert effect("stepfunctions", "StartSyncExecution", **named) == "accumulating"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"statusCode": 201}, True),
        ({"statusCode": 202, "headers": {"Retry-After": "5"}}, True),  # RFC 9110, 10.2.3: when to ask for the result
        ({"statusCode": 409, "headers": {"retry-after": "5"}}, False),
        ({"statusCode": 409}, True),
        ({"statusCode": 503}, False),
        ({"statusCode": 429, "headers": None}, False),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, False),
    ],
)
def test_who_is_told_to_come_again_is_not_content(reply: Any, expected: bool) -> None:
    assert is_content(reply) is expected


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"statusCode": 201}, {"statusCode": 201, "headers": {"idempotency-replayed": "true"}}),
        ({"statusCode": 201, "headers": None}, {"statusCode": 201, "headers": {"Idempotency-Replayed": "true"}}),
        (
            {"statusCode": 201, "multiValueHeaders": {"a": ["1"]}},
            {"statusCode": 201, "multiValueHeaders": {"a": ["1"], "idempotency-replayed": ["true"]}},
        ),
    ],
)
def test_a_replay_is_the_first_reply_again(first: Any, again: Any) -> None:
    assert told(first) == told(again)


def test_another_header_is_another_reply() -> None:
    assert told({"headers": {"location": "/1"}}) != told({"headers": {"location": "/2"}})


def test_a_record_of_protection_hides_nothing_beside_it_in_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    protection = {"id": "k", "status": "COMPLETED", "expiration": 1, "data": "{}"}
    released = {"id": "r", "status": "INPROGRESS", "expiration": 1}
    counter = {"id": "c", "hits": 2}
    found = [state.Record("dynamodb app", each["id"], each) for each in (protection, released, counter)]
    monkeypatch.setattr(state, "_tables", lambda call: iter(found))
    read = state.read(lambda *_, **__: Answer(200, {}, b""), ["dynamodb"])
    assert [record.value for record in read.records] == [counter]
    assert read.bookkeeping == ("dynamodb app",)
