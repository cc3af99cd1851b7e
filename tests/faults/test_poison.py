"""Records that somebody spoiled: a protected function hears of it before any effect, and what to do."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from twicesafe.errors import CorruptRecord
from twicesafe.execution.current import current_execution
from twicesafe.execution.steps import step
from twicesafe.idempotent import idempotent
from twicesafe.protocol.records import Millis, Record, Status, Step
from twicesafe.stores.dynamodb import DynamoDBStore, items
from twicesafe.stores.sqlite import SqliteStore, dialect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.ledger import Ledger
    from twicesafe.stores.base import Store


class Table(Protocol):
    """Where records are, by hand."""

    store: Store

    def put(self, record: Record) -> None: ...
    def spoil(self, key: str, field: str, value: Any) -> None: ...
    def remove(self, key: str) -> None: ...


class SqliteTable:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self._file = sqlite3.connect(path, isolation_level=None)

    def put(self, record: Record) -> None:
        self.remove(record.key)
        self._file.execute(dialect.INSERT, dialect.write(record))

    def spoil(self, key: str, field: str, value: Any) -> None:
        self._file.execute(f"UPDATE records SET {field} = ? WHERE key = ?", (value, key))

    def remove(self, key: str) -> None:
        self._file.execute("DELETE FROM records WHERE key = ?", (key,))

    def close(self) -> None:
        self._file.close()
        self.store.close()


class DynamoDBTable:
    """A table; None takes an attribute out."""

    def __init__(self, table: str, endpoint: str) -> None:
        self.store = DynamoDBStore(table, endpoint=endpoint, read_timeout=20)
        self._table = table
        self._by_hand = DynamoDBStore(table, endpoint=endpoint, connection="botocore", read_timeout=20)
        self._client: Any = self._by_hand._connection.client

    def put(self, record: Record) -> None:
        self._client.put_item(TableName=self._table, Item=items.write(record, self.store.layout))

    def spoil(self, key: str, field: str, value: Any) -> None:
        update: dict[str, Any] = {"AttributeUpdates": {field: {"Action": "DELETE"}}}
        if value is not None:
            update = {"AttributeUpdates": {field: {"Action": "PUT", "Value": value}}}
        self._client.update_item(TableName=self._table, Key=self.store.layout.key(key), **update)

    def remove(self, key: str) -> None:
        self._client.delete_item(TableName=self._table, Key=self.store.layout.key(key))

    def close(self) -> None:
        self._by_hand.close()
        self.store.close()


@pytest.fixture(params=["sqlite", "dynamodb"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    if request.param == "sqlite":
        opened: SqliteTable | DynamoDBTable = SqliteTable(tmp_path / "records.db")
    else:
        opened = DynamoDBTable(request.getfixturevalue("table"), request.getfixturevalue("dynamodb_endpoint"))
    with closing(opened):
        yield opened


class Payment:
    """A protected function whose effect is counted elsewhere."""

    def __init__(self, kept: Table, effects: Ledger) -> None:
        self.kept = kept
        self.order = f"order-{os.urandom(8).hex()}"
        self.keys: dict[str, str | None] = {}

        @idempotent(store=kept.store, name="pay")
        def pay(order: str) -> str:
            self.keys[order] = current_execution().key
            effects.add(order)
            return f"paid {step('note', str.upper, order)}"

        self._pay = pay
        self._effects = effects

    def deliver(self, order: str = "") -> str:
        return self._pay(order or self.order)

    @property
    def charges(self) -> int:
        return self._effects.count(self.order)

    @property
    def key(self) -> str:
        """The record's, known from the first delivery."""
        key = self.keys[self.order]
        assert key is not None
        return key


@pytest.fixture
def payment(kept: Table, effects: Ledger) -> Payment:
    return Payment(kept, effects)


class Poison(NamedTuple):
    field: str
    value: Any
    said: str


POISONED = {
    "sqlite": [
        Poison("status", "DONE", "status is not known"),
        Poison("attempt", "one", "attempt is of the type str"),
        Poison("claimed", 0.5, "claimed is of the type float"),
        Poison("reply", b"\x00", "reply is of the type bytes"),
        Poison("reply", "{", "cannot be read"),
        Poison("reply", None, "its reply is missing"),
        Poison("steps", "{", "steps are not as they are written"),
    ],
    "dynamodb": [
        Poison("status", None, "'status' is missing"),
        Poison("status", {"S": "EXPIRED"}, "'status' is not known"),
        Poison("attempt", {"S": "1"}, "'attempt' is of the type S, not N"),
        Poison("attempt", {"N": "1.5"}, "'attempt' is not a whole number"),
        Poison("validation", None, "'validation' is missing"),
        Poison("v", {"N": "2"}, "version 2, and this twicesafe knows version 1 only"),
        Poison("data", {"S": "{"}, "cannot be read"),
        Poison("data", None, "its reply is missing"),
        Poison("steps", {"L": []}, "'steps' are not a map"),
    ],
}


@pytest.mark.parametrize(
    ("kept", "poison"), [(store, poison) for store, all_ in POISONED.items() for poison in all_], indirect=["kept"]
)
def test_a_record_that_was_spoiled_is_told_before_any_effect_until_it_is_removed(
    payment: Payment, poison: Poison
) -> None:
    reply = payment.deliver()
    payment.kept.spoil(payment.key, poison.field, poison.value)
    for _ in range(3):
        with pytest.raises(CorruptRecord, match=poison.said) as told:
            payment.deliver()
        assert told.value.key == payment.key
        assert "remove it there if this key may run again" in str(told.value)
    assert payment.charges == 1
    assert payment.deliver(f"another {payment.order}").startswith("paid")
    payment.kept.remove(payment.key)
    assert payment.deliver() == reply
    assert payment.charges == 2


def in_progress(key: str, **fields: Any) -> Record:
    """A record that was claimed long ago, and released."""
    record = Record(key, Status.IN_PROGRESS, None, 1, Millis(1), Millis(1), Millis(0), None)
    return record._replace(**fields)


def next_year() -> Millis:
    return Millis(time.time_ns() // 1_000_000 + 365 * 86_400_000)


def test_a_lease_that_no_policy_grants_is_told_and_not_waited_for(payment: Payment) -> None:
    payment.deliver()
    payment.kept.put(in_progress(payment.key, owner="ann", lease_until=next_year()))
    with pytest.raises(CorruptRecord, match="later than any that is granted"):
        payment.deliver()
    assert payment.charges == 1


def test_a_claim_from_the_future_is_told_and_not_waited_for(payment: Payment) -> None:
    payment.deliver()
    payment.kept.put(in_progress(payment.key, claimed=next_year()))
    with pytest.raises(CorruptRecord, match="later than any that is granted"):
        payment.deliver()
    assert payment.charges == 1


def test_a_step_whose_result_was_spoiled_is_told_and_does_not_run(payment: Payment) -> None:
    payment.deliver()
    payment.kept.put(in_progress(payment.key, steps={"note": Step(True, "{")}))
    for _ in range(2):
        with pytest.raises(CorruptRecord):
            payment.deliver()
