"""Ends that are no error: an interrupt, an exit, a coroutine that is thrown away."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import PATIENCE, Clocked, Context, Failing, Held, decisions_made, restarted, until
from twicesafe import InProgress, UnknownOutcome, current_execution, idempotent, step
from twicesafe.execution.heartbeat import Heartbeat
from twicesafe.protocol.commands import Claim, Complete, Release, Renew, SaveStep
from twicesafe.protocol.records import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from twicesafe.protocol.commands import StoreCommand, StoreReply


class Evicted(BaseException):
    """As some frameworks end a thread."""


ENDINGS = [KeyboardInterrupt, SystemExit, Evicted, asyncio.CancelledError]
each_ending = pytest.mark.parametrize("ending", ENDINGS)


@pytest.fixture(params=["sync", "async"])
def protected(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Protect a plain function, as itself or as a coroutine function; called alike."""

    def protect(function: Callable[[], object], store: Clocked, **options: Any) -> Callable[[], Any]:
        if request.param == "sync":
            return idempotent(store=restarted(store), name="work", **options, key=lambda: "once")(function)

        async def work() -> object:
            return function()

        decorated = idempotent(store=restarted(store), name="work", **options, key=lambda: "once")(work)
        return lambda: asyncio.run(decorated())

    return protect


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handler, also where the shell that started the tests has switched it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ends_once(ending: type[BaseException], attempts: list[int]) -> Callable[[], str]:
    def work() -> str:
        attempts.append(current_execution().attempt)
        if len(attempts) == 1:
            raise ending
        return "done"

    return work


@each_ending
def test_an_interrupted_function_is_released_and_runs_again(protected: Any, ending: type[BaseException]) -> None:
    attempts: list[int] = []
    work = protected(ends_once(ending, attempts), Clocked())
    with decisions_made() as made, pytest.raises(ending):
        work()
    assert (work(), attempts) == ("done", [1, 2])
    assert made[0].verdict == "released"


@each_ending
def test_what_must_never_run_again_stays_unknown_when_it_is_interrupted(
    protected: Any, ending: type[BaseException]
) -> None:
    store, attempts = Clocked(), []
    work = protected(ends_once(ending, attempts), store, on_unknown="raise")
    with decisions_made() as made, pytest.raises(ending):
        work()
    with pytest.raises(InProgress):
        work()
    store.advance(60)
    with pytest.raises(UnknownOutcome) as unknown:
        work()
    assert (unknown.value.attempt, attempts) == (1, [1])
    assert made[0].verdict == "lost"


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
@each_ending
def test_an_interrupt_of_the_claim_gives_it_back_for_nothing_has_run(
    protected: Any, ending: type[BaseException], on_unknown: str, applied: bool
) -> None:
    store, calls = Failing(Claim, applied=applied, error=ending(), times=1), []
    work = protected(lambda: calls.append(1), store, on_unknown=on_unknown)
    with pytest.raises(ending):
        work()
    assert calls == []
    work()
    assert calls == [1]


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
@each_ending
def test_an_interrupt_of_the_completion_is_never_followed_by_a_release(
    protected: Any, ending: type[BaseException], on_unknown: str, applied: bool
) -> None:
    store, calls = Failing(Complete, applied=applied, error=ending(), times=1), []
    work = protected(lambda: calls.append(1) or "done", store, on_unknown=on_unknown)
    with decisions_made() as made, pytest.raises(ending):
        work()
    assert made[0].verdict == "lost"
    if applied:
        assert (work(), calls) == ("done", [1])
        return
    with pytest.raises(InProgress):
        work()
    store.advance(60)
    if on_unknown == "raise":
        with pytest.raises(UnknownOutcome):
            work()
        assert calls == [1]
    else:
        assert (work(), calls) == ("done", [1, 1])


def test_an_interrupt_hides_no_failure_to_release() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        idempotent(store=Failing(Release), name="work", key=lambda: "once")(work)()


def test_an_interrupt_while_a_step_is_recorded_loses_no_result() -> None:
    store, effects = Failing(SaveStep, error=KeyboardInterrupt(), times=1), []

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        step("charge", effects.append, "charge")
        return "done"

    with pytest.raises(KeyboardInterrupt):
        work()
    assert (work(), effects) == ("done", ["charge"])


