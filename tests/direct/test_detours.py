"""Where the way is not direct, and where nothing may be sent at all."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from tests.direct.server import serving
from twicesafe.errors import ConfigurationError
from twicesafe.protocol.commands import Claim, Claimed, Load
from twicesafe.protocol.records import Millis
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb.botocore import BotocoreConnection
from twicesafe.stores.dynamodb.direct.sync import DirectConnection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.direct.conftest import Asker


def way(**options: Any) -> type:
    store = DynamoDBStore("records", connection="direct", **options)
    store.close()
    return type(store._connection)


# Proxies


@pytest.mark.parametrize(
    ("environment", "endpoint", "expected"),
    [
        ({"HTTPS_PROXY": "http://proxy:1"}, None, BotocoreConnection),
        ({"https_proxy": "http://proxy:1"}, None, BotocoreConnection),
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://10.0.0.1", DirectConnection),
        ({"HTTP_PROXY": "http://proxy:1"}, "http://10.0.0.1", BotocoreConnection),
        ({"HTTP_PROXY": "http://proxy:1"}, None, DirectConnection),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": ".amazonaws.com"}, None, DirectConnection),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None, DirectConnection),
        ({"HTTPS_PROXY": ""}, None, DirectConnection),
    ],
)
def test_a_proxy_is_botocores_affair(
    environment: dict[str, str],
    endpoint: str | None,
    expected: type,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "twicesafe")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert way(endpoint=endpoint) is expected
    assert caplog.text.count("through botocore: a proxy is set") == (expected is BotocoreConnection)


def test_a_tables_account_counts_where_a_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required")
    store: Any = DynamoDBStore("arn:aws:dynamodb:eu-west-1:123456789012:table/records", region="eu-west-1")
    assert type(store._connection) is BotocoreConnection
    store.close()


# Profiles


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("[default]\nregion = eu-west-1\n", {}, DirectConnection),
        ("[default]\nendpoint_url = http://localhost:1\n", {}, BotocoreConnection),
        ("[default]\nuse_fips_endpoint=true\n", {}, BotocoreConnection),
        ("[default]\nca_bundle = /x.pem\n", {}, BotocoreConnection),
        ("[default]\n# endpoint_url = http://localhost:1\n", {}, DirectConnection),
        ("[default]\nendpoint_url = http://x\n", {"AWS_ENDPOINT_URL": "http://localhost:1"}, DirectConnection),
        ("[default]\nendpoint_url = http://x\n", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, DirectConnection),
    ],
)
def test_what_a_profile_says_of_the_way_is_not_passed_over(
    text: str, environment: dict[str, str], expected: type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert way() is expected


def test_the_region_of_a_profile_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("[default]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    store: Any = DynamoDBStore("records", connection="direct")
    assert store._connection._means.place.host == "dynamodb.eu-north-1.amazonaws.com"
    store.close()


# Mocks


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way to AWS, should anything be sent."""
    import socket

    def refuse(host: str, *args: Any, **kwargs: Any) -> Any:
        pytest.fail(f"{host} was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_under_motos_mock_nothing_is_sent_and_the_ways_out_are_named(asker: Asker, unreachable: None) -> None:
    store = DynamoDBStore("records", connection="direct")
    with mock_aws(), pytest.raises(ConfigurationError, match="moto") as error:
        asker.ask(store)
    for way_out in ("connection='botocore'", "AWS_ENDPOINT_URL_DYNAMODB", "memory://"):
        assert way_out in str(error.value)
    store.close()


def test_botocore_is_seen_by_motos_mock() -> None:
    with mock_aws():
        store = DynamoDBStore("records", connection="botocore")
        store.create_table()
        assert store.apply(Load("order#1")) is None
        assert isinstance(store.apply(Claim("order#1", "ann", Millis(1), Millis(2), None)), Claimed)
        store.close()


def test_motos_server_mode_is_reached_while_a_mock_is_active(asker: Asker) -> None:
    with serving() as server, asker.store(server) as store, mock_aws():
        assert asker.ask(store) == "order#1"


def test_when_no_mock_is_active_moto_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1", *a, **k))
    assert "moto.core.models" in sys.modules
    with serving() as server:
        store: Any = DynamoDBStore("records", connection="direct", tries=1)
        connection = store._connection
        place = connection._means.place._replace(is_tls=False, port=server.port)
        connection._means.desk._place = place
        connection._means = connection._means._replace(place=place, trust=None)
        assert store.apply(Load("order#1")).key == "order#1"
        store.close()
