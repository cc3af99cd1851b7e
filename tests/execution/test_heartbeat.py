"""A lease that no deadline bounds is renewed while the function runs, and not a moment longer."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.stand_ins import Clocked, Context, Held, until
from twicesafe import LeaseLost, StoreUnavailable, current_execution, idempotent, step
from twicesafe.errors import ConfigurationError, CorruptRecord
from twicesafe.protocol.commands import Renew, SaveStep
from twicesafe.stores.workers import MOST, pools

if TYPE_CHECKING:
    from collections.abc import Callable

    from twicesafe.protocol.commands import StoreCommand, StoreReply


class Counting(Clocked):
    """A store that counts renewals, and raises at the first ones."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.renewals = 0

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if isinstance(command, Renew):
            self.renewals += 1
            if self.errors:
                raise self.errors.pop(0)
        return super().apply(command)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a function under a lease of a second, which is renewed three times a second, until something is so."""

    def run(store: Clocked, is_so: Callable[[], Any], then: Callable[[], Any] = lambda: "done", lease: int = 1) -> Any:
        @idempotent(store=store, name="work", lease=lease, key=lambda: "once")
        def work() -> Any:
            until(is_so)
            return then()

        @idempotent(store=store, name="work", lease=lease, key=lambda: "once")
        async def work_async() -> Any:
            for _ in range(3_000):
                if is_so():
                    return then()
                await asyncio.sleep(0.01)
            raise AssertionError("it did not happen in time")

        return work() if request.param == "sync" else asyncio.run(work_async())

    return run


def heartbeats() -> int:
    """Count those that are at work."""
    return pools.heartbeats._count - len(pools.heartbeats._idle)


def test_it_makes_the_lease_longer_while_the_function_runs(run: Any) -> None:
    store, ends = Counting(), []

    def is_longer() -> bool:
        ends.append((store.record.lease_until, store.record.expires_at))
        return len(set(ends)) >= 3

    assert run(store, is_longer) == "done"
    assert ends == sorted(ends)


def test_it_ends_with_the_function(run: Any) -> None:
    store = Counting()
    run(store, lambda: store.renewals)
    until(lambda: not heartbeats())
    seen = store.renewals
    assert not threading.Event().wait(0.5)
    assert store.renewals == seen


def test_it_ends_with_a_function_that_raises(run: Any) -> None:
    store = Counting()

    def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run(store, lambda: store.renewals, fail)
    until(lambda: not heartbeats())


def test_a_record_that_is_no_longer_its_own_ends_the_execution_before_the_next_effect(run: Any) -> None:
    store, effects = Counting(), []

    def lose() -> bool:
        store._records.clear()
        return current_execution().tenure.ended is not None  # type: ignore[union-attr]

    with pytest.raises(LeaseLost):
        run(store, lose, lambda: step("charge", effects.append, 1))
    assert effects == []


def test_one_silence_of_the_store_is_no_end(run: Any) -> None:
    store = Counting(StoreUnavailable("counting", "it was told to"))
    assert run(store, lambda: store.renewals > 1, lambda: step("charge", lambda: "charged"), lease=3) == "charged"


@pytest.mark.parametrize("error", [CorruptRecord("work", "poisoned"), ConfigurationError("the table is gone")])
def test_what_asking_again_cannot_help_ends_the_execution(run: Any, error: Exception) -> None:
    store, effects = Counting(error), []

    def is_ended() -> bool:
        return current_execution().tenure.ended is not None  # type: ignore[union-attr]

    with pytest.raises(type(error)):
        run(store, is_ended, lambda: step("charge", effects.append, 1))
    assert effects == []
    assert store.renewals == 1


def test_a_store_that_raises_what_is_none_of_ours_is_told_of_in_a_warning(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = Counting(ZeroDivisionError())
    assert run(store, lambda: store.renewals and not heartbeats()) == "done"
    assert "renewed no more" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


def test_a_function_that_lambda_stops_has_none() -> None:
    threads: list[int] = []
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: threads.append(heartbeats()))
    handler({"order": 1}, Context())
    assert threads == [0]


def test_a_function_inside_of_one_that_lambda_stops_has_none_either() -> None:
    threads: list[int] = []
    inner = idempotent(store=Clocked(), name="inner", key=lambda: "once")(lambda: threads.append(heartbeats()))
    idempotent(store=Clocked(), name="handler")(lambda event, context: inner())({"order": 1}, Context())
    assert threads == [0]


def test_it_waits_for_nothing_that_keeps_the_event_loop() -> None:
    store = Counting()

    @idempotent(store=store, name="work", lease=1, key=lambda: "once")
    async def work() -> str:
        until(lambda: store.renewals > 1)  # as a client without await in it
        return "done"

    assert asyncio.run(work()) == "done"
    until(lambda: not heartbeats())


class Hanging(Held):
    """A store whose steps are saved when the test lets them, and whose renewals are counted."""

    renewals = saves = 0

    def apply(self, command: StoreCommand, /) -> StoreReply:
        self.renewals += isinstance(command, Renew)
        self.saves += isinstance(command, SaveStep)
        return super().apply(command)


def test_it_waits_for_no_store_call_of_another_task() -> None:
    store = Hanging(SaveStep)

    @idempotent(store=store, name="work", lease=1, key=lambda: "once")
    async def work() -> int:
        steps = [asyncio.create_task(step("mail", asyncio.sleep, 0, each=number)) for number in range(2 * MOST)]
        await asyncio.to_thread(until, lambda: store.saves == MOST and store.renewals > 1)
        store.may_answer.set()
        return len(await asyncio.gather(*steps))

    assert asyncio.run(work()) == 2 * MOST


@pytest.mark.parametrize("ends", ["returns", "is cancelled"])
def test_in_a_store_that_belongs_to_a_loop_it_has_the_loop_ask(ends: str) -> None:
    class OfALoop(Counting):
        is_of_a_loop = True
        loops: ClassVar[list[object]] = []

        async def apply_async(self, command: StoreCommand, /) -> StoreReply:
            if isinstance(command, Renew):
                self.loops.append(asyncio.get_running_loop())
                if ends == "is cancelled":
                    await asyncio.sleep(3600)
            return super().apply(command)

        def apply(self, command: StoreCommand, /) -> StoreReply:
            raise AssertionError("not from another thread")

    store = OfALoop()

    @idempotent(store=store, name="work", lease=1, key=lambda: "once")
    async def work() -> object:
        await asyncio.to_thread(until, lambda: store.loops)
        return asyncio.get_running_loop() is store.loops[0]

    assert asyncio.run(work()) is True
    until(lambda: not heartbeats())
