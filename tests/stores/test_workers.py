"""Store calls of an event loop have threads of their own, and nothing waits for these but who called."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import PATIENCE, until
from twicesafe import current_execution, idempotent, step
from twicesafe.protocol.records import Millis
from twicesafe.stores.base import bounded_by, deadline, in_thread
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.sqlite import SqliteStore
from twicesafe.stores.workers import MOST, Workers, pools, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Gate:
    """Calls that wait until they are let through; how many were at it at once, and in which order they came."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self.here = self.most = 0
        self.order: list[int] = []

    def __call__(self, number: int = 0) -> None:
        with self._lock:
            self.here += 1
            self.most = max(self.most, self.here)
            self.order.append(number)
        assert self._opened.wait(PATIENCE)
        with self._lock:
            self.here -= 1

    def open(self) -> None:
        self._opened.set()


@pytest.fixture(params=["sqlite", "direct", "botocore in threads"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with closing(opened(request, tmp_path)) as store:
        yield store


def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "records.db")
    endpoint = request.getfixturevalue("dynamodb_endpoint").replace("127.0.0.1", "localhost")  # it is looked up
    connection = "direct" if request.param == "direct" else "botocore"
    store = DynamoDBStore("workers", connection=connection, endpoint=endpoint, connect_timeout=30, read_timeout=30)
    store._in_threads = request.param == "botocore in threads"
    store.create_table()
    return store


def test_a_handler_that_keeps_the_executor_busy_keeps_its_store(store: Any) -> None:
    gate, effects = Gate(), []

    async def charge() -> None:
        effects.append(current_execution().attempt)

    @idempotent(store=store, name="work", key=lambda order: order)
    async def work(order: str) -> str:
        await step("charge", charge)
        return "done"

    async def deliver() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = asyncio.gather(*(asyncio.to_thread(gate) for _ in range(3)))
        try:
            return await asyncio.wait_for(work(os.urandom(8).hex()), PATIENCE)
        finally:
            gate.open()
            await busy

    assert asyncio.run(deliver()) == "done"
    assert effects == [1]


def test_calls_at_once_are_bounded_and_the_rest_waits_in_line() -> None:
    gate, pool = Gate(), Workers(3)
    for number in range(20):
        pool.do(lambda number=number: gate(number))  # type: ignore[misc]
    until(lambda: gate.here == 3)
    gate.open()
    until(lambda: len(gate.order) == 20 and not gate.here)
    assert gate.most == 3
    assert gate.order[3:] == sorted(gate.order[3:])


def test_a_thread_is_used_again_and_ends_when_nothing_more_comes() -> None:
    pool, seen = Workers(3, lingers=1.0), []
    for number in range(50):
        pool.do(lambda: seen.append(threading.current_thread()))
        until(lambda number=number: len(seen) > number and pool._idle)  # type: ignore[misc]
    (thread,) = set(seen)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert (pool._idle, pool._count) == ([], 0)


def test_many_short_calls_from_many_loops_are_all_done() -> None:
    async def many() -> int:
        return sum(await asyncio.gather(*(in_thread(lambda: 1) for _ in range(500))))

    with ThreadPoolExecutor(4) as loops:
        assert list(loops.map(lambda _: asyncio.run(many()), range(4))) == [500] * 4
    assert pools.calls._count <= MOST


def test_where_no_thread_can_be_started_the_loop_waits_for_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pools.begin()
    monkeypatch.setattr(threading.Thread, "start", refuse)

    async def where() -> set[threading.Thread]:
        return {await in_thread(threading.current_thread) for _ in range(3)}

    assert asyncio.run(where()) == {threading.current_thread()}
    assert pools.calls._count == 0


def test_it_takes_the_deadline_of_its_task_along() -> None:
    async def seen() -> list[Millis | None]:
        with bounded_by(Millis(7)):
            return [await in_thread(deadline.get)]

    assert asyncio.run(seen()) == [7]


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt, OSError, GeneratorExit])
def test_what_it_raises_is_raised_where_it_was_called(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    async def heard() -> BaseException | None:
        try:
            await asyncio.wait_for(asyncio.ensure_future(in_thread(fail)), PATIENCE)
        except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as caught:
            return caught
        return None

    if issubclass(error, (SystemExit, KeyboardInterrupt)):  # a task raises these out of its loop
        with pytest.raises(error):
            asyncio.run(heard())
    else:
        caught = asyncio.run(heard())
        assert isinstance(caught, (error, RuntimeError))


HANGS = """
import asyncio, threading
from twicesafe.stores.workers import start

async def main():
    start(threading.Event().wait)
    await asyncio.sleep(0.1)

asyncio.run(main())
print("the end")
"""


def test_a_call_that_hangs_keeps_no_interpreter_from_its_end() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (ended.stdout, ended.stderr) == ("the end\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "records.db")
    work = idempotent(store=store, name="work")(async_double)
    assert asyncio.run(work(1)) == 2
    until(lambda: pools.calls._idle)  # threads that the child does not have
    child = os.fork()
    if child == 0:
        os._exit(int(asyncio.run(asyncio.wait_for(work(2), PATIENCE))))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    store.close()


async def async_double(number: int) -> int:
    return 2 * number


def test_a_loop_that_is_closed_meanwhile_is_not_missed() -> None:
    gate = Gate()

    async def leave() -> None:
        start(gate)
        until(lambda: gate.here)

    asyncio.run(leave())
    gate.open()
    until(lambda: not gate.here)
    until(lambda: pools.calls._idle)