@pytest.mark.usefixtures("interruptible")
def test_a_real_interrupt_releases_the_claim() -> None:
    store, attempts = Clocked(), []

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        attempts.append(current_execution().attempt)
        if len(attempts) == 1:
            signal.raise_signal(signal.SIGINT)
        return "done"

    with pytest.raises(KeyboardInterrupt):
        work()
    assert (work(), attempts) == ("done", [1, 2])


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_the_heartbeat_ends_comes_after_the_reply_is_recorded() -> None:
    store, calls, main = Held(Renew), [], threading.main_thread().ident or 0

    @idempotent(store=store, lease=1, name="work", key=lambda: "once")
    def work() -> str:
        calls.append(1)
        assert store.asked.wait(PATIENCE)
        threading.Thread(target=interrupt).start()
        return "done"

    def interrupt() -> None:
        until(lambda: is_in(sys._current_frames()[main], Heartbeat.__exit__))
        signal.pthread_kill(main, signal.SIGINT)
        store.may_answer.set()

    with decisions_made() as made, pytest.raises(KeyboardInterrupt):
        work()
    assert [one.verdict for one in made] == ["ran"]
    assert (work(), calls) == ("done", [1])


def is_in(frame: FrameType | None, function: Callable[..., Any]) -> bool:
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None


def test_an_exit_in_a_batch_keeps_what_is_done_and_runs_nothing_more() -> None:
    seen: list[str] = []

    @idempotent(store=Clocked(), name="handler")
    def handler(event: Any, context: Any) -> None:
        seen.append(event["Records"][0]["messageId"])
        if seen == ["a", "b"]:
            raise SystemExit(1)

    event = {"Records": [s.sqs(message_id=one) for one in "abc"]}
    with pytest.raises(SystemExit):
        handler(event, Context())
    assert seen == ["a", "b"]
    handler(event, Context())
    assert seen == ["a", "b", "b", "c"]


# A coroutine that is thrown away: nothing can be awaited any more, so its lease runs out by itself


class Waiting(Clocked):
    """A store that a release has to wait for."""

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        if isinstance(command, Release):
            await asyncio.sleep(0)
        return self.apply(command)


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_a_coroutine_that_is_thrown_away_awaits_nothing_more(on_unknown: Any) -> None:
    store, heard, calls = Waiting(), [], []

    @idempotent(store=store, on_unknown=on_unknown, name="work", key=lambda: "once")
    async def work() -> str:
        calls.append(1)
        try:
            await asyncio.sleep(3600 if len(calls) == 1 else 0)
        except GeneratorExit:
            heard.append("thrown away")
            raise
        return "done"

    async def throw_away() -> None:
        coroutine = work()
        contextvars.copy_context().run(coroutine.send, None)
        coroutine.close()
        heartbeats = asyncio.all_tasks() - {asyncio.current_task()}
        assert len(heartbeats) == 1
        await asyncio.wait(heartbeats)

    asyncio.run(throw_away())
    assert heard == ["thrown away"]
    assert (store.record.status, store.record.owner is None) == (Status.IN_PROGRESS, False)
    store.advance(60)
    if on_unknown == "raise":
        with pytest.raises(UnknownOutcome):
            asyncio.run(work())
    else:
        assert asyncio.run(work()) == "done"


def test_a_coroutine_may_be_thrown_away_when_its_loop_is_closed() -> None:
    @idempotent(store=Waiting(), name="work", key=lambda: "once")
    async def work() -> None:
        await asyncio.sleep(3600)

    coroutine = work()
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        coroutine.send(None)

    loop.run_until_complete(begin())
    (heartbeat,) = asyncio.all_tasks(loop)
    heartbeat._log_destroy_pending = False  # asyncio says so, rightly, and here it is meant
    loop.close()
    coroutine.close()


def test_a_thrown_away_step_leaves_its_execution_as_it_was() -> None:
    store, effects = Waiting(), []

    async def charge() -> None:
        effects.append("sent")
        await asyncio.sleep(3600)

    @idempotent(store=store, name="work", key=lambda: "once")
    async def work() -> None:
        await step("charge", charge)

    async def throw_away() -> None:
        coroutine = work()
        coroutine.send(None)
        coroutine.close()

    asyncio.run(throw_away())
    assert effects == ["sent"]
    assert store.record.steps == {}


def test_a_generator_exit_of_a_plain_function_is_released() -> None:
    attempts: list[int] = []
    work = idempotent(store=Clocked(), name="work", key=lambda: "once")(ends_once(GeneratorExit, attempts))
    with pytest.raises(GeneratorExit):
        work()
    assert (work(), attempts) == ("done", [1, 2])
