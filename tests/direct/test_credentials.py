"""Whose requests they are: each source is a real one."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.direct.server import Peer, answer, answers, item, refusal, serving
from twicesafe.errors import ConfigurationError, StoreUnavailable
from twicesafe.protocol.commands import Load
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb.clock import wall
from twicesafe.stores.dynamodb.direct.container import EARLY
from twicesafe.stores.dynamodb.direct.credentials import Wallet
from twicesafe.stores.dynamodb.direct.signing import Credentials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.direct.conftest import Asker
    from tests.direct.server import Script, Server


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    return monkeypatch


def signers(server: Server) -> list[str]:
    """Who signed the requests, by their access keys."""
    return [heard.headers["authorization"].partition("Credential=")[2].partition("/")[0] for heard in server.heard]


# The environment


def refuses(code: str, *accepted: str) -> Script:
    """Refuse all but these access keys."""

    def script(peer: Peer) -> None:
        while (heard := peer.hear()) is not None:
            is_accepted = any(f"Credential={key}/" in heard.headers["authorization"] for key in accepted)
            peer.say(answer(item(heard.key)) if is_accepted else refusal(code))

    return script


each_code = pytest.mark.parametrize(
    "code", ["ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"]
)


@each_code
def test_credentials_that_are_refused_are_an_error_at_once(asker: Asker, code: str) -> None:
    with serving(refuses(code)) as server, asker.store(server) as store:
        with pytest.raises(ConfigurationError, match=r"credentials .* were refused"):
            asker.ask(store)
        assert len(server.heard) == 1


@each_code
def test_where_there_are_others_by_now_they_are_used(asker: Asker, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def expires(peer: Peer) -> None:
        peer.hear()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
        peer.say(refusal(code))
        answers(peer)

    with serving(expires) as server, asker.store(server, tries=1) as store:
        assert asker.ask(store) == "order#1"
        assert signers(server) == ["test", "new"]


def test_the_environment_is_read_at_each_request(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server, asker.store(server) as store:
        for key in ("one", "two"):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
            asker.ask(store)
        assert signers(server) == ["one", "two"]


def test_half_of_a_key_is_refused(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY is not"), asker.store("http://127.0.0.1"):
        pass


# A container's endpoint


def in_time(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Container:
    """Gives credentials out, numbered; each lasts for so many seconds."""

    def __init__(self, lasts: float = 3600) -> None:
        self.lasts = lasts
        self.given = 0
        self.is_ill = False
        self.pause = 0.0

    def __call__(self, peer: Peer) -> None:
        while peer.hear() is not None:
            if self.is_ill:
                peer.say(answer(b"no", 500))
                continue
            time.sleep(self.pause)
            self.given += 1
            said = {"AccessKeyId": f"given{self.given}", "SecretAccessKey": "s", "Token": "t"}
            peer.say(answer({**said, "Expiration": in_time(self.lasts)}))


def points_at(server: Server, environment: pytest.MonkeyPatch, token: str = "let me in") -> None:
    environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.endpoint}/role?x=1")
    environment.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)


def test_a_container_gives_them_once_until_they_end(asker: Asker, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # never through a proxy
    bare.setenv("NO_PROXY", "*")
    with serving(Container()) as container, serving() as server:
        points_at(container, bare)
        with asker.store(server) as store:
            assert container.heard == []  # a snapshot must not have them
            for _ in range(3):
                asker.ask(store)
        (heard,) = container.heard
        assert heard.line == "GET /role?x=1 HTTP/1.1"
        assert heard.headers["authorization"] == "let me in"
        assert signers(server) == ["given1"] * 3
        assert server.heard[0].headers["x-amz-security-token"] == "t"


def test_a_token_in_a_file_is_read_each_time(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    bare.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(path))
    with serving(Container(lasts=1)) as container:
        points_at(container, bare, "old")
        wallet = Wallet("dynamodb://records")
        for token in ("one", "two"):
            path.write_text(token)
            wallet.fetch(wall())
        assert [heard.headers["authorization"] for heard in container.heard] == ["one", "two"]


def test_they_are_renewed_early_and_the_old_ones_used_while_that_fails(
    asker: Asker, bare: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gives = Container(lasts=EARLY / 1000 - 60)
    with serving(gives) as container, serving() as server:
        points_at(container, bare)
        with asker.store(server) as store:
            asker.ask(store)
            asker.ask(store)
            gives.is_ill = True
            for _ in range(3):
                asker.ask(store)
        assert signers(server) == ["given1", "given2", "given2", "given2", "given2"]
        assert len(container.heard) == 3  # after one that failed there is a pause
        assert len([one for one in caplog.records if "could not be renewed yet" in one.getMessage()]) == 1
        assert all(one.levelno == logging.WARNING for one in caplog.records)


def test_once_they_have_ended_it_is_an_error(asker: Asker, bare: pytest.MonkeyPatch) -> None:
    gives = Container(lasts=-1)
    with serving(gives) as container, serving() as server:
        points_at(container, bare)
        with asker.store(server) as store:
            asker.ask(store)
            gives.is_ill = True
            with pytest.raises(StoreUnavailable, match="did not give the credentials: it answered 500"):
                asker.ask(store)


def test_credentials_that_were_refused_are_fetched_anew(asker: Asker, bare: pytest.MonkeyPatch) -> None:
    with serving(Container()) as container, serving(refuses("ExpiredTokenException", "given2")) as server:
        points_at(container, bare)
        with asker.store(server, tries=1) as store:
            assert asker.ask(store) == "order#1"
        assert signers(server) == ["given1", "given2"]


def test_one_thread_renews_and_the_others_go_on_with_the_old_ones(bare: pytest.MonkeyPatch) -> None:
    gives = Container(lasts=EARLY / 1000 - 60)
    with serving(gives) as container:
        points_at(container, bare)
        wallet = Wallet("dynamodb://records")
        old = wallet.fetch(wall())
        gives.pause = 0.5
        slow = threading.Thread(target=wallet.fetch, args=(wall(),))
        slow.start()
        while len(container.heard) < 2:
            time.sleep(0.001)
        assert [wallet.fetch(wall()) for _ in range(5)] == [old] * 5
        slow.join()
        assert len(container.heard) == 2


def test_at_the_first_time_all_wait_for_one(bare: pytest.MonkeyPatch) -> None:
    found: list[Credentials] = []
    with serving(Container()) as container:
        points_at(container, bare)
        wallet = Wallet("dynamodb://records")
        wallet.prepare()
        threads = [threading.Thread(target=lambda: found.append(wallet.fetch(wall()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(container.heard) == 1
    assert found == [Credentials("given1", "s", "t")] * 8


@pytest.mark.parametrize(
    "uri", ["http://example.com/x", "http://10.0.0.1/", "ftp://127.0.0.1/", "127.0.0.1/x", "http://169.254.169.254/"]
)
def test_a_token_is_not_sent_just_anywhere(asker: Asker, bare: pytest.MonkeyPatch, uri: str) -> None:
    bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
    with pytest.raises(ConfigurationError, match="is not https nor here"), asker.store("http://127.0.0.1"):
        pass


def test_a_token_of_two_lines_is_not_sent(asker: Asker, bare: pytest.MonkeyPatch) -> None:
    with serving(Container()) as container, serving() as server:
        points_at(container, bare, "very\r\nsecret: x")
        with asker.store(server) as store, pytest.raises(ConfigurationError, match="more than one line") as error:
            asker.ask(store)
        assert "secret" not in str(error.value)
        assert container.heard == []


@pytest.mark.parametrize(
    "said",
    [
        answer({"AccessKeyId": "very-secret"}),
        answer(["very-secret"]),
        answer(b"very-secret"),
        answer({"AccessKeyId": "a", "SecretAccessKey": "very-secret", "Token": "t", "Expiration": "soon"}),
        answer({"message": "very-secret"}, 404),
    ],
)
def test_what_are_no_credentials_are_not_used_and_not_shown(
    asker: Asker, bare: pytest.MonkeyPatch, said: bytes
) -> None:
    def gives(peer: Peer) -> None:
        peer.hear()
        peer.say(said)

    with serving(gives) as container, serving() as server:
        points_at(container, bare)
        with asker.store(server) as store, pytest.raises(StoreUnavailable, match="credentials") as error:
            asker.ask(store)
        assert "very-secret" not in str(error.value) + repr(error.value.__cause__)
        assert server.heard == []


# All else is botocore's


def profile(bare: pytest.MonkeyPatch, tmp_path: Path, text: str, setting: str = "AWS_SHARED_CREDENTIALS_FILE") -> None:
    path = tmp_path / setting
    path.write_text(text)
    bare.setenv(setting, str(path))


def test_a_profile_is_read_by_botocore_and_the_requests_are_direct(
    asker: Asker, bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "[work]\naws_access_key_id = of-a-profile\naws_secret_access_key = s\naws_session_token = t\n"
    profile(bare, tmp_path, text)
    bare.setenv("AWS_PROFILE", "work")
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
        assert signers(server) == ["of-a-profile"]
        assert server.heard[0].headers["user-agent"] == "twicesafe"


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_profile_that_is_not_there_is_an_error_of_ours(
    bare: pytest.MonkeyPatch, tmp_path: Path, region: str | None
) -> None:
    profile(bare, tmp_path, "[other]\nregion = eu-west-1\n", "AWS_CONFIG_FILE")
    bare.setenv("AWS_PROFILE", "work")
    bare.delenv("AWS_DEFAULT_REGION", raising=False)
    bare.delenv("AWS_REGION", raising=False)
    with pytest.raises(ConfigurationError, match=r"dynamodb://records .*\(work\)"):
        DynamoDBStore("records", connection="direct", region=region).apply(Load("order#1"))


def test_keys_of_the_environment_come_before_a_profile(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile(monkeypatch, tmp_path, "[work]\naws_access_key_id = of-a-profile\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_PROFILE", "work")
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
        assert signers(server) == ["test"]


def test_a_profile_comes_before_a_container(asker: Asker, bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile(bare, tmp_path, "[default]\naws_access_key_id = of-a-profile\naws_secret_access_key = s\n")
    with serving(Container()) as container, serving() as server:
        points_at(container, bare)
        with asker.store(server) as store:
            asker.ask(store)
        assert signers(server) == ["of-a-profile"]


def test_a_process_that_gives_credentials_is_asked_again_when_they_end(
    asker: Asker, bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys

    counter, program = tmp_path / "counter", tmp_path / "gives.py"
    counter.write_text("0")
    program.write_text(
        "import json, pathlib, datetime\n"
        f"counter = pathlib.Path({str(counter)!r})\n"
        "number = int(counter.read_text()) + 1\n"
        "counter.write_text(str(number))\n"
        "ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5 if number < 2 else 3600)\n"
        "said = {'Version': 1, 'AccessKeyId': f'given{number}', 'SecretAccessKey': 's', 'SessionToken': 't'}\n"
        "print(json.dumps({**said, 'Expiration': ends.isoformat()}))\n"
    )
    profile(bare, tmp_path, f"[default]\ncredential_process = {sys.executable} {program}\n", "AWS_CONFIG_FILE")
    with serving() as server, asker.store(server) as store:
        for _ in range(3):
            asker.ask(store)
        assert signers(server)[-1] == "given2"
        assert counter.read_text() == "2"


def test_without_botocore_it_says_what_was_looked_for(asker: Asker, bare: pytest.MonkeyPatch) -> None:
    import sys

    bare.setitem(sys.modules, "botocore.session", None)
    with serving() as server, asker.store(server) as store:
        with pytest.raises(ConfigurationError, match=r"AWS_ACCESS_KEY_ID, AWS_CONTAINER_.*FULL_URI.*botocore"):
            asker.ask(store)
        assert server.heard == []
