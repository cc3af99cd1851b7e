"""A DynamoDB store that is set up wrongly, or cannot be reached: told with its remedy."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from twicesafe.errors import ConfigurationError, StoreUnavailable
from twicesafe.protocol.commands import Claimed, Load
from twicesafe.stores.base import open_store
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(dynamodb_endpoint: str) -> Any:
    return botocore.session.Session().create_client("dynamodb", endpoint_url=dynamodb_endpoint)


def refused(store: DynamoDBStore, match: str) -> None:
    """A claim is refused, with these words and the store's name."""
    try:
        with pytest.raises(ConfigurationError, match=match) as refusal:
            Trial(store.apply).claim("ann")
        assert store.name in str(refusal.value)
    finally:
        store.close()


# URLs and arguments


@pytest.mark.parametrize("url", ["dynamodb://", "dynamodb://ab", "dynamodb://a b", "dynamodb://a/b", "dynamodb:///t/x"])
def test_a_url_must_name_a_table(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no table"):
        open_store(url)


@pytest.mark.parametrize(
    "query",
    ["regoin=eu-west-1", "region=", "tries=many", "tries=0", "tries=1.5", "read_timeout=-1", "read_timeout=nan", "x"],
)
def test_an_option_that_is_not_known_is_refused(query: str) -> None:
    with pytest.raises(ConfigurationError, match="which is not understood"):
        open_store(f"dynamodb://records?{query}")


@pytest.mark.parametrize(
    "attributes", [{"ID": "pk"}, {"id": ""}, {"id": "data"}, {"id": "x" * 256}, {"id": "SK"}, {"status": "é" * 128}]
)
def test_attributes_are_named_without_doubt(attributes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="none like another"):
        DynamoDBStore("records", attributes=attributes, sort_key="SK")


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_a_url_can_say_all(client: Any, dynamodb_endpoint: str, connection: str) -> None:
    query = "attribute.id=PK&attribute.expiration=ttl&sort_key=SK&sort_value=once&connect_timeout=0.5&region=eu-north-1"
    store = open_store(f"dynamodb://said?connection={connection}&{query}&endpoint={dynamodb_endpoint}")
    assert isinstance(store, DynamoDBStore)
    store.create_table()
    trial = Trial(store.apply)
    trial.claim("ann")
    item = client.get_item(TableName="said", Key={"PK": {"S": trial.key}, "SK": {"S": "once"}})["Item"]
    assert "ttl" in item
    assert region_of(store) == "eu-north-1"
    store.close()


def region_of(store: DynamoDBStore) -> str:
    connection: Any = store._connection
    region: str = (
        connection._means.place.region if hasattr(connection, "_means") else connection.client.meta.region_name
    )
    return region


def test_a_table_may_be_named_by_its_arn(dynamodb_endpoint: str) -> None:
    arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/records"
    store = open_store(f"dynamodb://{arn}?endpoint={dynamodb_endpoint}")
    assert store.name == f"dynamodb://{arn}"
    store.close()


# What is missing


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without anything of AWS."""
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_without_a_region_it_does_not_open(bare: pytest.MonkeyPatch, connection: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a region"):
        open_store(f"dynamodb://records?connection={connection}")


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_the_region_that_lambda_sets_is_enough(bare: pytest.MonkeyPatch, connection: Any) -> None:
    bare.setenv("AWS_REGION", "eu-south-2")
    store = DynamoDBStore("records", connection=connection)
    assert region_of(store) == "eu-south-2"
    store.close()


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_without_credentials_it_says_where_to_get_some(
    bare: pytest.MonkeyPatch, dynamodb_endpoint: str, connection: Any
) -> None:
    store = DynamoDBStore("records", connection=connection, region="eu-west-1", endpoint=dynamodb_endpoint)
    refused(store, "has no credentials")


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_a_profile_that_is_not_there_is_named(bare: pytest.MonkeyPatch, connection: str) -> None:
    bare.setenv("AWS_PROFILE", "zork")
    with pytest.raises(ConfigurationError, match="zork"):
        open_store(f"dynamodb://records?region=eu-west-1&connection={connection}")


@pytest.mark.parametrize("connection", ["direct", "botocore"])
@pytest.mark.parametrize("query", ["endpoint=nowhere", "region=eu%20west"])
def test_a_place_that_cannot_be_is_refused(query: str, connection: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used as it is set up"):
        open_store(f"dynamodb://records?{query}&connection={connection}")


def test_a_connection_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='takes "direct" or "botocore"'):
        open_store("dynamodb://records?connection=carrier-pigeon")


def test_a_client_of_the_users_own_is_not_direct(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="leave connection='direct' out"):
        DynamoDBStore("records", client=client, connection="direct")


def test_without_boto3_botocore_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("twicesafe.stores.dynamodb.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'twicesafe\[dynamodb\]'"):
        DynamoDBStore("records", connection="botocore")


def test_a_table_that_is_not_there_is_named_with_its_remedy(dynamodb_endpoint: str) -> None:
    store = DynamoDBStore("missing", endpoint=dynamodb_endpoint)
    refused(store, "is not there .*twicesafe table --name missing create")


KEYS = [
    [("PK", "HASH", "S")],
    [("id", "HASH", "N")],
    [("id", "HASH", "S"), ("SK", "RANGE", "S")],
]


@pytest.mark.parametrize("key", KEYS, ids=["another name", "another type", "a sort key"])
def test_a_table_with_another_key_is_refused_by_claims_and_when_it_is_to_be_made(
    client: Any, dynamodb_endpoint: str, key: list[tuple[str, str, str]]
) -> None:
    name = f"another-{os.urandom(4).hex()}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": attribute, "KeyType": kind} for attribute, kind, _ in key],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": letter} for attribute, _, letter in key],
        BillingMode="PAY_PER_REQUEST",
    )
    store = DynamoDBStore(name, endpoint=dynamodb_endpoint)
    with pytest.raises(ConfigurationError, match=r"is there already with another key.*attribute\.id=PK"):
        store.create_table()
    refused(store, "key does not fit the table")


# What does not answer


@pytest.fixture
def silent() -> Iterator[str]:
    """Somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_a_server_that_says_nothing_costs_no_more_than_was_allowed(silent: str, connection: Any) -> None:
    store = DynamoDBStore("records", connection=connection, endpoint=silent, read_timeout=0.2, tries=2)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="Read timeout") as error:
        store.apply(Load("order#1"))
    assert 0.4 <= time.monotonic() - begun < 20  # not the minutes of botocore's own
    assert error.value.key == "order#1"
    store.close()


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_a_port_where_nobody_listens_is_unavailable(connection: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    store = DynamoDBStore("records", connection=connection, endpoint=f"http://127.0.0.1:{port}")
    with pytest.raises(StoreUnavailable, match="Could not connect"):
        Trial(store.apply).claim("ann")
    store.close()


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_a_host_that_is_not_known_is_unavailable(connection: Any) -> None:
    store = DynamoDBStore("records", connection=connection, endpoint="http://dynamodb.invalid", tries=1)
    with pytest.raises(StoreUnavailable, match="Could not connect"):
        Trial(store.apply).claim("ann")
    store.close()


@pytest.mark.parametrize("connection", ["direct", "botocore"])
def test_the_endpoint_of_the_environment_is_used(
    dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch, connection: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_endpoint)
    store = DynamoDBStore("records", connection=connection)
    store.create_table()
    assert isinstance(Trial(store.apply).claim("ann"), Claimed)
    store.close()
