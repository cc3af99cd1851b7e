"""A connection between two requests: kept, ended, frozen, inherited, shared, interrupted."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import snapshot_restore_py

from tests.direct.conftest import Asker
from tests.direct.server import Peer, answer, answers, item, serving
from twicesafe.errors import StoreUnavailable
from twicesafe.protocol.commands import Load
from twicesafe.stores.dynamodb.direct import idle
from twicesafe.stores.dynamodb.direct.idle import MOST, OLDEST, Idle
from twicesafe.stores.dynamodb.direct.loops import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60  # that a test waits for what must happen


def answers_once(peer: Peer) -> None:
    """One request is answered, and the connection closed."""
    heard = peer.hear()
    if heard is not None:
        peer.say(answer(item(heard.key)))


def answers_once_and_hears_another(peer: Peer) -> None:
    """One request is answered, and the next one meets the end of the connection."""
    answers_once(peer)
    peer.hear()


# Kept


def test_a_connection_is_kept(asker: Asker) -> None:
    with serving() as server, asker.store(server) as store:
        for number in range(20):
            assert asker.ask(store, f"order#{number}") == f"order#{number}"
        assert server.connections == 1


def test_one_that_the_server_has_closed_is_not_used_again(asker: Asker) -> None:
    with serving(answers_once) as server, asker.store(server, tries=1) as store:
        for number in range(5):
            asker.ask(store)
            until_closed(store, asker)
            assert len(server.heard) == number + 1  # nothing was sent into the void
        assert server.connections == 5


def until_closed(store: Any, asker: Asker) -> None:
    """Until the system knows that the server has closed the idle connection."""
    lines = store._connection._idle if asker.loop is None else store._async_connection._opened[asker.loop][0]
    (line,) = lines._lines
    end = time.monotonic() + SECONDS
    while not idle._is_gone(line) and time.monotonic() < end:
        time.sleep(0.001)


def test_one_that_ends_as_it_is_used_is_followed_by_another_at_once(asker: Asker) -> None:
    with serving(answers_once_and_hears_another, answers) as server, asker.store(server, tries=1) as store:
        assert asker.ask(store, "order#1") == "order#1"
        assert asker.ask(store, "order#2") == "order#2"
        assert [heard.key for heard in server.heard] == ["order#1", "order#2", "order#2"]


def test_without_a_sign_of_the_end_another_try_does(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_is_gone", lambda line: False)  # as on macOS
    with serving(answers_once) as server, asker.store(server, tries=1) as store:
        for number in range(5):
            assert asker.ask(store, f"order#{number}") == f"order#{number}"
        assert server.connections == 5


def test_one_that_is_idle_for_long_is_not_used_again(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
        for later in (OLDEST - 1, 2 * OLDEST, -OLDEST):
            now = time.time() + later
            monkeypatch.setattr(idle.time, "time", lambda now=now: now)
            asker.ask(store)
        assert server.connections == 3  # the second of the three by age, the third for a clock that was set back


def test_one_that_ends_before_it_is_used_is_no_warning(shared_loop: asyncio.AbstractEventLoop) -> None:
    said: list[str] = []

    async def use(endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("http://").partition(":")
        _, line = await shared_loop.create_connection(lambda: Line(0), host, int(port))
        line.eof_received()  # as TLS may say it together with the handshake's end
        with pytest.raises(ConnectionError):
            await line.exchange(b"", SECONDS)
        line.close()
        await asyncio.sleep(0)

    shared_loop.set_exception_handler(lambda _, context: said.append(context["message"]))
    try:
        with serving() as server:
            shared_loop.run_until_complete(use(server.endpoint))
            gc.collect()
    finally:
        shared_loop.set_exception_handler(None)
    assert said == []


class Waiting:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.since, self.signs, self.is_closed = 0.0, 0, False

    def fileno(self) -> int:
        return -1 if self.is_closed else 1

    def close(self) -> None:
        self.is_closed = True


def test_no_more_wait_than_a_burst_needs_and_the_last_one_back_goes_first() -> None:
    waiting, lines = Idle(), [Waiting() for _ in range(MOST + 10)]
    for line in lines:
        waiting.put(line)
    assert [line.is_closed for line in lines] == [True] * 10 + [False] * MOST
    assert waiting.take() is lines[-1]


def test_after_a_burst_the_old_ones_are_closed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, lines = Idle(), [Waiting() for _ in range(4)]
    for line in lines:
        waiting.put(line)
    now = time.time() + 2 * OLDEST
    monkeypatch.setattr(idle.time, "time", lambda: now)
    waiting.put(Waiting())
    waiting.put(Waiting())
    assert [line.is_closed for line in lines] == [True, True, False, False]


# Frozen

FROZEN = """
import sys
from twicesafe.protocol.commands import Load
from twicesafe.stores.dynamodb import DynamoDBStore
patient = {"tries": 1, "read_timeout": 60, "connect_timeout": 60}
store = DynamoDBStore("records", connection="direct", endpoint=sys.argv[1], **patient)
for line in sys.stdin:
    print(store.apply(Load(line.strip())).key, flush=True)
