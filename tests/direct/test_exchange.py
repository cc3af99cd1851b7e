"""What can come back instead of an answer, or beside one."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tests.direct.server import Peer, answer, answers, item, refusal, serving
from twicesafe.errors import ConfigurationError, StoreUnavailable
from twicesafe.stores.base import bounded_by
from twicesafe.stores.dynamodb.clock import Watch, wall
from twicesafe.stores.dynamodb.direct.http1 import Answer
from twicesafe.stores.dynamodb.direct.idle import Idle
from twicesafe.stores.dynamodb.direct.means import means
from twicesafe.stores.dynamodb.direct.one_try import Connect, Exchange, one_try
from twicesafe.stores.dynamodb.layout import Layout, Options
from twicesafe.stores.dynamodb.requests import Accepted, Request

if TYPE_CHECKING:
    from tests.direct.conftest import Asker
    from tests.direct.server import Script

SOMETHING = answer(item("order#1"))


def says(data: bytes) -> Script:
    """One request is heard, and this is said."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(data)

    return script


def resets(script: Script) -> Script:
    """The same, and an RST."""

    def reset(peer: Peer) -> None:
        script(peer)
        peer.reset()

    return reset


def is_silent(peer: Peer) -> None:
    """Every request is heard, and nothing is said."""
    while peer.hear() is not None:
        pass


def leaves(peer: Peer) -> None:
    """Nothing is heard."""


def test_an_answer_that_is_cut_after_any_byte_is_asked_for_again(asker: Asker) -> None:
    for length in range(len(SOMETHING)):
        with serving(says(SOMETHING[:length]), answers) as server, asker.store(server) as store:
            assert asker.ask(store) == "order#1"
            assert len(server.heard) == 2


@pytest.mark.parametrize(
    "script",
    [leaves, resets(leaves), says(b""), resets(says(b"")), resets(says(SOMETHING[:200]))],
    ids=["closed before", "reset before", "closed after", "reset after", "reset within"],
)
def test_a_connection_that_ends_early_is_followed_by_another(asker: Asker, script: Script) -> None:
    with serving(script, answers) as server, asker.store(server) as store:
        assert asker.ask(store) == "order#1"
        assert server.connections == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
for start in range(0, len(body := json.dumps(item("order#1")).encode()), 50):
    CHUNKED += b"%x\r\n%b\r\n" % (len(body[start : start + 50]), body[start : start + 50])
CHUNKED += b"0\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + SOMETHING, answer(item("order#1"), more="Connection: close\r\n")],
    ids=["chunked", "after 100", "the last"],
)
def test_an_answer_may_have_another_form(asker: Asker, said: bytes) -> None:
    with serving(says(said), answers) as server, asker.store(server, tries=1) as store:
        assert asker.ask(store) == "order#1"
        assert asker.ask(store, "order#2") == "order#2"


HTML = b"<html>503 Service Temporarily Unavailable</html>"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(HTML, 503), "status 503.*Temporarily"),
        (answer(HTML, 200), "status 200.*Temporarily"),
        (answer(HTML, 403), "status 403"),
        (answer(b"[]", 200), "status 200"),
        (answer({"status": "blocked"}, 200), "status 200.*blocked"),
        (b"220 smtp.example.com ESMTP\r\n\r\n", "no HTTP"),
        (answer(item("order#1"), crc=7), "CRC32"),
        (answer({"message": "unwell"}, 500), "500: unwell"),
        (answer({"message": "slow down"}, 429), "429: slow down"),
        (refusal("RequestTimeoutException"), "RequestTimeoutException"),
        (refusal("PriorRequestNotComplete"), "PriorRequestNotComplete"),
        (refusal("ThrottlingException"), "ThrottlingException"),
        (refusal("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException"),
    ],
)
def test_what_is_no_answer_is_asked_for_again_and_named_when_it_stays(asker: Asker, said: bytes, reason: str) -> None:
    with serving(says(said), answers) as server, asker.store(server) as store:
        assert asker.ask(store) == "order#1"
    with serving(says(said)) as server, asker.store(server) as store:
        with pytest.raises(StoreUnavailable, match=reason):
            asker.ask(store)
        assert len(server.heard) == 2


