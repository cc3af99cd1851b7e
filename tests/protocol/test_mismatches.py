"""Which difference is told of two fingerprints under one key, in whatever state its record is."""

from __future__ import annotations

import pytest

from twicesafe.errors import CredentialsMismatch, PayloadMismatch
from twicesafe.protocol.commands import Claim, Claimed, Existing
from twicesafe.protocol.flows import Delivery, execute
from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds, contradict, differ_in_credentials
from twicesafe.protocol.tenure import Instant
from twicesafe.stores.memory import MemoryStore

NOW = Instant(Millis(1_000_000), Millis(0))


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ("1:a", "1:b", PayloadMismatch),
        ("2:a:x", "2:b:x", PayloadMismatch),
        ("2:a:", "2:b:", PayloadMismatch),
        ("2:a:x", "2:a:y", CredentialsMismatch),
        ("2:a:x", "2:b:y", CredentialsMismatch),
        ("2:a:x", "2:a:", CredentialsMismatch),
        ("2:a:", "2:a:x", CredentialsMismatch),
        ("2::", "2::x", CredentialsMismatch),
        ("2::x", "2::", CredentialsMismatch),
        ("2::x", "2::y", CredentialsMismatch),
        ("1:a", "2:b:x", None),
        ("2:b:x", "1:a", None),
        ("", "2:a:x", None),
        ("2:a:x", "", None),
        ("2:a:x", "2:a:x", None),
        ("2::", "2::", None),
    ],
)
def test_other_credentials_are_told_from_another_payload(first: str, second: str, error: type | None) -> None:
    assert contradict(first, second) == (error is not None)
    assert differ_in_credentials(first, second) == (error is CredentialsMismatch)
    store = MemoryStore()
    claim = Claim("k", "ann", NOW.wall, Millis(NOW.wall + 9), Seconds(9_999), first, takes_over=True)
    assert isinstance(store.apply(claim), Claimed)
    flow = execute(Delivery("k", "bob", second), Policy(Seconds(60)))
    next(flow)
    reply = store.apply(flow.send(NOW))  # type: ignore[arg-type]
    assert isinstance(reply, Existing)
    if error is None:
        flow.send(reply)
        flow.close()
        return
    flow.send(reply)
    with pytest.raises(error) as told:
        flow.send(NOW)
    assert type(told.value) is error
