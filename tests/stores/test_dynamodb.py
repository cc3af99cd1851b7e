"""The store against a real DynamoDB Local."""

from __future__ import annotations

import contextlib
import os
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.test_agreement import compare
from tests.stores.test_dynamodb_items import attributes
from twicesafe.errors import ConfigurationError, CorruptRecord
from twicesafe.protocol.commands import Claim, Claimed, Done, Existing, List, Load
from twicesafe.protocol.records import Millis, Record, Seconds, Status, Step
from twicesafe.stores.base import open_store
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb import store as dynamodb_store
from twicesafe.stores.dynamodb.items import write
from twicesafe.stores.dynamodb.layout import Names
from twicesafe.stores.memory import claim
from twicesafe.testing.contract import StoreContract, event_loop
from twicesafe.testing.trial import LEASE, Trial

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator


class TestDynamoDBStore(StoreContract):
    @pytest.fixture
    def store(self, dynamodb: DynamoDBStore) -> DynamoDBStore:
        return dynamodb

    @pytest.fixture
    def loop(self, shared_loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        return shared_loop


@pytest.fixture(scope="module")
def shared_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for all: a client of aiobotocore takes longer to make than a test to run."""
    with event_loop() as loop:
        yield loop


class TestDynamoDBStoreByBotocore(StoreContract):
    @pytest.fixture
    def store(self, dynamodb_by_botocore: DynamoDBStore) -> DynamoDBStore:
        return dynamodb_by_botocore


@pytest.fixture(scope="session")
def client(dynamodb_endpoint: str) -> Any:
    return botocore.session.Session().create_client("dynamodb", endpoint_url=dynamodb_endpoint)


@pytest.fixture
def trial(dynamodb: DynamoDBStore) -> Trial:
    return Trial(dynamodb.apply)


# Tables of other shapes


@pytest.fixture(scope="session")
def composite(dynamodb_endpoint: str) -> Iterator[DynamoDBStore]:
    """A table that is shared with other things: composite key, reserved and odd names."""
    names = {"id": "PK", "status": "Status", "expiration": "ttl", "steps": "a.b", "owner": "#owner", "v": "select"}
    store = DynamoDBStore("shared", endpoint=dynamodb_endpoint, read_timeout=20, sort_key="SK", attributes=names)
    store.create_table()
    yield store
    store.close()


def test_a_table_with_a_composite_key_and_names_of_its_own_agrees_with_memory(composite: DynamoDBStore) -> None:
    compare(composite, histories=25)


def test_a_claim_that_proves_that_completions_pass_agrees_with_memory(
    composite: DynamoDBStore, dynamodb: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_store, "PROOF_LASTS", 0)
    for store in (composite, dynamodb):
        compare(store, histories=8)


def test_what_else_is_in_the_table_is_left_alone_and_not_listed(composite: DynamoDBStore, client: Any) -> None:
    trial = Trial(composite.apply)
    other = {"PK": {"S": trial.key}, "SK": {"S": "profile"}, "Status": {"S": "gold"}, "select": {"N": "1"}}
    client.put_item(TableName="shared", Item=other)
    trial.claim("ann")
    trial.complete("ann")
    assert [record.key for record in trial.apply(List(trial.key)).records] == [trial.key]
    trial.forget(trial.found())
    found = client.get_item(TableName="shared", Key={"PK": {"S": trial.key}, "SK": {"S": "profile"}})
    assert found["Item"] == other


def test_a_page_goes_on_over_the_parts_of_a_large_table(dynamodb: DynamoDBStore) -> None:
    prefix = f"pages/{uuid.uuid4()}/"
    for number in range(12):  # a Scan reads 1 MB at a time
        trial = Trial(dynamodb.apply, f"{prefix}{number}")
        trial.claim("ann")
        trial.complete("ann", "x" * 300_000)
    keys: list[str] = []
    after = None
    while True:
        page = dynamodb.apply(List(prefix, after, 5))
        keys += [record.key for record in page.records]  # type: ignore[union-attr]
        after = page.after  # type: ignore[union-attr]
        if after is None:
            break
    assert sorted(keys) == sorted(f"{prefix}{number}" for number in range(12))
    for key in keys:
        Trial(dynamodb.apply, key).forget(Trial(dynamodb.apply, key).found())


# Poisoned and foreign records

whole = st.integers(0, 10**14).map(str)
poison = attributes.filter(lambda value: "." not in value.get("N", "") and "M" not in value)
"""Without what DynamoDB's conditions cannot see: a fraction, and what is in the map of steps."""


@settings(max_examples=150)
@given(
    name=st.sampled_from(Names()[1:]),
    value=st.none() | poison | st.builds(lambda n: {"N": n}, whole),
    owner=st.sampled_from([None, "ann", "bob"]),
    status=st.sampled_from(Status),
    takes_over=st.booleans(),
)
def test_a_claim_does_to_any_item_what_memory_does_or_leaves_what_cannot_be_read(
    dynamodb: DynamoDBStore,
    client: Any,
    name: str,
    value: dict[str, Any] | None,
    owner: str | None,
    status: Status,
    takes_over: bool,
) -> None:
    key = f"poison/{uuid.uuid4()}"
    lease_until = Millis(2_000 if owner and status is Status.IN_PROGRESS else 0)
    record = Record(key, status, owner, 1, Millis(1_000), Millis(1_000), lease_until, Seconds(99), "1:abc")
    item = write(record, dynamodb.layout)
    item.pop(name, None)
    if value:
        item[name] = value
    put = put_as_it_comes(client, item)
    command = Claim(key, "bob", Millis(50_000), Millis(80_000), Seconds(200), "1:abc", takes_over)
    try:
        found = dynamodb.apply(Load(key))
    except CorruptRecord:
        with pytest.raises(CorruptRecord):
            dynamodb.apply(command)
        assert stored(client, key) == put
        return
    assert found is None or isinstance(found, Record)
    expected, reply = claim(found, command)
    assert dynamodb.apply(command) == reply
    assert dynamodb.apply(Load(key)) == expected


def put_as_it_comes(client: Any, item: dict[str, Any]) -> Any:
    """What the table holds after it was asked to hold this: some values it does not take."""
    with contextlib.suppress(botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError):
        client.put_item(TableName="records", Item=item)
    return stored(client, item["id"]["S"])


def stored(client: Any, key: str) -> Any:
    return client.get_item(TableName="records", Key={"id": {"S": key}}, ConsistentRead=True).get("Item")


@pytest.mark.parametrize(
    "poisoned",
    [{"attempt": {"N": "1.5"}}, {"started": {"N": "0.1"}}, {"steps": {"M": {"charge": {"S": "paid"}}}}],
)
def test_nothing_runs_on_a_record_that_only_its_reader_can_tell_from_a_good_one(
    dynamodb: DynamoDBStore, client: Any, trial: Trial, poisoned: dict[str, Any]
) -> None:
    trial.claim("ann")
    client.put_item(TableName="records", Item={**stored(client, trial.key), **poisoned})
    for owner in ("bob", "eve", "bob"):
        trial.time_passes(2 * LEASE)
        with pytest.raises(CorruptRecord):
            trial.claim(owner)


def test_records_of_powertools_are_honoured_and_taken_over(dynamodb: DynamoDBStore, client: Any) -> None:
    powertools = pytest.importorskip("aws_lambda_powertools.utilities.idempotency")
    layer = powertools.DynamoDBPersistenceLayer(table_name="records", boto3_client=client)

    config = powertools.IdempotencyConfig()
    config.register_lambda_context(SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000))
    options = {"persistence_store": layer, "config": config, "key_prefix": (prefix := uuid.uuid4().hex)}

    @powertools.idempotent_function(data_keyword_argument="order", **options)
    def pay(order: str) -> dict[str, Any]:
        (item,) = listed(client, prefix)
        key = item["id"]["S"]
        trial = Trial(dynamodb.apply, key)
        running = trial.claim("ann")
        assert isinstance(running, Existing)
        assert running.record.is_live(trial.now)
        return {"key": key}

    key = pay(order="7")["key"]
    trial = Trial(dynamodb.apply, key)
    done = trial.claim("ann")
    assert isinstance(done, Existing)
    assert (done.record.status, done.record.reply) == (Status.COMPLETED, f'{{"key": "{key}"}}')
    trial.time_passes(2 * 3_600_000)
    assert trial.claim("ann") == Claimed(1, trial.now, Millis(trial.now + LEASE), {}, 0)


