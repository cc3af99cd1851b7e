"""Downstream keys through clients that are not our own, each against a server that honours them."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import httpx
import pytest
import requests
import stripe

import twicesafe
from tests.servers.stripe import Stripe, stripe_server
from tests.steps.play import Play
from twicesafe import idempotent, step
from twicesafe.downstream import PROVIDERS, KeyHeader, aws_call, check, stripe_call
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

A_KEY = "0123abcd-0123-8123-8123-0123456789ab"


@pytest.fixture
def server() -> Iterator[Stripe]:
    with stripe_server() as started:
        yield started


@pytest.fixture
def play() -> Play:
    return Play(MemoryStore(), "sync", f"order-{uuid.uuid4()}")


def twice(play: Play, call: Any, **parameters: Any) -> tuple[Any, Any]:
    """What a first attempt gets that dies before it can record it, and what the next one gets."""
    heard: list[Any] = []

    def noted(**kwargs: Any) -> Any:
        heard.append(call(**kwargs))
        return heard[-1]

    noted.horizon, noted.__wrapped__ = call.horizon, call  # type: ignore[attr-defined]

    async def script(do: Any) -> Any:
        step("call", noted, **parameters)

    play.crash(script, "before", "SaveStep")
    play.attempt(script)
    return heard[0], heard[1]


# Stripe


@pytest.fixture
def intents(server: Stripe, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(stripe, "api_key", "sk_test_1")
    monkeypatch.setattr(stripe, "api_base", server.url)
    monkeypatch.setattr(stripe, "max_network_retries", 0)
    return stripe.PaymentIntent


def test_stripe_charges_once_and_gives_the_first_answer_again(play: Play, server: Stripe, intents: Any) -> None:
    first, second = twice(play, stripe_call(intents.create), amount=4900, currency="eur")
    assert first["id"] == second["id"] == "pi_1"
    assert len(server.made) == 1
    assert {uuid.UUID(headers["idempotency-key"]).version for headers in server.headers} == {8}


def test_a_service_of_stripes_client_takes_it_too(play: Play, server: Stripe) -> None:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": server.url}, max_network_retries=0)
    first, second = twice(play, stripe_call(client.v1.payment_intents.create), params={"amount": 1, "currency": "eur"})
    assert (first["id"], second["id"], len(server.made)) == ("pi_1", "pi_1", 1)


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # Stripe's own use of httpx
def test_stripes_async_twin_takes_it_too(server: Stripe, intents: Any) -> None:
    @idempotent(store=MemoryStore(), name="work", key=lambda: "once")
    async def work() -> str:
        made = await step("charge", stripe_call(intents.create_async), amount=1, currency="eur")
        return str(made["id"])

    assert asyncio.run(work()) == "pi_1"
    assert "idempotency-key" in server.headers[0]


def test_other_parameters_under_one_key_are_a_clear_error(play: Play, server: Stripe, intents: Any) -> None:
    amounts = iter([1, 2])

    async def script(do: Any) -> Any:
        charge = stripe_call(intents.create)
        return step(
            "charge", lambda idempotency_key: charge(amount=next(amounts), idempotency_key=idempotency_key)["id"]
        )

    play.crash(script, "before", "SaveStep")
    with pytest.raises(twicesafe.KeyReused, match="'charge'") as caught:
        play.attempt(script)
    assert isinstance(caught.value.__cause__, stripe.IdempotencyError)
    assert len(server.made) == 1


def test_a_request_while_the_first_one_runs_can_be_retried(play: Play, server: Stripe, intents: Any) -> None:
    running, over = threading.Event(), threading.Event()
    server.then = lambda: (running.set(), over.wait(30))
    charge = stripe_call(intents.create)
    thread = threading.Thread(target=lambda: charge(amount=1, currency="eur", idempotency_key=A_KEY))
    thread.start()
    running.wait(30)
    with pytest.raises(twicesafe.KeyInUse):
        charge(amount=1, currency="eur", idempotency_key=A_KEY)
    over.set()
    thread.join()
    assert charge(amount=1, currency="eur", idempotency_key=A_KEY)["id"] == "pi_1"


def test_an_error_of_stripes_own_stays_what_it_is(server: Stripe, intents: Any) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            stripe_call(intents.create)(amount=1, description="declined", idempotency_key=A_KEY)
    assert len(server.made) == 1


def test_past_stripes_horizon_it_is_not_called(play: Play, server: Stripe, intents: Any) -> None:
    charge = stripe_call(intents.create)

    async def script(do: Any) -> Any:
        return step("charge", charge, amount=1, currency="eur")

    play.crash(script, "before", "SaveStep", expires_after=3 * 86_400)
    play.time_passes(86_400_000)
    with pytest.raises(twicesafe.StepInDoubt, match="for 86400 s"):
        play.attempt(script)
    assert len(server.made) == 1


# Headers


def post_with_httpx(url: str, key: KeyHeader) -> Any:
    return httpx.post(url, json={}, auth=key)


def post_with_hooks_of_httpx(url: str, key: KeyHeader) -> Any:
    with httpx.Client(event_hooks={"request": [key], "response": [check]}) as client:
        return client.post(url, json={})


def post_with_requests(url: str, key: KeyHeader) -> Any:
    return requests.post(url, json={}, auth=key, timeout=30)


POSTS = [post_with_httpx, post_with_hooks_of_httpx, post_with_requests]


@pytest.mark.parametrize("post", POSTS)
def test_a_header_carries_the_key_of_the_running_step(play: Play, server: Stripe, post: Any) -> None:
    async def script(do: Any) -> int:
        return step("pay", lambda: post(server.url + "/v1/pay", KeyHeader()).status_code)

    play.crash(script, "before", "SaveStep")
    assert play.attempt(script) == 200
    assert len(server.made) == 1
    assert len({headers["idempotency-key"] for headers in server.headers}) == 1


def test_async_clients_of_httpx_take_it_too(server: Stripe) -> None:
    async def pay() -> int:
        async with httpx.AsyncClient(auth=KeyHeader()) as client:
            return (await client.post(server.url, json={})).status_code

    @idempotent(store=MemoryStore(), name="work", key=lambda: "once")
    async def work() -> int:
        return await step("pay", pay)

    assert asyncio.run(work()) == 200
    assert "idempotency-key" in server.headers[0]


@pytest.mark.parametrize("post", POSTS)
def test_a_provider_or_the_user_names_the_header(server: Stripe, post: Any) -> None:
    @idempotent(store=MemoryStore(), name="work", key=lambda: "once")
    def work() -> None:
        step("a", lambda: post(server.url, KeyHeader("paypal")).status_code)
        step("b", lambda: post(server.url, KeyHeader("X-Mine")).status_code)

    work()
    assert "paypal-request-id" in server.headers[0]
    assert "x-mine" in server.headers[1]


def test_another_auth_is_applied_as_well(server: Stripe) -> None:
    def mine(request: Any) -> Any:
        request.headers["Authorization"] = "Bearer x"
        return request

    @idempotent(store=MemoryStore(), name="work", key=lambda: "once")
    def work() -> None:
        step("a", lambda: post_with_requests(server.url, KeyHeader(then=mine)).status_code)

    work()
    assert server.headers[0]["authorization"] == "Bearer x"
    assert "idempotency-key" in server.headers[0]


def test_what_changes_nothing_and_what_is_not_protected_has_no_key(server: Stripe) -> None:
    post_with_httpx(server.url, KeyHeader())

    @idempotent(store=MemoryStore(), name="work", key=lambda: "once")
    def work() -> None:
        httpx.get(server.url, auth=KeyHeader())

    work()
    assert ["idempotency-key" in headers for headers in server.headers] == [False, False]


def test_a_request_outside_of_a_step_is_not_sent(server: Stripe) -> None:
    work = idempotent(store=MemoryStore(), name="w", key=lambda: "once")(
        lambda: post_with_httpx(server.url, KeyHeader())
    )
    with pytest.raises(twicesafe.ConfigurationError, match="outside of a step"):
        work()
    assert server.headers == []


@pytest.mark.parametrize(("status", "error"), [(409, twicesafe.KeyInUse), (422, twicesafe.KeyReused), (200, None)])
@pytest.mark.parametrize("kind", [httpx.Response, requests.Response])
def test_an_answer_about_the_key_is_an_error(kind: Any, status: int, error: Any) -> None:
    response = kind(status) if kind is httpx.Response else kind()
    response.status_code = status
    if error is None:
        assert check(response) is response
    else:
        with pytest.raises(error):
            check(response, timeout=1)


# AWS


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """SQS and Step Functions, as moto plays them."""
    from moto.server import ThreadedMotoServer

    started = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


def test_a_fifo_queue_gets_a_message_once(play: Play, aws: str) -> None:
    sqs = boto3.client("sqs", endpoint_url=aws)
    queue = sqs.create_queue(QueueName=f"{uuid.uuid4()}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    twice(play, aws_call(sqs.send_message), QueueUrl=queue, MessageBody="b", MessageGroupId="g")
    entries = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g"} for n in range(2)]
    play.key += "b"
    twice(play, aws_call(sqs.send_message_batch), QueueUrl=queue, Entries=entries)
    counted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "3"


def test_a_queue_that_does_not_deduplicate_is_refused(aws: str) -> None:
    sqs = boto3.client("sqs", endpoint_url=aws)
    queue = sqs.create_queue(QueueName=str(uuid.uuid4()))["QueueUrl"]
    for send in (sqs.send_message, sqs.send_message_batch):
        with pytest.raises(twicesafe.ConfigurationError, match="FIFO"):
            aws_call(send)(QueueUrl=queue, MessageBody="b", idempotency_key=A_KEY)


@pytest.fixture
def machine(aws: str) -> tuple[Any, str]:
    client = boto3.client("stepfunctions", endpoint_url=aws)
    definition = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
    role = "arn:aws:iam::123456789012:role/x"
    made = client.create_state_machine(name=uuid.uuid4().hex, definition=json.dumps(definition), roleArn=role)
    return client, made["stateMachineArn"]


@pytest.mark.parametrize("ends", [True, False])
def test_an_execution_is_started_once(play: Play, machine: tuple[Any, str], ends: bool) -> None:
    client, arn = machine
    start = client.start_execution

    def started(**parameters: Any) -> Any:
        answer = start(**parameters)
        if ends:
            client.stop_execution(executionArn=answer["executionArn"])
        return answer

    first, second = twice(play, aws_call(start), stateMachineArn=arn, input='{"order": 1}')
    assert first["executionArn"] == second["executionArn"]
    if ends:
        client.stop_execution(executionArn=first["executionArn"])
    again = aws_call(start)(
        stateMachineArn=arn, input='{"order": 1}', idempotency_key=first["executionArn"].rpartition(":")[2]
    )
    assert again["executionArn"] == first["executionArn"]
    assert len(client.list_executions(stateMachineArn=arn)["executions"]) == 1
    with pytest.raises(twicesafe.KeyReused):
        aws_call(start)(stateMachineArn=arn, input="{}", idempotency_key=first["executionArn"].rpartition(":")[2])


def test_a_token_of_dynamodb_counts_once_and_knows_other_parameters(play: Play, dynamodb_endpoint: str) -> None:
    client = boto3.client("dynamodb", endpoint_url=dynamodb_endpoint)
    table = f"t{uuid.uuid4().hex}"
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )

    def add(amount: str) -> list[dict[str, Any]]:
        update = {
            "TableName": table,
            "Key": {"k": {"S": "a"}},
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": amount}},
        }
        return [{"Update": update}]

    call = aws_call(client.transact_write_items)
    twice(play, call, TransactItems=add("1"))
    call(TransactItems=add("1"), idempotency_key=A_KEY)
    with pytest.raises(twicesafe.KeyReused):
        call(TransactItems=add("2"), idempotency_key=A_KEY)
    assert client.get_item(TableName=table, Key={"k": {"S": "a"}}, ConsistentRead=True)["Item"]["n"] == {"N": "2"}


def test_a_call_without_a_token_is_refused_at_once(aws: str) -> None:
    for wrong in (boto3.client("sqs", endpoint_url=aws).create_queue, print, 5):
        with pytest.raises(twicesafe.ConfigurationError):
            aws_call(wrong)  # type: ignore[arg-type]


def test_a_downstream_key_is_taken_by_each_token_that_aws_describes() -> None:
    """Of a sample of services here; all 1,449 operations of botocore 1.43 were looked at once."""
    session = botocore.session.get_session()
    seen = 0
    for service in ("ec2", "ecs", "secretsmanager", "dynamodb", "rds-data", "stepfunctions", "cloudformation", "kms"):
        model = session.get_service_model(service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            for member in operation.idempotent_members:
                limits = operation.input_shape.members[member].metadata
                assert limits.get("min", 0) <= len(A_KEY) <= limits.get("max", len(A_KEY))
                assert re.fullmatch(limits.get("pattern", ".*"), A_KEY)
                seen += 1
    assert seen > 100


# Providers


def test_each_provider_has_a_source_and_a_horizon_that_is_one() -> None:
    for provider in PROVIDERS.values():
        assert provider.source.startswith("https://")
        assert provider.horizon is None or 60_000 <= provider.horizon <= 30 * 86_400_000


def test_a_provider_can_be_named_for_its_horizon(play: Play) -> None:
    async def script(do: Any) -> Any:
        return step("pay", lambda: 1, horizon="qonto")

    play.crash(script, "before", "SaveStep")
    play.time_passes(30 * 60_000)
    with pytest.raises(twicesafe.StepInDoubt, match="for 1800 s"):
        play.attempt(script)
    work = idempotent(store=MemoryStore(), name="w", key=lambda: "once")(
        lambda: step("pay", lambda: 1, horizon="nobody")
    )
    with pytest.raises(twicesafe.ConfigurationError, match=r"checkout\.com"):
        work()
