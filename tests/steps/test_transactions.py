"""Writes of the user's own in one DynamoDB transaction with the step's record, or with the completion."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import twicesafe
from tests.stand_ins import PATIENCE
from tests.steps.play import Play
from twicesafe import carried, current_execution, idempotent, step
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb.client import read_failure
from twicesafe.stores.dynamodb.layout import Layout
from twicesafe.stores.dynamodb.patience import SHORT_PAUSE
from twicesafe.stores.dynamodb.requests import Accepted, Cancelled, Request, Unanswered
from twicesafe.stores.dynamodb.writes import low_level
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Stock:
    """A table of the user's own."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.sku = str(uuid.uuid4())
        client.put_item(TableName="stock", Item={"sku": {"S": self.sku}, "left": {"N": "10"}})

    @property
    def left(self) -> int:
        item = self.client.get_item(TableName="stock", Key={"sku": {"S": self.sku}}, ConsistentRead=True)["Item"]
        return int(item["left"]["N"])

    def has(self, sku: str) -> bool:
        return "Item" in self.client.get_item(TableName="stock", Key={"sku": {"S": sku}}, ConsistentRead=True)

    def take(self, amount: int = 1) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": "stock",
                "Key": {"sku": {"S": self.sku}},
                "UpdateExpression": "SET #left = #left - :amount",
                "ConditionExpression": "#left >= :amount",
                "ExpressionAttributeNames": {"#left": "left"},
                "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
            }
        }


@pytest.fixture(scope="session")
def client(dynamodb_endpoint: str) -> Any:
    made = boto3.client("dynamodb", endpoint_url=dynamodb_endpoint)
    made.create_table(
        TableName="stock",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "sku", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "sku", "KeyType": "HASH"}],
    )
    return made


@pytest.fixture
def stock(client: Any) -> Stock:
    return Stock(client)


@pytest.fixture(scope="session", params=["direct", "botocore"])
def dynamodb(dynamodb_endpoint: str, request: pytest.FixtureRequest) -> Iterator[DynamoDBStore]:
    opened = DynamoDBStore(
        "steps", connection=request.param, endpoint=dynamodb_endpoint, connect_timeout=30, read_timeout=30
    )
    opened.create_table()
    yield opened
    opened.close()


@pytest.fixture(params=["sync", "async"])
def play(dynamodb: DynamoDBStore, request: pytest.FixtureRequest) -> Play:
    return Play(dynamodb, request.param, f"order-{uuid.uuid4()}")


def reserving(play: Play, stock: Stock, **options: Any) -> Any:
    async def script(do: Any) -> str:
        await play.transact("reserve", [stock.take()], **options)
        return "reserved"

    return script


def test_writes_and_record_are_one_request(play: Play, stock: Stock) -> None:
    assert play.attempt(reserving(play, stock)) == "reserved"
    assert play.store.seen == ["Claim", "Transact", "Complete"]
    assert stock.left == 9


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["Claim", "Transact", "Complete"])
def test_they_are_made_exactly_once_wherever_it_dies(play: Play, stock: Stock, when: str, command: str) -> None:
    script = reserving(play, stock)
    play.crash(script, when, command)
    assert play.attempt(script) == "reserved"
    assert stock.left == 9


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_attempt_knows_whether_an_unanswered_one_was_applied(play: Play, stock: Stock, when: str) -> None:
    script = reserving(play, stock)
    play.store.fails = (when, "Transact")
    with pytest.raises(twicesafe.StoreUnavailable):
        play.attempt(script)
    assert stock.left == (10 if when == "before" else 9)
    assert play.attempt(script) == "reserved"
    assert stock.left == 9


def answering(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Request, Any], Any]) -> None:
    """Have what the connection answers to a transaction be another."""
    connection = store._connection
    send = connection.send
    monkeypatch.setattr(
        connection,
        "send",
        lambda request, _: answer(request, send) if request.operation == "TransactWriteItems" else send(request),
    )


@pytest.fixture
def here(dynamodb: DynamoDBStore) -> Play:
    return Play(dynamodb, "sync", f"order-{uuid.uuid4()}")


