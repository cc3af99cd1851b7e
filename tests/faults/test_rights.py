"""A store that takes claims and no completions: the first is refused before its effect, or is the last that runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.faults import refused
from tests.faults.proxy import answer
from twicesafe.errors import ConfigurationError, NotRecorded, StoreUnavailable
from twicesafe.execution.current import current_execution
from twicesafe.execution.steps import step
from twicesafe.idempotent import idempotent
from twicesafe.stores.dynamodb import DynamoDBStore

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from tests.faults.ledger import Ledger
    from tests.faults.proxy import Exchange, Fault, FaultProxy

ALWAYS = 99


def denied(operation: str) -> Fault:
    """As DynamoDB says it, where a role lacks the right."""
    words = (
        f"User: arn:aws:sts::123456789012:assumed-role/pay/pay is not authorized to perform: dynamodb:{operation} on "
        "resource: arn:aws:dynamodb:eu-west-1:123456789012:table/faults because no identity-based policy allows the "
        f"dynamodb:{operation} action"
    )
    body = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": words}

    def is_denied(exchange: Exchange) -> None:
        exchange.answer(answer(400, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.0"}))

    return is_denied


class Payments:
    """A protected function in a process that has just started, sync or async, on a store of its own."""

    def __init__(self, store: DynamoDBStore, effects: Ledger, loop: asyncio.AbstractEventLoop | None) -> None:
        self.store = store
        self.effects = effects
        self.run = os.urandom(8).hex()
        self.in_the_middle: Callable[[], object] = lambda: None
        self.pays: Callable[[str], Any] = lambda order: self.pay(order)

        @idempotent(store=store, name="pay")
        def pay(order: str) -> str:
            return self._pay(order)

        @idempotent(store=store, name="pay_async")
        async def pay_async(order: str) -> str:
            return self._pay(order)

        self.deliver: Callable[[str], str] = (
            pay if loop is None else lambda order: loop.run_until_complete(pay_async(order))
        )

    def pay(self, order: str) -> str:
        self.effects.add(self.run)
        self.in_the_middle()
        return f"paid {order}"

    def _pay(self, order: str) -> str:
        reply: str = self.pays(order)
        return reply

    @property
    def charges(self) -> int:
        return self.effects.count(self.run)

    def refuse(self, *orders: str, match: str, kind: type[Exception] = ConfigurationError) -> None:
        """Each order is refused, with no charge more."""
        charges = self.charges
        for order in orders:
            with pytest.raises(kind, match=match):
                self.deliver(f"{self.run} {order}")
        assert self.charges == charges

    def fail(self, order: str, match: str) -> None:
        """The order is paid, and not recorded."""
        with pytest.raises(NotRecorded, match=match) as told:
            self.deliver(f"{self.run} {order}")
        assert told.value.reply == f"paid {self.run} {order}"

    def succeed(self, *orders: str) -> None:
        for order in orders:
            assert self.deliver(f"{self.run} {order}") == f"paid {self.run} {order}"


@pytest.fixture(params=["sync", "async"])
def payments(
    proxy: FaultProxy,
    table: str,
    connection: Any,
    effects: Ledger,
    loop: asyncio.AbstractEventLoop,
    request: pytest.FixtureRequest,
) -> Iterator[Payments]:
    store = DynamoDBStore(table, connection=connection, endpoint=proxy.endpoint, connect_timeout=5, read_timeout=5)
    yield Payments(store, effects, loop if request.param == "async" else None)
    store.close()


def test_a_role_that_may_only_put_items_is_refused_before_the_first_effect(
    payments: Payments, proxy: FaultProxy
) -> None:
    proxy.befall("UpdateItem", denied("UpdateItem"), ALWAYS)
    payments.refuse("1", "1", "2", match="not authorized to perform: dynamodb:UpdateItem.*prints the IAM policy")
    assert payments.charges == 0
    assert proxy.commands == ["claim"] * 3
    proxy.heal()
    payments.succeed("1", "2")


def test_a_role_that_may_only_update_items_is_refused_once_a_claim_needs_the_other_right(
    payments: Payments, proxy: FaultProxy
) -> None:
    proxy.befall("PutItem", denied("PutItem"), ALWAYS)
    payments.succeed("1")
    payments.refuse("2", "1", match="dynamodb:PutItem")
    assert payments.charges == 1


def test_the_first_claim_of_a_process_costs_no_request_more(payments: Payments, proxy: FaultProxy) -> None:
    payments.succeed("1", "2")
    assert proxy.commands == ["claim", "complete"] * 2


def test_after_a_minute_without_deliveries_a_lost_right_is_met_before_the_effect(
    payments: Payments, proxy: FaultProxy
) -> None:
    payments.succeed("1")
    proxy.befall("UpdateItem", denied("UpdateItem"), ALWAYS)
    payments.store._proven_at -= 60
    payments.refuse("2", match="dynamodb:UpdateItem")
    assert payments.charges == 1


def test_a_right_that_is_lost_in_the_middle_is_named_once_and_nothing_more_runs(
    payments: Payments, proxy: FaultProxy
) -> None:
    payments.succeed("1")
    payments.in_the_middle = lambda: proxy.befall("UpdateItem", denied("UpdateItem"), ALWAYS)
    payments.fail("2", match=r"did not confirm it: .*dynamodb:UpdateItem.*prints the IAM policy")
    payments.refuse("2", "3", "1", match="dynamodb:UpdateItem.*An earlier delivery in this process, 'pay.*nothing more")
    assert payments.charges == 2
    assert "release" not in proxy.commands


def test_what_was_not_recorded_is_recorded_once_the_right_is_there_again(payments: Payments, proxy: FaultProxy) -> None:
    payments.in_the_middle = lambda: proxy.befall("UpdateItem", denied("UpdateItem"), ALWAYS)
    payments.fail("1", match="dynamodb:UpdateItem")
    payments.refuse("2", match="dynamodb:UpdateItem")
    proxy.forget()
    payments.in_the_middle = lambda: None
    payments.succeed("2", "1", "2")
    assert payments.charges == 2
    assert proxy.commands == ["complete", "claim", "complete", "claim", "claim"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFoundException", "Requested resource not found"),
        ("ValidationException", "The provided key element does not match the schema"),
        ("KMSAccessDeniedException", "The ciphertext refers to a customer master key that may not be used"),
        ("AccessDeniedException", "KMS key access denied"),
        ("UnrecognizedClientException", "The security token included in the request is invalid."),
    ],
)
def test_each_refusal_that_would_come_again_lets_nothing_more_run(
    payments: Payments, proxy: FaultProxy, code: str, message: str
) -> None:
    payments.in_the_middle = lambda: proxy.befall("complete", refused(400, code, message), ALWAYS)
    payments.fail("1", match=code)
    payments.refuse("1", "2", match=code)
    assert payments.charges == 1


def test_a_record_that_is_refused_for_itself_stands_in_no_others_way(payments: Payments, proxy: FaultProxy) -> None:
    too_large = refused(400, "ValidationException", "Item size to update has exceeded the maximum allowed size")
    payments.in_the_middle = lambda: proxy.befall("complete", too_large, 1)
    payments.fail("1", match="over the 400 KB")
    payments.in_the_middle = lambda: None
    payments.succeed("2")


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_where_updates_get_no_answer_the_next_claim_is_an_update_too(
    payments: Payments, proxy: FaultProxy, code: str
) -> None:
    payments.succeed("1")
    payments.in_the_middle = lambda: proxy.befall("UpdateItem", refused(400 + 100 * ("In" in code), code), ALWAYS)
    payments.fail("2", match=code)
    payments.refuse("2", "3", match=code, kind=StoreUnavailable)
    assert payments.charges == 2


def test_a_step_whose_result_could_not_be_recorded_is_recorded_before_anything_runs(
    payments: Payments, proxy: FaultProxy
) -> None:
    def in_a_step(order: str) -> str:
        return step("pay", payments.pay, order)

    payments.pays = in_a_step
    payments.in_the_middle = lambda: proxy.befall("UpdateItem", denied("UpdateItem"), ALWAYS)
    with pytest.raises(ConfigurationError, match="dynamodb:UpdateItem"):
        payments.deliver(f"{payments.run} 1")
    payments.refuse("1", "2", match="dynamodb:UpdateItem")
    proxy.heal()
    payments.succeed("1")
    assert payments.charges == 1


# Transactions


def write(table: str, order: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": {"id": {"S": f"stock {order}"}}}}


@pytest.mark.parametrize("by", ["completion", "step"])
def test_a_transaction_that_is_denied_is_named_once_and_nothing_more_runs(
    payments: Payments, proxy: FaultProxy, table: str, by: str
) -> None:
    def pays(order: str) -> str:
        if by == "completion":
            current_execution().complete_with([write(table, order)])
            return payments.pay(order)
        paid = payments.pay(order)
        step.transact("reserve", [write(table, order)])
        return paid

    payments.pays = pays
    proxy.befall("TransactWriteItems", denied("PutItem"), ALWAYS)
    match = "transaction of 'pay.*dynamodb:PutItem.*on the tables of your own writes"
    with pytest.raises(NotRecorded if by == "completion" else ConfigurationError, match=match):
        payments.deliver(f"{payments.run} 1")
    payments.refuse("1", "2", match=match)
    assert payments.charges == 1
    proxy.heal()
    payments.succeed("2")


WRONG: dict[str, Any] = {
    "a name": {"TableName": "no such table"},
    "a value": {"ExpressionAttributeValues": {":a": {"S": 1}}},
    "no JSON": {"ExpressionAttributeValues": {":a": {"S": object()}}},
    "an expression": {"ConditionExpression": "= ="},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_writes_that_dynamodb_does_not_take_stand_in_no_others_way(
    payments: Payments, proxy: FaultProxy, table: str, wrong: Any
) -> None:
    def pays(order: str) -> str:
        put = write(table, order)
        if order.endswith(" 1"):
            put["Put"] |= wrong
        current_execution().complete_with([put])
        return payments.pay(order)

    payments.pays = pays
    payments.fail("1", match="does not take the writes of 'pay.*Nothing was written")
    payments.succeed("2")


# Tables


class Tables:
    """Tables of other shapes, made and deleted under a process that is warm."""

    def __init__(self, endpoint: str) -> None:
        self._store = DynamoDBStore("tables", connection="botocore", endpoint=endpoint, read_timeout=20)
        self._client: Any = self._store._connection.client
        self._endpoint = endpoint

    def make(self, name: str, *key: tuple[str, str, str]) -> None:
        self._client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": attribute, "KeyType": kind} for attribute, kind, _ in key],
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": letter} for one, _, letter in key],
            BillingMode="PAY_PER_REQUEST",
        )

    def delete(self, name: str) -> None:
        self._client.delete_table(TableName=name)

    def store(self, name: str, connection: Any, **options: Any) -> DynamoDBStore:
        return DynamoDBStore(name, connection=connection, endpoint=self._endpoint, read_timeout=20, **options)

    def close(self) -> None:
        self._store.close()


@pytest.fixture(scope="session")
def tables(dynamodb_endpoint: str) -> Iterator[Tables]:
    opened = Tables(dynamodb_endpoint)
    yield opened
    opened.close()


PLAIN = ("id", "HASH", "S")
SORTED = ("SK", "RANGE", "S")


@pytest.mark.parametrize(
    ("key", "sort_key"),
    [
        ([PLAIN], "SK"),
        ([PLAIN, ("SK", "RANGE", "N")], "SK"),
        ([PLAIN, ("sk", "RANGE", "S")], "SK"),
        ([PLAIN, SORTED], None),
        ([("pk", "HASH", "S")], None),
        ([("id", "HASH", "N")], None),
    ],
    ids=["no sort key", "another type of sort key", "another sort key", "a sort key", "another key", "another type"],
)
def test_a_table_with_another_key_is_refused_before_the_first_effect(
    tables: Tables, connection: Any, effects: Ledger, key: Any, sort_key: str | None
) -> None:
    name = f"keys-{os.urandom(4).hex()}"
    tables.make(name, *key)
    payments = Payments(tables.store(name, connection, sort_key=sort_key), effects, None)
    payments.refuse("1", "1", "2", match="The key does not fit the table")
    assert payments.charges == 0
    payments.store.close()


@pytest.mark.parametrize("made_again", [None, [PLAIN], [PLAIN, SORTED]], ids=["gone", "without", "with a sort key"])
@pytest.mark.parametrize("sort_key", [None, "SK"])
def test_a_table_that_is_deleted_under_a_warm_process_lets_at_most_one_more_run(
    tables: Tables, connection: Any, effects: Ledger, made_again: Any, sort_key: str | None
) -> None:
    name, key = f"again-{os.urandom(4).hex()}", [PLAIN, *([SORTED] if sort_key else [])]
    tables.make(name, *key)
    payments = Payments(tables.store(name, connection, sort_key=sort_key), effects, None)
    payments.succeed("1")
    tables.delete(name)
    if made_again is not None:
        tables.make(name, *made_again)
    if made_again == key:
        payments.succeed("2")  # what the old table held is forgotten, as it must be
    elif made_again == [PLAIN]:
        payments.fail("2", match="The key does not fit the table")  # a PutItem takes a sort key for an attribute
        payments.refuse("2", "3", match="The key does not fit the table")
    else:
        payments.refuse("2", "3", match="is not there" if made_again is None else "The key does not fit the table")
    payments.store.close()
