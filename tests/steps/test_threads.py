"""Many steps at once, in threads and tasks: each effect once, each result recorded, and no lease lost that is held."""

from __future__ import annotations

import asyncio
import collections
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import PATIENCE, Clocked, until
from twicesafe import NOT_DONE, LeaseLost, StoreUnavailable, carried, current_execution, idempotent, step
from twicesafe.protocol.commands import Done, Release, SaveStep
from twicesafe.stores.base import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twicesafe.protocol.commands import StoreCommand, StoreReply

THREADS = 64


@pytest.fixture
def fast_switches() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Effects:
    """Effects of all kinds, each of which can be looked up."""

    def __init__(self) -> None:
        self.had: list[str] = []

    def small(self, what: str) -> str:
        self.had.append(what)
        return what

    def large(self, what: str) -> str:
        self.had.append(what)
        return what * 2_000

    def mean(self, what: str) -> str:
        self.had.append(what)
        return what.ljust(300)

    def object(self, what: str) -> object:
        self.had.append(what)
        return object()

    def fails(self, what: str) -> None:
        raise TimeoutError

    def find(self, what: str) -> Any:
        return what if what in self.had else NOT_DONE

    @property
    def twice(self) -> list[str]:
        return [what for what, count in collections.Counter(self.had).items() if count > 1]

    def do(self, number: int) -> object:
        """Have the effect of this number, in one of the ways that there are."""
        what = f"effect {number}"
        ways: list[Callable[[], object]] = [
            lambda: step(what, self.small, what),
            lambda: step(what, self.large, what),
            lambda: step(what, self.mean, what),
            lambda: step(what, self.small, what, recover=self.find),
            lambda: step(what, self.mean, what, at_most_once=True),
            lambda: step(what, self.large, what, at_most_once=True),
            lambda: _heard(lambda: step(what, self.object, what)),
            lambda: _heard(lambda: step(what, self.fails, what, at_most_once=True, not_done=TimeoutError)),
        ]
        return ways[number % len(ways)]()