store.close()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no SIGSTOP here")
def test_a_process_that_was_frozen_for_longer_than_its_connection_lives_goes_on() -> None:
    closed = threading.Event()

    def closes_soon(peer: Peer) -> None:
        answers_once(peer)
        peer.connected.settimeout(0.1)  # its idle time
        try:
            peer.hear()
        except TimeoutError:
            peer.close()
            closed.set()

    with serving(closes_soon, answers) as server:
        command = [sys.executable, "-c", FROZEN, server.endpoint]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("order#1\n")
            assert child.stdout.readline() == "order#1\n"
            child.send_signal(signal.SIGSTOP)
            assert closed.wait(SECONDS)
            child.stdin.write("order#2\n")
            child.send_signal(signal.SIGCONT)
            assert child.stdout.readline() == "order#2\n"
            child.stdin.close()
            assert child.wait(SECONDS) == 0
        assert [heard.key for heard in server.heard] == ["order#1", "order#2"]


def test_what_snapstart_restores_has_connections_of_its_own(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    idle._drop_when_restored.cache_clear()  # it is asked once a process
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
        for function, args, kwargs in snapshot_restore_py.get_after_restore():
            function(*args, **kwargs)
        asker.ask(store)
        assert server.connections == 2


def test_an_event_loop_each_delivery_leaves_one_hook_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    idle._drop_when_restored.cache_clear()
    before = len(snapshot_restore_py.get_after_restore())
    for _ in range(3):
        Idle()
    assert len(snapshot_restore_py.get_after_restore()) == before + 1


# Inherited


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_connections_of_its_own_and_leaves_its_parents_open() -> None:
    asker = Asker(None)
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                found = asker.ask(store, "order#child")
                store.close()
                status = 0 if found == "order#child" else 1
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert asker.ask(store, "order#2") == "order#2"
        assert server.connections == 2
        assert [heard.key for heard in server.heard] == ["order#1", "order#child", "order#2"]


# Shared


def test_many_threads_each_get_their_own_answer() -> None:
    asker, wrong, together = Asker(None), [], threading.Barrier(32)

    def ask(thread: int) -> None:
        together.wait()
        for number in range(20):
            key = f"order#{thread}/{number}"
            if asker.ask(store, key) != key:
                wrong.append(key)

    with serving() as server, asker.store(server) as store:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(server.heard) == 32 * 20
        assert server.connections <= 32


def test_many_tasks_each_get_their_own_answer(shared_loop: asyncio.AbstractEventLoop) -> None:
    async def ask(store: Any, task: int) -> list[str]:
        return [(await store.apply_async(Load(f"order#{task}/{number}"))).key for number in range(5)]

    async def ask_all(store: Any) -> list[list[str]]:
        return await asyncio.gather(*(ask(store, task) for task in range(100)))

    with serving() as server, Asker(shared_loop).store(server) as store:
        found = shared_loop.run_until_complete(ask_all(store))
        assert found == [[f"order#{task}/{number}" for number in range(5)] for task in range(100)]
        assert server.connections <= 100


# Interrupted


class Interrupt(BaseException):
    """As KeyboardInterrupt is, which would end the test run if it went astray."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no setitimer here")
@pytest.mark.parametrize("said", [0, 40, 200])
def test_after_an_interrupt_within_an_answer_the_next_one_is_right(said: int) -> None:
    asker, rest = Asker(None), threading.Event()

    def hesitates(peer: Peer) -> None:
        peer.hear()
        whole = answer(item("order#1"))
        peer.say(whole[:said])
        signal.pthread_kill(main, signal.SIGUSR1)
        rest.wait(SECONDS)
        peer.say(whole[said:])
        answers(peer)

    def interrupt(*_: object) -> None:
        raise Interrupt

    main = threading.main_thread().ident or 0
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with serving(hesitates, answers) as server, asker.store(server) as store:
            with pytest.raises(Interrupt):
                asker.ask(store, "order#1")
            rest.set()
            assert asker.ask(store, "order#2") == "order#2"
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("said", [0, 40, 200])
def test_after_a_cancellation_within_an_answer_the_next_one_is_right(
    said: int, shared_loop: asyncio.AbstractEventLoop
) -> None:
    heard, rest = threading.Event(), threading.Event()

    def hesitates(peer: Peer) -> None:
        peer.hear()
        whole = answer(item("order#1"))
        peer.say(whole[:said])
        heard.set()
        rest.wait(SECONDS)
        peer.say(whole[said:])
        answers(peer)

    async def cancelled(store: Any) -> None:
        task = asyncio.ensure_future(store.apply_async(Load("order#1")))
        await asyncio.to_thread(heard.wait, SECONDS)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asker = Asker(shared_loop)
    with serving(hesitates, answers) as server, asker.store(server) as store:
        shared_loop.run_until_complete(cancelled(store))
        rest.set()
        assert asker.ask(store, "order#2") == "order#2"


# Found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What names stand for: addresses, or an event that the look-up waits for."""
    known: dict[str, Any] = {}
    real = socket.getaddrinfo

    def look_up(host: str | bytes, port: int, *args: Any, **kwargs: Any) -> Any:
        found = known.get(host.decode() if isinstance(host, bytes) else host)
        if isinstance(found, threading.Event):
            found.wait(SECONDS)
            raise socket.gaierror("released")
        if found is None:
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield known
    for found in known.values():
        if isinstance(found, threading.Event):
            found.set()


def test_an_address_where_nobody_is_gives_way_to_the_next(asker: Asker, names: dict[str, Any]) -> None:
    names["dynamodb.test"] = ["127.0.0.2", "127.0.0.1"]
    with serving() as server, asker.store(f"http://dynamodb.test:{server.port}", tries=1) as store:
        assert asker.ask(store) == "order#1"
        assert server.heard[0].headers["host"] == f"dynamodb.test:{server.port}"


def test_an_address_that_says_nothing_gives_way_to_the_next(asker: Asker, names: dict[str, Any]) -> None:
    names["dynamodb.test"] = ["127.0.0.2", "127.0.0.1"]
    with serving() as server, socket.socket() as deaf, ExitStack() as stack:
        deaf.bind(("127.0.0.2", server.port))
        deaf.listen(0)
        for _ in range(4):  # its queue is full, and what more comes is dropped
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(("127.0.0.2", server.port))
        url = f"http://dynamodb.test:{server.port}"
        with asker.store(url, connect_timeout=3, tries=1) as store:
            assert asker.ask(store) == "order#1"


def test_a_name_that_nobody_can_say_is_not_waited_for(asker: Asker, names: dict[str, Any]) -> None:
    names["dynamodb.test"] = threading.Event()
    with asker.store("http://dynamodb.test:8000", connect_timeout=0.2, tries=2) as store:
        with pytest.raises(StoreUnavailable, match=r"Could not connect to dynamodb\.test:8000"):
            asker.ask(store)
        assert not names["dynamodb.test"].is_set()
    names["dynamodb.test"].set()


def test_a_store_that_is_thrown_away_closes_what_it_had(recwarn: pytest.WarningsRecorder) -> None:
    from twicesafe.stores.dynamodb import DynamoDBStore

    with serving() as server:
        store = DynamoDBStore("records", connection="direct", endpoint=server.endpoint)
        Asker(None).ask(store)
        del store
        gc.collect()
    assert not recwarn.list
