"""A call that may change something and runs without protection is warned of, once, with what to do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing
from twicesafe import ConfigurationError, idempotent
from twicesafe.protocol.commands import Claim


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def http(method: str, source: str = "http-api") -> dict[str, Any]:
    if source == "http-api":
        event = s.http_api(None)
        event["requestContext"]["http"]["method"] = method
        return event
    if source == "alb":
        return {**s.SAMPLES["alb"][0], "httpMethod": method, "multiValueHeaders": {}}
    return {**s.SAMPLES[source][0], "httpMethod": method, "method": method, "headers": {}}


def handled(event: Any, context: Any = None, **options: Any) -> None:
    handler = idempotent(store=Clocked(), name="pay", **options)(lambda event, context: {"statusCode": 200})
    for _ in range(2):
        handler(event, context or Context())


@pytest.mark.parametrize("source", ["http-api", "rest", "alb", "lattice", "lattice 1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_request_that_changes_things_and_has_no_key_is_warned_of_once(
    method: str, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    handled(http(method, source))
    (warning,) = warnings(caplog)
    assert "pay" in warning
    assert "without protection" in warning
    assert "@idempotent(require_key=True)" in warning


@pytest.mark.parametrize("source", ["http-api", "rest", "alb", "lattice", "lattice 1"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_request_that_only_reads_is_not(method: str, source: str, caplog: pytest.LogCaptureFixture) -> None:
    handled(http(method, source))
    assert warnings(caplog) == []


UNPROTECTED = ["appsync without key", "rabbitmq without id", "websocket message"]
APPSYNC = s.appsync(key=None)


@pytest.mark.parametrize("name", UNPROTECTED)
def test_a_message_of_a_caller_that_has_no_key_is_warned_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    handled(APPSYNC if name == "appsync without key" else s.SAMPLES[name][0])
    (warning,) = warnings(caplog)
    assert "without protection" in warning
    assert ("require_key" in warning) == (name == "appsync without key")


@pytest.mark.parametrize("name", ["direct", "confirmation", "step functions", "lex fulfilment", "connect"])
def test_what_only_the_request_id_tells_is_warned_of_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    handled(s.SAMPLES[name][0])
    (warning,) = warnings(caplog)
    assert "Lambda's own retries only" in warning
    assert "@idempotent(key=...)" in warning


def test_what_nothing_tells_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    handled({"order": 1}, object())
    (warning,) = warnings(caplog)
    assert "without protection" in warning


QUIET = [name for name, (_, _, kind, fields) in s.SAMPLES.items() if kind == "never" or fields]


@pytest.mark.parametrize("name", QUIET)
def test_what_is_protected_or_meant_to_run_again_is_not_warned_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    handled(s.SAMPLES[name][0])
    assert warnings(caplog) == []


@pytest.mark.parametrize("event", [http("POST"), {"order": 1}, APPSYNC])
def test_a_key_of_the_users_own_ends_the_warning(event: Any, caplog: pytest.LogCaptureFixture) -> None:
    handled(event, key=lambda event: "o-1")
    assert warnings(caplog) == []


def test_each_function_and_each_reason_has_its_own_warning(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("pay", "mail"):
        handler = idempotent(store=Clocked(), name=name)(lambda event, context: {"statusCode": 200})
        for event in (http("POST"), http("PUT"), {"order": 1}):
            handler(event, Context())
    assert len(warnings(caplog)) == 4


def test_a_run_that_fail_open_lets_through_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    handler = idempotent(store=Failing(Claim), fail_open=True, name="pay")(lambda event, context: None)
    for number in range(3):
        handler({"Records": [s.sqs(message_id=str(number))]}, Context())
    (warning,) = warnings(caplog)
    assert "fail_open" in warning
    assert "it was told to" in warning


# Nothing to tell calls apart


def no_arguments() -> str:
    return "done"


def defaults(dry_run: bool = False, *, region: str = "eu") -> str:
    return "done"


def anything(*args: Any, **kwargs: Any) -> str:
    return "done"


class Job:
    @staticmethod
    def run() -> str:
        return "done"

    def __call__(self) -> str:
        return "done"


async def no_arguments_async() -> str:
    return "done"


@pytest.mark.parametrize("function", [no_arguments, no_arguments_async, Job.run, Job()])
def test_a_function_without_arguments_needs_a_key_at_decoration(function: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"takes no arguments.*key=lambda"):
        idempotent(store=Clocked())(function)
    assert callable(idempotent(store=Clocked(), key=lambda: "once")(function))


@pytest.mark.parametrize("function", [defaults, anything])
def test_a_call_without_arguments_needs_a_key(function: Any) -> None:
    store = Clocked()
    with pytest.raises(ConfigurationError, match="without arguments"):
        idempotent(store=store)(function)()
    assert store._records == {}
    assert idempotent(store=store)(function)("given") == "done"


def test_a_key_from_elsewhere_tells_calls_without_arguments_apart() -> None:
    current: dict[str, str] = {}
    made: list[str] = []
    create = idempotent(store=Clocked(), name="create", key=lambda: current["id"])(lambda: made.append(current["id"]))
    for order in ("o-1", "o-2", "o-1"):
        current["id"] = order
        create()
    assert made == ["o-1", "o-2"]