def listed(client: Any, prefix: str) -> list[Any]:
    condition, values = "begins_with(id, :prefix)", {":prefix": {"S": prefix}}
    pages = client.get_paginator("scan").paginate(
        TableName="records", FilterExpression=condition, ExpressionAttributeValues=values
    )
    return [item for page in pages for item in page["Items"]]


# Sizes


def test_a_reply_of_the_limit_fits_whatever_the_steps_were(dynamodb: DynamoDBStore, trial: Trial) -> None:
    trial.claim("ann")
    trial.save("ann", {"charge": Step(True, "x" * 390_000)})
    assert dynamodb.reply_limit is not None
    assert trial.complete("ann", "x" * dynamodb.reply_limit) == Done()


def test_a_final_record_of_the_longest_names_and_keys_fits(dynamodb_endpoint: str) -> None:
    names = {field: f"{field}{'-' * (255 - len(field))}" for field in Names._fields}
    store = DynamoDBStore(
        "longest", endpoint=dynamodb_endpoint, attributes=names, sort_key="S" * 255, sort_value="x" * 1024
    )
    store.create_table()
    trial = Trial(store.apply, "k" * 2048)
    trial.claim("o" * 64, fingerprint="1:" + "f" * 64)
    assert store.reply_limit is not None
    assert trial.complete("o" * 64, "x" * store.reply_limit) == Done()
    trial.redo(trial.found())
    trial.time_passes(1)
    trial.claim("o" * 64)
    assert trial.complete("o" * 64, "x" * store.reply_limit) == Done()
    store.close()


