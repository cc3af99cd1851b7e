"""The payment server of the demo: it takes money once for each Idempotency-Key, and each time without."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from twicesafe.lab.payments import PaymentServer


@pytest.fixture
def payments() -> Iterator[PaymentServer]:
    with PaymentServer() as server:
        yield server


def charge(payments: PaymentServer, key: str | None = None, path: str = "/v1/charges", body: Any = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    content = json.dumps({"amount": 4900} if body is None else body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{payments.url}{path}", content, headers), timeout=10
    ) as answer:
        return answer.headers["Idempotent-Replayed"], json.load(answer)


def test_without_a_key_each_request_is_a_charge(payments: PaymentServer) -> None:
    assert [charge(payments)[1]["id"], charge(payments)[1]["id"]] == ["ch_1", "ch_2"]
    assert (payments.ledger.requests, len(payments.ledger.charges)) == (2, 2)


def test_under_one_key_there_is_one_charge_and_one_answer(payments: PaymentServer) -> None:
    first, second = charge(payments, "k"), charge(payments, "k")
    assert (first[0], second[0]) == (None, "true")
    assert first[1] == second[1] == {"id": "ch_1", "amount": 4900}
    assert (payments.ledger.requests, len(payments.ledger.charges)) == (2, 1)


def test_a_key_with_another_request_is_refused(payments: PaymentServer) -> None:
    charge(payments, "k")
    with pytest.raises(urllib.error.HTTPError) as refused:
        charge(payments, "k", body={"amount": 1})
    with refused.value:
        assert refused.value.code == 400
    assert len(payments.ledger.charges) == 1


def test_another_path_is_not_found(payments: PaymentServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        charge(payments, path="/v1/refunds")
    with refused.value:
        assert refused.value.code == 404


def test_a_charge_is_in_the_ledger_before_it_is_answered(payments: PaymentServer) -> None:
    seen = []
    payments.before_answering = lambda charge, is_new: seen.append((payments.ledger.charges[-1] == charge, is_new))
    charge(payments, "k")
    charge(payments, "k")
    assert seen == [(True, True), (True, False)]