def test_a_body_of_any_size_is_whole(asker: Asker) -> None:
    def large(peer: Peer) -> None:
        while peer.hear() is not None:
            record = item("order#1")
            record["Item"]["data"] = {"S": "x" * 390_000}
            peer.say(answer(record))

    with serving(large) as server, asker.store(server, tries=1) as store:
        for _ in range(3):
            record = asker.load(store)
            assert record is not None
            assert record.reply == "x" * 390_000
        assert server.connections == 1


def test_what_was_said_beside_an_answer_is_nobodys(asker: Asker) -> None:
    with (
        serving(says(answer(item("order#1")) + answer(item("order#0"))), answers) as server,
        asker.store(server) as store,
    ):
        assert asker.ask(store) == "order#1"
        assert asker.ask(store, "order#2") == "order#2"
        assert server.connections == 2


@pytest.mark.parametrize("goes_on", [False, True], ids=["at rest", "while the loop runs"])
def test_what_is_said_unasked_later_is_nobodys(asker: Asker, goes_on: bool) -> None:
    was_said, may_say = threading.Event(), threading.Event()

    def chats(peer: Peer) -> None:
        says(answer(item("order#1")))(peer)
        may_say.wait(60)
        peer.say(answer(item("order#0")))
        was_said.set()
        peer.hear()

    with serving(chats, answers) as server, asker.store(server) as store:
        assert asker.ask(store) == "order#1"
        may_say.set()
        was_said.wait(60)
        if goes_on and asker.loop is not None:
            asker.loop.run_until_complete(asyncio.sleep(0.1))  # in which it would read what came
        assert asker.ask(store, "order#2") == "order#2"
        assert server.connections == 2


def test_a_silent_server_costs_what_was_allowed_for_each_try(asker: Asker) -> None:
    with serving(is_silent) as server, asker.store(server, read_timeout=0.1, tries=3) as store:
        with pytest.raises(StoreUnavailable, match="Read timeout") as error:
            asker.ask(store)
        assert error.value.key == "order#1"
        assert len(server.heard) == server.connections == 3


def test_a_server_that_says_a_byte_at_a_time_costs_no_more(asker: Asker) -> None:
    ended = threading.Event()

    def drips(peer: Peer) -> None:
        peer.hear()
        for at in range(len(SOMETHING)):
            peer.say(SOMETHING[at : at + 1])
            if ended.wait(0.05):
                return

    with serving(drips) as server, asker.store(server, read_timeout=0.3, tries=1) as store:
        with pytest.raises(StoreUnavailable, match="Read timeout"):
            asker.ask(store)
        ended.set()


def test_no_longer_is_waited_than_the_platform_leaves(asker: Asker) -> None:
    with serving(is_silent) as server, asker.store(server, read_timeout=300, tries=9) as store:
        with bounded_by(wall() + 300), pytest.raises(StoreUnavailable, match="no time is left to ask again"):
            asker.ask(store)
        assert len(server.heard) == 1


def test_the_last_request_of_a_delivery_is_sent_however_late_it_is(asker: Asker) -> None:
    with serving() as server, asker.store(server) as store, bounded_by(wall() - 1000):
        assert asker.ask(store) == "order#1"


# The clock


def keeps_time(ahead: int) -> Script:
    """Refuse, as AWS does, what is signed five minutes off."""

    def script(peer: Peer) -> None:
        import calendar
        import time

        while (heard := peer.hear()) is not None:
            signed = calendar.timegm(time.strptime(heard.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))
            if abs(time.time() + ahead - signed) > 300:
                peer.say(refusal("InvalidSignatureException", "Signature expired: is now earlier than", ahead=ahead))
            else:
                peer.say(answer(item(heard.key), ahead=ahead))

    return script