def _heard(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:
        return type(error)


@pytest.mark.usefixtures("fast_switches")
@pytest.mark.parametrize("name", ["memory", "sqlite", "dynamodb"])
def test_many_threads_have_each_effect_once(name: str, request: pytest.FixtureRequest) -> None:
    store, effects, count = request.getfixturevalue(name), Effects(), 96 if name == "dynamodb" else 512

    @idempotent(store=store, name="work", key=lambda order: order)
    def work(order: str) -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            done = list(pool.map(carried(effects.do), range(count)))
        if current_execution().attempt == 1:
            raise ConnectionError
        return len(done)

    order = str(uuid.uuid4())
    with pytest.raises(ConnectionError):
        work(order)
    assert effects.twice == []
    assert work(order) == count
    assert effects.twice == []
    assert len(effects.had) == count - count // 8


@pytest.mark.parametrize("name", ["memory", "sqlite", "dynamodb"])
def test_many_tasks_have_each_effect_once(name: str, request: pytest.FixtureRequest) -> None:
    store, effects, count = request.getfixturevalue(name), Effects(), 90 if name == "dynamodb" else 300

    async def small(what: str) -> str:
        await asyncio.sleep(0)
        return effects.small(what)

    async def large(what: str) -> str:
        return effects.large(what)

    async def do(number: int) -> object:
        what = f"effect {number}"
        options: list[dict[str, Any]] = [{}, {"at_most_once": True}, {"recover": effects.find}]
        return await step(what, large if number % 5 == 0 else small, what, **options[number % 3])

    @idempotent(store=store, name="work", key=lambda order: order)
    async def work(order: str) -> int:
        done = await asyncio.gather(*map(do, range(count)))
        if current_execution().attempt == 1:
            raise ConnectionError
        return len(done)

    order = str(uuid.uuid4())
    with pytest.raises(ConnectionError):
        asyncio.run(work(order))
    assert asyncio.run(work(order)) == count
    assert (effects.twice, len(effects.had)) == ([], count)


class Slow(Clocked):
    """A store whose answers come late where the test says so, by what is written of which step."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: dict[str, threading.Event] = {}
        self.seen: list[dict[str, bool]] = []
        self.replies: list[StoreReply] = []

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if not isinstance(command, SaveStep):
            return super().apply(command)
        carried = {name: step.is_result for name, step in command.steps.items()}
        self.seen.append(carried)
        for name, is_result in carried.items():
            if (wait := self.waits.get(f"{name} {is_result}")) is not None:
                assert wait.wait(PATIENCE)
        reply = super().apply(command)
        self.replies.append(reply)
        return reply

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        return await in_thread(self.apply, command)


@pytest.mark.parametrize("form", ["sync", "async"])
def test_no_request_carries_what_another_is_carrying(form: str) -> None:
    store = Slow()
    store.waits = {"a True": threading.Event(), "b False": threading.Event()}

    def release() -> None:
        until(lambda: len(store.seen) == 2)  # the intent of b and the result of a are on their way
        store.waits["b False"].set()
        until(lambda: {"b": True} in store.seen and len(store.replies) == 2)
        store.waits["a True"].set()

    async def a() -> str:
        return "A"

    async def b() -> str:
        return "B"

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> list[str]:
        second = threading.Thread(target=carried(lambda: done.append(step("b", lambda: "B", at_most_once=True))))
        done: list[str] = []
        second.start()
        until(lambda: store.seen)
        threading.Thread(target=release).start()
        done.append(step("a", lambda: "A"))
        second.join()
        return sorted(done)

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work_async() -> list[str]:
        second = asyncio.ensure_future(step("b", b, at_most_once=True))
        await asyncio.to_thread(until, lambda: store.seen)
        first, last, _ = await asyncio.gather(step("a", a), second, asyncio.to_thread(release))
        return [first, last]

    assert (work() if form == "sync" else asyncio.run(work_async())) == ["A", "B"]
    assert store.seen == [{"b": False}, {"a": True}, {"b": True}]
    assert store.replies == [Done()] * 3


def test_a_result_on_its_way_goes_along_with_the_release_too() -> None:
    store, effects = Slow(), []
    store.waits = {"charge True": threading.Event()}
    heard: list[object] = []

    def charge() -> str:
        effects.append("charge")
        return "charged"

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        if current_execution().attempt > 1:
            return step("charge", charge)
        left_over = threading.Thread(target=carried(lambda: heard.append(_heard(lambda: step("charge", charge)))))
        left_over.start()
        until(lambda: store.seen)
        threads.append(left_over)
        raise ConnectionError

    threads: list[threading.Thread] = []
    with pytest.raises(ConnectionError):
        work()
    assert store.record.owner is None
    assert work() == "charged"
    store.waits["charge True"].set()
    threads[0].join(PATIENCE)
    assert effects == ["charge"]
    assert heard == [LeaseLost]  # it is recorded, and what it belongs to is over


def test_a_large_result_that_is_being_kept_leaves_the_lease_as_it_is() -> None:
    class Keeping(Clocked):
        def apply(self, command: StoreCommand, /) -> StoreReply:
            if type(command).__name__ == "Keep":
                begun.set()
                assert goes_on.wait(PATIENCE)
            if isinstance(command, Release):
                released.append(command)
            return super().apply(command)

    begun, goes_on, released, effects = threading.Event(), threading.Event(), [], []

    def charge() -> str:
        effects.append("charge")
        return "x" * 10_000

    @idempotent(store=Keeping(), name="work", key=lambda: "once")
    def work() -> None:
        left_over = threading.Thread(target=carried(lambda: step("charge", charge)))
        left_over.start()
        threads.append(left_over)
        assert begun.wait(PATIENCE)
        raise ConnectionError

    threads: list[threading.Thread] = []
    with pytest.raises(ConnectionError):
        work()
    assert released == []
    goes_on.set()
    threads[0].join(PATIENCE)
    assert effects == ["charge"]


@pytest.mark.usefixtures("fast_switches")
def test_a_step_that_begins_as_the_function_ends_is_recorded_or_has_no_effect() -> None:
    for turn in range(60):
        store, effects = Clocked(), set()
        left_over: list[threading.Thread] = []

        def late(name: str, effects: set[str] = effects) -> None:
            _heard(lambda: step(name, effects.add, name))

        @idempotent(store=store, name="work", key=lambda: "once")
        def work() -> None:
            left_over.extend(threading.Thread(target=carried(late), args=(name,)) for name in "abcd")  # noqa: B023
            for thread in left_over:  # noqa: B023
                thread.start()
            time.sleep(0.0005 * (turn % 4))  # noqa: B023
            raise ConnectionError

        with pytest.raises(ConnectionError):
            work()
        for thread in left_over:
            thread.join(PATIENCE)
        if store.record.owner is None:  # the next delivery runs at once: it must know all that was had
            assert effects == set(store.record.steps)


class FlakyOnce(Clocked):
    """A store that does not take the result of one step, once."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step: str | None = step

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if isinstance(command, SaveStep) and self._step in command.steps:
            self._step = None
            raise StoreUnavailable(self.name, "it was told to", command.key)
        return super().apply(command)


def test_a_result_that_was_not_taken_is_recorded_although_another_task_is_cancelled_in_its_effect() -> None:
    store, effects = FlakyOnce("pay"), []

    async def pay() -> None:
        effects.append("pay")

    async def mail() -> None:
        effects.append("mail")
        await asyncio.sleep(60)

    @idempotent(store=store, name="work", lease=30, on_conflict="raise")
    async def work(order: str) -> None:
        await asyncio.gather(step("mail", mail), step("pay", pay))

    with pytest.raises(StoreUnavailable):
        asyncio.run(work("o-1"))
    assert [name for name, taken in store.record.steps.items() if taken.is_result] == ["pay"]
    assert effects == ["mail", "pay"]
