"""A store that hangs: the delivery ends in an error, in processes that are killed at their deadline."""

from __future__ import annotations

import itertools
import json
import os
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.faults import answer_is_lost_in_silence, is_lost_in_silence
from tests.keys import samples as s
from twicesafe.lab.loading import Target
from twicesafe.lab.rounds import Round, call
from twicesafe.lab.sandbox import Delivered, Function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.proxy import FaultProxy

FUNCTIONS = Path(__file__).parent / "functions"
ALWAYS = 99
LIMIT = 1.0
"""Seconds; Lambda's shortest."""
LONGER = 3.0
"""Lambda's usual limit: to load an AWS SDK takes most of a second on a busy machine."""
EARLY = 100
"""Milliseconds before the deadline at which the error is there, on a machine that does other things too."""
CONNECTIONS = list(itertools.product(("direct", "botocore"), ("handler", "async_handler")))
each_connection = pytest.mark.parametrize(("connection", "handler"), [*CONNECTIONS, ("own client", "handler")])


class Lambda:
    """Delivers events to functions/charges.py, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._charges = folder / "charges"

    def deliver(
        self, endpoint: str, connection: str = "direct", handler: str = "handler", size: int = 1, **options: Any
    ) -> Delivered:
        messages = [{**s.sqs(), "messageId": f"{os.urandom(8).hex()}"} for _ in range(size)]
        limit = options.pop("limit", LIMIT if connection == "direct" else LONGER)
        environment = {"ENDPOINT": endpoint, "CONNECTION": connection, "CHARGES": str(self._charges), **options}
        function = Function(Target("charges", handler, (str(FUNCTIONS),)), limit, environment)
        with Round(function, [call(json.dumps({"Records": messages}))]) as processes:
            (delivered,) = processes.run()
        assert delivered.ending != "timed out"
        assert delivered.duration < limit * 1000 - EARLY
        return delivered

    def refused(self, *arguments: Any, **options: Any) -> None:
        """The store does not answer, and nothing has run."""
        delivered = self.deliver(*arguments, **options)
        assert (delivered.ending, delivered.reply["errorType"]) == ("raised", "StoreUnavailable")
        assert self.charges == 0

    @property
    def charges(self) -> int:
        return len(self._charges.read_text().splitlines()) if self._charges.exists() else 0


@pytest.fixture
def function(tmp_path: Path) -> Lambda:
    return Lambda(tmp_path)


@pytest.fixture
def silent() -> Iterator[str]:
    """Somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def deaf() -> Iterator[str]:
    """Somebody who takes no connections."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(4):  # its queue is full, and what more comes is dropped
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield f"127.0.0.2:{listener.getsockname()[1]}"


@each_connection
def test_a_claim_that_hangs_ends_in_an_error(function: Lambda, silent: str, connection: str, handler: str) -> None:
    function.refused(f"http://{silent}", connection, handler)


def test_the_usual_limit_of_three_seconds_ends_in_an_error(function: Lambda, silent: str) -> None:
    function.refused(f"http://{silent}", limit=3.0)


@pytest.mark.parametrize(("connection", "handler"), CONNECTIONS)
def test_a_handshake_that_hangs_ends_in_an_error(function: Lambda, silent: str, connection: str, handler: str) -> None:
    function.refused(f"https://{silent}", connection, handler)


@pytest.mark.parametrize("handler", ["handler", "async_handler"])
def test_a_connection_that_is_never_made_ends_in_an_error(function: Lambda, handler: str) -> None:
    with deaf() as address:
        function.refused(f"http://{address}", "direct", handler)


@each_connection
def test_a_name_that_nobody_can_say_ends_in_an_error(function: Lambda, connection: str, handler: str) -> None:
    function.refused("http://dynamodb.test:8000", connection, handler, NAMES="hang")


@pytest.mark.parametrize("handler", ["handler", "async_handler"])
def test_credentials_that_do_not_come_end_in_an_error(function: Lambda, silent: str, handler: str) -> None:
    function.refused(
        f"http://{silent}",
        "direct",
        handler,
        AWS_ACCESS_KEY_ID="",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{silent}/credentials",
    )


@each_connection
def test_a_completion_that_hangs_ends_in_an_error_that_says_that_it_has_run(
    function: Lambda, proxy: FaultProxy, table: str, connection: str, handler: str
) -> None:
    proxy.befall("complete", answer_is_lost_in_silence, ALWAYS)
    delivered = function.deliver(proxy.endpoint, connection, handler, limit=2.0)
    assert (delivered.ending, delivered.reply["errorType"]) == ("raised", "NotRecorded")
    assert "did not confirm it: Read timeout" in delivered.reply["errorMessage"]
    assert function.charges == 1


@pytest.mark.parametrize("size", [10, 50])
def test_a_batch_whose_claims_hang_reports_all_its_records(function: Lambda, silent: str, size: int) -> None:
    delivered = function.deliver(f"http://{silent}", handler="reporting", size=size)
    assert len(delivered.reply["batchItemFailures"]) == size
    assert function.charges == 0


def test_a_batch_whose_completions_hang_runs_one_record_and_reports_all(
    function: Lambda, proxy: FaultProxy, table: str
) -> None:
    proxy.befall("complete", is_lost_in_silence, ALWAYS)
    delivered = function.deliver(proxy.endpoint, handler="reporting", size=10)
    assert len(delivered.reply["batchItemFailures"]) == 10
    assert function.charges == 1