def test_steps_that_are_too_large_together_are_refused_and_harm_nothing(trial: Trial) -> None:
    trial.claim("ann")
    trial.save("ann", {"charge": Step(True, "x" * 300_000)})
    record = trial.found()
    with pytest.raises(ConfigurationError, match=r"400 KB.*Return less from its steps"):
        trial.save("ann", {"mail": Step(True, "x" * 300_000)})
    assert trial.load() == record
    assert trial.complete("ann") == Done()


def test_a_key_that_is_too_long_is_refused(dynamodb: DynamoDBStore) -> None:
    with pytest.raises(ConfigurationError, match="2048 bytes"):
        Trial(dynamodb.apply, "k" * 2049).claim("ann")


# Where it is, and who speaks to it


def test_a_url_opens_it(dynamodb_endpoint: str) -> None:
    store = open_store(f"dynamodb://records?endpoint={dynamodb_endpoint}&region=eu-central-1&tries=1&read_timeout=0.5")
    assert isinstance(Trial(store.apply).claim("ann"), Claimed)
    assert store.name == "dynamodb://records"
    store.close()


def test_a_closed_store_goes_on_when_it_is_asked(dynamodb_endpoint: str) -> None:
    store = DynamoDBStore("records", endpoint=dynamodb_endpoint)
    trial = Trial(store.apply)
    trial.claim("ann")
    store.close()
    store.close()
    assert trial.found().owner == "ann"
    store.close()


def test_a_client_of_the_users_own_is_taken_as_it_is_and_left_open(client: Any) -> None:
    store = DynamoDBStore("records", client=client)
    trial = Trial(store.apply)
    trial.claim("ann")
    store.close()
    assert client.get_item(TableName="records", Key={"id": {"S": trial.key}})["Item"]["owner"] == {"S": "ann"}


@pytest.mark.parametrize("library", ["boto3", "botocore"])
def test_a_session_of_the_users_own_makes_the_client(dynamodb_endpoint: str, library: str) -> None:
    boto3 = pytest.importorskip("boto3")
    credentials = {"aws_access_key_id": "own", "aws_secret_access_key": "own", "region_name": "eu-north-1"}
    session = boto3.Session(**credentials) if library == "boto3" else botocore.session.Session()
    store = DynamoDBStore("records", session=session, endpoint=dynamodb_endpoint)
    assert isinstance(Trial(store.apply).claim("ann"), Claimed)
    region = store._connection.client.meta.region_name
    assert region == ("eu-north-1" if library == "boto3" else "eu-west-1")
    store.close()


@pytest.mark.parametrize("what", ["resource", "table", "something"])
def test_what_is_no_client_is_refused(dynamodb_endpoint: str, what: str) -> None:
    boto3 = pytest.importorskip("boto3")
    resource = boto3.resource("dynamodb", endpoint_url=dynamodb_endpoint)
    given = {"resource": resource, "table": resource.Table("records"), "something": "records"}[what]
    with pytest.raises(ConfigurationError, match=r"\.meta\.client"):
        DynamoDBStore("records", client=given)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_a_client_of_its_own(dynamodb_endpoint: str) -> None:
    store = DynamoDBStore("records", endpoint=dynamodb_endpoint, connection="botocore")
    trial = Trial(store.apply)
    trial.claim("ann")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            inherited = store._connection._own
            is_found = store.apply(Load(trial.key)) is not None
            status = 0 if is_found and store._connection._own is not inherited else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert trial.complete("ann") == Done()
    store.close()