@pytest.mark.parametrize("ahead", [600, -600, 86_400])
def test_a_clock_that_is_off_is_corrected_and_said(asker: Asker, ahead: int, caplog: pytest.LogCaptureFixture) -> None:
    with serving(keeps_time(ahead)) as server, asker.store(server, tries=1) as store:
        assert asker.ask(store) == "order#1"
        assert asker.ask(store, "order#2") == "order#2"
        assert len(server.heard) == 3
        assert abs(store.clock_offset() - ahead * 1000) < 2_000
    (said,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "clock" in said.getMessage()


def test_a_signature_that_is_refused_at_the_right_time_is_an_error_at_once(asker: Asker) -> None:
    said = refusal("InvalidSignatureException", "The request signature we calculated does not match", ahead=0)
    with serving(says(said)) as server, asker.store(server) as store:
        with pytest.raises(ConfigurationError, match=r"credentials .* were refused"):
            asker.ask(store)
        assert len(server.heard) == 1


def test_a_time_that_stays_refused_is_an_error(asker: Asker) -> None:
    def refuses(peer: Peer) -> None:
        while peer.hear() is not None:
            peer.say(refusal("RequestExpired", "Signature expired", ahead=600))

    with serving(refuses) as server, asker.store(server) as store:
        with pytest.raises(ConfigurationError, match="clock right"):
            asker.ask(store)
        assert len(server.heard) == 2


# What goes out


def test_a_request_is_small_and_whole_and_has_no_more_than_it_needs(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-session")
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
    (heard,) = server.heard
    assert heard.line == "POST / HTTP/1.1"
    assert sorted(heard.headers) == [
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
    ]
    assert heard.headers["host"] == f"127.0.0.1:{server.port}"
    assert heard.headers["x-amz-security-token"] == "of-a-session"
    assert heard.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert "host;x-amz-date;x-amz-security-token;x-amz-target" in heard.headers["authorization"]
    assert b" " not in heard.body


def test_each_try_is_signed_anew(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def renews(peer: Peer) -> None:
        peer.hear()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")

    with serving(renews, answers) as server, asker.store(server) as store:
        asker.ask(store)
    assert ["Credential=renewed/" in heard.headers["authorization"] for heard in server.heard] == [False, True]


def test_nothing_secret_is_in_an_error_or_a_log(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "very-secret")
    shown: list[str] = []
    for script in (leaves, says(answer(HTML, 503)), says(refusal("AccessDeniedException"))):
        with serving(script) as server, asker.store(server) as store:
            with pytest.raises((StoreUnavailable, ConfigurationError)) as error:
                asker.ask(store)
            chain: Any = error.value
            while chain is not None:
                shown.append(f"{chain!r} {chain}")
                chain = chain.__cause__ or chain.__context__
    assert "very-secret" not in "\n".join([*shown, caplog.text])
    assert "Credential=" not in "\n".join([*shown, caplog.text])


def test_the_time_that_it_takes_to_connect_says_nothing_of_the_clock() -> None:
    watch = Watch(lambda _: None)
    layout, options = Layout("records"), Options(region="eu-west-1", endpoint="http://127.0.0.1:1")
    request = Request("GetItem", {"TableName": "records", "Key": layout.key("k")})
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=timezone.utc), tick=False) as clock:
        talk = one_try(means(layout, options, watch), Idle(), request, None)
        assert isinstance(next(talk), Connect)
        clock.shift(10)
        assert isinstance(talk.send(SimpleNamespace(close=lambda: None)), Exchange)
        headers = {"date": "Thu, 01 Jan 2026 00:00:15 GMT", "x-amzn-requestid": "R"}
        with pytest.raises(StopIteration) as end:
            talk.send(Answer(200, headers, b"{}", keeps=False))
    assert end.value.value == Accepted(None)
    assert abs(watch.offset - 5_000) < 1_000
