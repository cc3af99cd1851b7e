"""Threads and tasks that a function leaves behind, and errors of ours that it swallows: what was ended stays ended."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import PATIENCE, Clocked, Context, Failing
from twicesafe import (
    InProgress,
    LeaseLost,
    StoreUnavailable,
    TwicesafeError,
    UnknownOutcome,
    current_execution,
    idempotent,
    step,
)
from twicesafe.protocol.commands import SaveStep
from twicesafe.protocol.records import Status


class LeftOver:
    """A thread that a function starts, and that does its part when it is told to."""

    def __init__(self, does: Any) -> None:
        self._does = does
        self._go = threading.Event()
        self._thread: threading.Thread | None = None
        self.heard: list[object] = []

    def start(self, *, at_once: bool = False) -> None:
        """From inside of the function: it takes the context along, as asyncio.to_thread does."""
        if at_once:
            self._go.set()
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,))
        self._thread.start()

    def goes_on(self) -> None:
        """Let it do its part, to its end."""
        assert self._thread is not None
        self._go.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        assert self._go.wait(PATIENCE)
        try:
            self.heard.append(self._does())
        except TwicesafeError as error:
            self.heard.append(error)


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_step_in_a_left_over_thread_is_refused_before_its_effect(ends: str) -> None:
    store, effects = Clocked(), []
    thread = LeftOver(lambda: step("late", effects.append, 1))

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        thread.start()
        if ends == "raises":
            raise ConnectionError
        return "done"

    with contextlib.suppress(ConnectionError):
        work()
    before = store.record
    thread.goes_on()
    assert effects == []
    assert isinstance(thread.heard[0], LeaseLost)
    assert store.record == before


def test_a_step_in_a_left_over_task_is_refused_before_its_effect() -> None:
    effects: list[int] = []

    async def effect() -> None:
        effects.append(1)

    async def late(over: asyncio.Event) -> None:
        await over.wait()
        await step("late", effect)

    async def deliver() -> None:
        over = asyncio.Event()
        tasks = []

        @idempotent(store=Clocked(), name="work", key=lambda: "once")
        async def work() -> None:
            tasks.append(asyncio.create_task(late(over)))

        await work()
        over.set()
        with pytest.raises(LeaseLost):
            await tasks[0]

    asyncio.run(deliver())
    assert effects == []


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_while_a_left_over_thread_is_in_a_step_the_lease_stands(on_unknown: Any) -> None:
    store, effects, over = Clocked(), [], threading.Event()
    begun = threading.Event()

    def charge() -> None:
        begun.set()
        assert over.wait(PATIENCE)
        effects.append("charge")

    thread = LeftOver(lambda: step("charge", charge))

    @idempotent(store=store, on_unknown=on_unknown, name="work", key=lambda: "once")
    def work() -> None:
        if current_execution().attempt == 1:
            thread.start(at_once=True)
            assert begun.wait(PATIENCE)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        work()
    with pytest.raises(InProgress):
        work()
    over.set()
    thread.goes_on()
    assert effects == ["charge"]
    store.advance(60)
    if on_unknown == "raise":
        with pytest.raises(UnknownOutcome):
            work()
    else:
        with pytest.raises(ConnectionError):
            work()


def test_a_left_over_thread_may_call_the_function_again_when_it_is_over() -> None:
    calls: list[int] = []

    @idempotent(store=Clocked(), name="work", key=lambda: "once")
    def work() -> str:
        calls.append(1)
        thread.start()
        return "done"

    thread = LeftOver(work)
    work()
    thread.goes_on()
    assert thread.heard == ["done"]
    assert calls == [1]


def test_threads_of_a_running_function_share_its_execution() -> None:
    effects: list[int] = []

    @idempotent(store=Clocked(), name="work", key=lambda: "once")
    def work() -> None:
        threads = [LeftOver(lambda number=number: step("part", effects.append, number, each=number)) for number in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.goes_on()
        if current_execution().attempt == 1:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        work()
    work()
    assert effects == ["a", "b"]


# Swallowed errors


def swallow(name: str, effects: list[str]) -> None:
    with contextlib.suppress(Exception):  # as users do
        step(name, effects.append, name)


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_a_swallowed_lost_lease_runs_no_step_completes_nothing_and_is_raised_at_the_end(on_unknown: Any) -> None:
    store, effects = Clocked(), []

    @idempotent(store=store, on_unknown=on_unknown, name="handler")
    def handler(event: Any, context: Any) -> dict[str, int]:
        swallow("in time", effects)
        if current_execution().attempt == 1:
            store.advance(60)
        swallow("late", effects)
        swallow("later", effects)
        return {"statusCode": 200}

    with pytest.raises(LeaseLost) as lost:
        handler(s.http_api(), Context())
    assert lost.value.attempt == 1
    assert effects == ["in time"]
    assert store.record.status is Status.IN_PROGRESS
    assert handler(s.http_api(), Context()) == {"statusCode": 200}
    assert effects == ["in time", "late", "later"]


@pytest.mark.parametrize("applied", [True, False])
def test_a_swallowed_silence_of_the_store_completes_nothing_and_its_result_is_kept(applied: bool) -> None:
    store, effects = Failing(SaveStep, applied=applied, times=1), []

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        swallow("charge", effects)
        swallow("mail", effects)
        return "done"

    with pytest.raises(StoreUnavailable) as unavailable:
        work()
    assert effects == ["charge"]
    assert (unavailable.value.attempt, unavailable.value.key) == (1, store.record.key)
    assert (work(), effects) == ("done", ["charge", "mail"])


class Declined(Exception):
    pass


@pytest.mark.parametrize("error", [Declined, ZeroDivisionError])
def test_what_the_function_raises_instead_is_heard_and_not_recorded(error: type[Exception]) -> None:
    store = Clocked()

    @idempotent(store=store, final_errors=(Declined,), name="work", key=lambda: "once")
    def work() -> None:
        store.advance(60)
        swallow("late", [])
        raise error("its own")

    with pytest.raises((LeaseLost, error)) as heard:
        work()
    chain = [heard.value, heard.value.__cause__]
    assert any(isinstance(one, error) for one in chain)
    assert store.record.status is Status.IN_PROGRESS


def test_an_ended_outer_execution_does_not_end_a_function_inside_of_it() -> None:
    store = Clocked()
    inner = idempotent(store=store, name="inner", key=lambda: "once")(lambda: "done")

    @idempotent(store=store, name="outer", key=lambda: "once")
    def outer() -> str:
        store.advance(60)
        swallow("late", [])
        return inner()

    with pytest.raises(LeaseLost):
        outer()
    assert inner() == "done"
