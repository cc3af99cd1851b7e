"""Cancelled tasks: wherever the cancellation meets them, the record tells what may be run again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import PATIENCE, Clocked, Held, decisions_made
from twicesafe import InProgress, UnknownOutcome, current_execution, idempotent, step
from twicesafe.protocol.commands import Claim, Complete, Release, Renew, SaveStep
from twicesafe.protocol.records import Status
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    import threading
    from collections.abc import Coroutine
    from pathlib import Path


async def cancelled(work: Coroutine[Any, Any, Any], asked: threading.Event) -> asyncio.Task[Any]:
    """The task of this work, cancelled as soon as the event is set; it may go on."""
    task = asyncio.create_task(work)
    assert await asyncio.to_thread(asked.wait, PATIENCE)
    task.cancel()
    await asyncio.sleep(0.01)
    return task


async def ends_cancelled(task: asyncio.Task[Any]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_in_the_claim_it_waits_for_the_claims_thread_and_gives_the_claim_back(on_unknown: Any) -> None:
    store, calls = Held(Claim), []

    @idempotent(store=store, on_unknown=on_unknown, name="work", key=lambda: "once")
    async def work() -> str:
        calls.append(current_execution().attempt)
        return "done"

    async def cancel_and_retry() -> str:
        task = await cancelled(work(), store.asked)
        assert not task.done()
        store.may_answer.set()
        await ends_cancelled(task)
        assert (calls, store.record.owner) == ([], None)
        return await work()

    assert asyncio.run(cancel_and_retry()) == "done"
    assert calls == [2]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_in_the_function_it_releases_the_claim_at_once(store: Any, tmp_path: Path) -> None:
    store = Clocked() if store == "memory" else SqliteStore(tmp_path / "records.db")
    attempts: list[int] = []

    @idempotent(store=store, key=lambda _: "one", payload=False, name="work")
    async def work(begun: asyncio.Event) -> str:
        attempts.append(current_execution().attempt)
        begun.set()
        await asyncio.sleep(3600 if len(attempts) == 1 else 0)
        return "done"

    async def cancel_and_retry() -> str:
        begun = asyncio.Event()
        task = asyncio.create_task(work(begun))
        await begun.wait()
        task.cancel()
        await ends_cancelled(task)
        return await work(begun)

    with decisions_made() as made:
        assert asyncio.run(cancel_and_retry()) == "done"
    assert attempts == [1, 2]
    assert [one.verdict for one in made] == ["released", "ran"]
    store.close()


def test_in_a_function_that_must_never_run_again_it_releases_nothing() -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, on_unknown="raise", name="work", key=lambda: "once")
    async def work() -> None:
        calls.append(1)
        await asyncio.sleep(3600)

    async def cancel_and_retry() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await ends_cancelled(task)
        with pytest.raises(InProgress):
            await work()
        store.advance(60)
        with pytest.raises(UnknownOutcome):
            await work()

    asyncio.run(cancel_and_retry())
    assert calls == [1]


@pytest.mark.parametrize("kind", [Release, Complete])
@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_in_the_last_write_it_waits_until_that_is_made(kind: type, on_unknown: Any) -> None:
    store, calls = Held(kind), []

    @idempotent(store=store, on_unknown=on_unknown, name="work", key=lambda: "once")
    async def work() -> str:
        calls.append(1)
        if kind is Release and len(calls) == 1:
            raise ConnectionError
        return "done"

    async def cancel_and_retry() -> str:
        task = await cancelled(work(), store.asked)
        assert not task.done()
        store.may_answer.set()
        await ends_cancelled(task)
        return await work()

    assert asyncio.run(cancel_and_retry()) == "done"
    assert len(calls) == (2 if kind is Release else 1)


def test_while_a_step_is_recorded_its_result_goes_along_with_the_release() -> None:
    store, effects = Held(SaveStep), []

    async def charge() -> str:
        effects.append("charge")
        return "charged"

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work() -> str:
        return await step("charge", charge)

    async def cancel_and_retry() -> str:
        task = await cancelled(work(), store.asked)
        assert not task.done()
        store.may_answer.set()
        await ends_cancelled(task)
        return await work()

    assert asyncio.run(cancel_and_retry()) == "charged"
    assert effects == ["charge"]


def test_while_the_heartbeat_ends_it_comes_after_the_reply_is_recorded() -> None:
    store, calls = Held(Renew), []

    @idempotent(store=store, lease=1, key=lambda _: "one", payload=False, name="work")
    async def work(ended: asyncio.Event) -> str:
        calls.append(1)
        assert await asyncio.to_thread(store.asked.wait, PATIENCE)
        ended.set()
        return "done"

    async def cancel_and_retry() -> str:
        ended = asyncio.Event()
        task = asyncio.create_task(work(ended))
        await ended.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        store.may_answer.set()
        await ends_cancelled(task)
        return await work(ended)

    with decisions_made() as made:
        assert asyncio.run(cancel_and_retry()) == "done"
    assert calls == [1]
    assert [one.verdict for one in made] == ["ran", "replayed"]


def test_while_it_waits_for_another_delivery_it_ends_at_once_and_changes_nothing() -> None:
    store, calls = Clocked(), []

    @idempotent(store=store, on_conflict="wait", name="work", key=lambda: "once")
    async def work() -> str:
        calls.append(1)
        await asyncio.sleep(0.1)
        return "done"

    async def cancel_the_second() -> None:
        first = asyncio.create_task(work())
        await asyncio.sleep(0)
        second = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        before = store.record
        second.cancel()
        await ends_cancelled(second)
        assert store.record == before
        assert await first == "done"

    asyncio.run(cancel_the_second())
    assert calls == [1]


def test_a_time_limit_around_the_call_is_a_timeout_as_without_it() -> None:
    store, attempts = Clocked(), []

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work() -> str:
        attempts.append(1)
        await asyncio.sleep(3600 if len(attempts) == 1 else 0)
        return "done"

    async def limited() -> str:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(work(), 0.01)
        return await work()

    assert asyncio.run(limited()) == "done"


def test_a_function_that_makes_an_answer_of_it_is_completed() -> None:
    store = Clocked()

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work() -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "tidied up"
        return "not reached"

    async def cancel() -> str:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(cancel()) == "tidied up"
    assert store.record.status is Status.COMPLETED
