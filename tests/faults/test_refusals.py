"""What DynamoDB says when asking again cannot help: told with its remedy, before any effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import refused
from twicesafe.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from tests.faults.delivery import Worker
    from tests.faults.proxy import FaultProxy

ALWAYS = 99
NOT_AUTHORIZED = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: dynamodb:UpdateItem"


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("ResourceNotFoundException", "Requested resource not found", "twicesafe table --name faults create"),
        ("AccessDeniedException", NOT_AUTHORIZED, "prints the IAM policy"),
        ("AccessDeniedException", "KMS key access denied error: The ciphertext refers to a", "kms:Decrypt on that key"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", "valid AWS credent"),
        ("ExpiredTokenException", "The security token included in the request is expired", "valid AWS credentials"),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than", "clock"),
        ("ValidationException", "The provided key element does not match the schema", "attribute.id=PK"),
        ("ValidationException", "Item size to update has exceeded the maximum allowed size", "Return less"),
        ("ValidationException", "1 validation error detected", "refused a request, and would again"),
        ("LimitExceededException", "Subscriber limit exceeded", "refused a request, and would again"),
    ],
)
def test_a_refusal_that_would_come_again_names_its_remedy_before_any_effect(
    worker: Worker, proxy: FaultProxy, code: str, message: str, remedy: str
) -> None:
    proxy.befall("claim", refused(400, code, message), ALWAYS)
    with pytest.raises(ConfigurationError, match=remedy) as refusal:
        worker.deliver()
    assert "faults" in str(refusal.value)
    assert code in str(refusal.value)
    assert refusal.value.__cause__ is not None
    assert proxy.commands == ["claim"]  # and it is not tried again
    assert worker.charges == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ProvisionedThroughputExceededException"), (429, "Whatever"), (500, "InternalServerError"), (502, "x")],
)
def test_a_server_that_is_not_well_is_unavailable_and_not_asked_for_long(
    worker: Worker, proxy: FaultProxy, status: int, code: str
) -> None:
    proxy.befall("claim", refused(status, code), ALWAYS)
    proxy.befall("release", refused(status, code), ALWAYS)
    with pytest.raises(StoreUnavailable, match=code) as refusal:
        worker.deliver()
    assert refusal.value.key == worker.key
    assert refusal.value.__cause__ is not None
    assert proxy.commands == ["claim", "claim", "release", "release"]
    assert worker.charges == 0


def test_what_a_transaction_keeps_away_is_sent_again_more_often(worker: Worker, proxy: FaultProxy) -> None:
    proxy.befall("claim", refused(400, "TransactionConflictException"), times=5)
    worker.deliver()
    assert proxy.commands[:6] == ["claim"] * 6
    assert worker.charges == 1