def test_a_lost_answer_is_asked_for_again_with_the_same_token(
    here: Play, stock: Stock, dynamodb: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []

    def answer(request: Request, send: Any) -> Any:
        tokens.append(request.parameters["ClientRequestToken"])
        response = send(request)
        return Unanswered("lost", EOFError(), SHORT_PAUSE) if len(tokens) == 1 else response

    answering(dynamodb, monkeypatch, answer)
    assert here.attempt(reserving(here, stock)) == "reserved"
    assert (len(tokens), len(set(tokens)), stock.left) == (2, 1, 9)


def test_a_copy_whose_token_is_forgotten_is_recognised_by_the_record(
    here: Play, stock: Stock, dynamodb: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request, send: Any) -> Any:
        assert isinstance(send(request), Accepted)
        return send(request._replace(parameters={**request.parameters, "ClientRequestToken": "another"}))

    answering(dynamodb, monkeypatch, answer)
    assert here.attempt(reserving(here, stock)) == "reserved"
    assert stock.left == 9


def test_others_at_the_same_items_are_waited_for_with_a_new_token(
    here: Play, stock: Stock, dynamodb: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: set[str] = set()

    def answer(request: Request, send: Any) -> Any:
        tokens.add(request.parameters["ClientRequestToken"])
        busy = Cancelled(({"Code": "None"}, {"Code": "TransactionConflict"}))
        return busy if len(tokens) < 4 else send(request)

    answering(dynamodb, monkeypatch, answer)
    assert here.attempt(reserving(here, stock)) == "reserved"
    assert (len(tokens), stock.left) == (4, 9)


def test_they_are_not_waited_for_past_the_remaining_time(
    here: Play, stock: Stock, dynamodb: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Cancelled(({"Code": "TransactionConflict"}, {"Code": "ThrottlingError"}))
    answering(dynamodb, monkeypatch, lambda request, send: busy)
    with pytest.raises(twicesafe.StoreUnavailable, match="ThrottlingError, TransactionConflict"):
        here.attempt(reserving(here, stock), remaining=300)
    monkeypatch.undo()
    assert here.attempt(reserving(here, stock)) == "reserved"
    assert stock.left == 9


def test_a_condition_of_ones_own_is_refused_with_its_reasons_and_the_execution_goes_on(
    play: Play, stock: Stock
) -> None:
    async def script(do: Any) -> str:
        try:
            await play.transact("reserve", [stock.take(1), {**Stock(stock.client).take(99)}])
        except twicesafe.TransactionRefused as error:
            reasons = [reason["Code"] for reason in error.reasons]
            return f"{error.step} {reasons} {'writes[1]' in str(error)}"
        return "reserved"

    assert play.attempt(script) == "reserve ['None', 'ConditionalCheckFailed'] True"
    assert stock.left == 10


def test_a_zombie_writes_nothing(play: Play, stock: Stock) -> None:
    import threading

    other = Play(play.store.inner, "sync", play.key)
    done: list[Any] = []

    async def script(do: Any) -> str:
        other.time_passes(70_000)
        thread = threading.Thread(target=lambda: done.append(other.attempt(reserving(other, stock))))
        thread.start()
        thread.join()
        await play.transact("reserve", [stock.take()])
        return "zombie"

    with pytest.raises(twicesafe.LeaseLost):
        play.attempt(script)
    assert (done, stock.left) == (["reserved"], 9)


def test_other_writes_in_a_later_attempt_are_refused(play: Play, stock: Stock) -> None:
    async def script(do: Any) -> None:
        await play.transact("reserve", [stock.take(current_execution().attempt)])
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(script)
    with pytest.raises(twicesafe.StepMismatch):
        play.attempt(script)
    assert stock.left == 9


def test_each_turn_is_a_step_of_its_own(play: Play, stock: Stock) -> None:
    async def script(do: Any) -> None:
        for turn in range(3):
            await play.transact("reserve", [stock.take()], each=turn)
        await play.transact("reserve", [stock.take()], each=0)

    with pytest.raises(twicesafe.DuplicateStep):
        play.attempt(script)
    assert stock.left == 7


def test_it_needs_its_time(play: Play, stock: Stock) -> None:
    with pytest.raises(twicesafe.NotEnoughTime):
        play.attempt(reserving(play, stock, needs=30), remaining=20_000)
    assert stock.left == 10


# The completion


def completing(stock: Stock, *amounts: int, then: BaseException | None = None) -> Any:
    async def script(do: Any) -> str:
        for amount in amounts:
            current_execution().complete_with([Stock.take(stock, amount)])
        if then is not None:
            raise then
        return "done"

    return script


def test_writes_with_the_completion_cost_no_request_more(play: Play, stock: Stock) -> None:
    for _ in range(2):
        assert play.attempt(completing(stock, 3)) == "done"
    assert stock.left == 7
    assert play.store.seen == ["Claim"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["Claim", "Transact"])
def test_they_are_made_exactly_once_too(play: Play, stock: Stock, when: str, command: str) -> None:
    play.crash(completing(stock, 3), when, command)
    assert play.attempt(completing(stock, 3)) == "done"
    assert stock.left == 7


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_completion_without_an_answer_gives_its_reply_on_the_error(play: Play, stock: Stock, when: str) -> None:
    play.store.fails = (when, "Transact")
    with pytest.raises(twicesafe.NotRecorded) as caught:
        play.attempt(completing(stock, 3))
    assert caught.value.reply == "done"
    play.time_passes(70_000)
    assert play.attempt(completing(stock, 3)) == "done"
    assert stock.left == 7


def test_a_refused_completion_is_released_and_can_run_again(play: Play, stock: Stock) -> None:
    with pytest.raises(twicesafe.TransactionRefused, match="the completion"):
        play.attempt(completing(stock, 11))
    assert play.attempt(completing(stock, 10)) == "done"
    assert stock.left == 0


@pytest.mark.parametrize("final", [True, False])
def test_without_an_answer_nothing_is_written(play: Play, stock: Stock, final: bool) -> None:
    options = {"final_errors": (KeyError,)} if final else {}
    with pytest.raises(KeyError):
        play.attempt(completing(stock, 3, then=KeyError("no")), **options)
    assert stock.left == 10


@pytest.mark.parametrize("calls", [8, 12, 99])
def test_writes_of_many_threads_are_all_made(dynamodb: DynamoDBStore, stock: Stock, calls: int) -> None:
    barrier = threading.Barrier(calls)

    @idempotent(store=dynamodb, name="work")
    def work(stock_name: str) -> str:
        def book(number: int) -> None:
            barrier.wait(PATIENCE)
            item = {"sku": {"S": f"{stock.sku}-{number}"}}
            current_execution().complete_with([{"Put": {"TableName": "stock", "Item": item}}])

        with ThreadPoolExecutor(calls) as pool:
            list(pool.map(carried(book), range(calls)))
        return "done"

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert work(stock.sku) == "done"
    finally:
        sys.setswitchinterval(before)
    assert [number for number in range(calls) if not stock.has(f"{stock.sku}-{number}")] == []


def test_too_many_writes_in_all_are_refused_when_they_are_added(play: Play, stock: Stock) -> None:
    async def script(do: Any) -> str:
        current_execution().complete_with([Stock.take(stock, 1)])
        with pytest.raises(twicesafe.ConfigurationError, match="1 to 99"):
            current_execution().complete_with([Stock.take(stock, 1)] * 99)
        return "done"

    assert play.attempt(script) == "done"
    assert stock.left == 9


def test_writes_that_are_added_inside_of_a_step_are_refused(play: Play, stock: Stock) -> None:
    async def script(do: Any) -> None:
        await do("book", lambda: current_execution().complete_with([Stock.take(stock, 1)]))

    with pytest.raises(twicesafe.ConfigurationError, match="inside of the step 'book'"):
        play.attempt(script)


def test_writes_that_come_when_the_function_has_ended_are_refused(dynamodb: DynamoDBStore, stock: Stock) -> None:
    heard: list[BaseException] = []
    over = threading.Event()

    def late() -> None:
        assert over.wait(PATIENCE)
        try:
            current_execution().complete_with([Stock.take(stock, 1)])
        except twicesafe.TwicesafeError as error:
            heard.append(error)

    @idempotent(store=dynamodb, name="work")
    def work(stock_name: str) -> threading.Thread:
        thread = threading.Thread(target=carried(late))
        thread.start()
        threads.append(thread)
        return "done"

    threads: list[threading.Thread] = []
    work(stock.sku)
    over.set()
    threads[0].join(PATIENCE)
    assert [type(error) for error in heard] == [twicesafe.LeaseLost]
    assert stock.left == 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_writes_of_a_forked_child_are_refused(dynamodb: DynamoDBStore, stock: Stock) -> None:
    @idempotent(store=dynamodb, name="work")
    def work(stock_name: str) -> int:
        child = os.fork()
        if child == 0:
            try:
                current_execution().complete_with([Stock.take(stock, 1)])
            except twicesafe.WrongProcess:
                os._exit(7)
            os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert work(stock.sku) == 7


# What cannot be


@pytest.mark.parametrize("work", [lambda: step.transact("a", [{}]), lambda: current_execution().complete_with([{}])])
def test_another_store_refuses_before_any_effect(work: Any) -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="memory cannot make writes"):
        idempotent(store=MemoryStore(), name="w", key=lambda: "once")(work)()


@pytest.mark.parametrize(
    "writes",
    [
        [],
        None,
        {},
        [{}],
        [{"Put": {"TableName": "t"}}],
        [{"Put": {"Item": {"a": "1"}}}],
        [{"Get": {"TableName": "t", "Key": {"a": "1"}}}],
        [{"Put": {"TableName": "t", "Item": {"a": "1"}}, "Delete": {}}],
        [{"Put": {"TableName": "t", "Item": {"a": 1.5}}}],
        [{"Put": {"TableName": "t", "Item": {"a": "1"}}}] * 100,
    ],
)
def test_what_is_no_write_is_refused_before_any_effect(dynamodb: DynamoDBStore, writes: Any) -> None:
    work = idempotent(store=dynamodb, name=f"w{uuid.uuid4()}", key=lambda: "once")(lambda: step.transact("a", writes))
    with pytest.raises(twicesafe.ConfigurationError, match="writes"):
        work()


def test_what_dynamodb_itself_does_not_take_is_a_clear_error(dynamodb: DynamoDBStore, stock: Stock) -> None:
    wrong = stock.take()
    wrong["Update"]["UpdateExpression"] = "SET left = = 1"
    work = idempotent(store=dynamodb, name=f"w{uuid.uuid4()}", key=lambda: "once")(lambda: step.transact("a", [wrong]))
    with pytest.raises(twicesafe.ConfigurationError, match="ValidationException"):
        work()


def test_outside_of_a_protected_delivery_it_is_refused() -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="protected delivery"):
        step.transact("a", [])


def test_values_of_a_resource_become_dynamodbs_own() -> None:
    plain = {
        "Update": {
            "TableName": "t",
            "Key": {"a": "1", "b": 2},
            "UpdateExpression": "SET c = :c",
            "ExpressionAttributeValues": {":c": {"S": Decimal("1.5")}},
        }
    }
    own = {"Put": {"TableName": "t", "Item": {"a": {"S": "1"}}}}
    converted = low_level([plain, own])
    assert converted[0]["Update"]["Key"] == {"a": {"S": "1"}, "b": {"N": "2"}}
    assert converted[0]["Update"]["ExpressionAttributeValues"] == {":c": {"M": {"S": {"N": "1.5"}}}}
    assert converted[1] == own


def test_without_boto3_values_of_a_resource_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3.dynamodb.types", None)
    with pytest.raises(twicesafe.ConfigurationError, match=r"writes\[0\] has plain values.*pip install"):
        low_level([{"Put": {"TableName": "t", "Item": {"id": "a"}}}])


def test_values_of_a_resource_are_written(dynamodb: DynamoDBStore, stock: Stock) -> None:
    put = {"Put": {"TableName": "stock", "Item": {"sku": stock.sku, "left": 3}}}
    idempotent(store=dynamodb, name=f"w{uuid.uuid4()}", key=lambda: "once")(lambda: step.transact("a", [put]))()
    assert stock.left == 3


def test_a_cancelled_transaction_is_read_with_its_reasons(client: Any) -> None:
    check = {
        "ConditionCheck": {
            "TableName": "stock",
            "Key": {"sku": {"S": "none"}},
            "ConditionExpression": "attribute_exists(sku)",
        }
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[check])
    response = read_failure(caught.value, Request("TransactWriteItems", {}), Layout("stock"))
    assert isinstance(response, Cancelled)
    assert [reason["Code"] for reason in response.reasons] == ["ConditionalCheckFailed"]
