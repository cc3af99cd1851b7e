"""A forked child: it may do work of its own, and records nothing of its parent's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context
from twicesafe import StoreUnavailable, WrongProcess, current_execution, idempotent, step
from twicesafe.protocol.records import Status
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),  # the heartbeat's thread, and pytest's own
]
TEST = os.getpid()
REFUSED = 7


class Declined(Exception):
    pass


def ending(pid: int) -> int:
    """How a child has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def outcome_here(call: Callable[[], Any]) -> Any:
    """What a call gives in the test's process; a child that comes out of it ends here, and says how it came."""
    try:
        value = call()
    except BaseException as error:
        if os.getpid() == TEST:
            raise
        os._exit({WrongProcess: REFUSED, Declined: 2}.get(type(error), 3))
    if os.getpid() != TEST:
        os._exit(0)
    return value


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    opened = Clocked() if request.param == "memory" else SqliteStore(tmp_path / "records.db")
    yield opened
    opened.close()


def test_a_step_in_it_is_refused_before_its_effect(store: Any) -> None:
    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        child = os.fork()
        if child == 0:
            try:
                step("charge", os._exit, 0)
            except WrongProcess:
                os._exit(REFUSED)
        return ending(child)

    assert outcome_here(work) == REFUSED


def test_when_it_returns_nothing_is_completed_and_it_hears_why(store: Any) -> None:
    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        child = os.fork()
        if child == 0:
            return "the child's"
        assert ending(child) == REFUSED
        return "the parent's"

    assert [outcome_here(work), work()] == ["the parent's", "the parent's"]


@pytest.mark.parametrize("options", [{}, {"final_errors": (Declined,)}])
def test_when_it_raises_nothing_is_released_or_recorded_and_it_hears_its_own_error(store: Any, options: Any) -> None:
    @idempotent(store=store, **options, key=lambda: "once")
    def work() -> str:
        child = os.fork()
        if child == 0:
            raise Declined
        assert ending(child) == 2
        step("charge", lambda: "charged")
        return "done"

    assert outcome_here(work) == "done"


def test_when_it_ends_at_once_the_parent_goes_on(store: Any) -> None:
    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        child = os.fork()
        if child == 0:
            os._exit(5)
        return ending(child)

    assert outcome_here(work) == 5


def test_when_it_is_killed_the_parent_goes_on(store: Any) -> None:
    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), 9)
        return ending(child)

    assert outcome_here(work) == -9


def test_it_may_call_a_protected_function_of_its_own(tmp_path: Path) -> None:
    store, effects = SqliteStore(tmp_path / "records.db"), tmp_path / "effects"

    @idempotent(store=store, name="inner")
    def inner(number: int) -> int:
        with effects.open("a") as file:
            file.write(f"{number}\n")
        return current_execution().attempt

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        child = os.fork()
        if child == 0:
            os._exit(inner(1))
        return ending(child)

    assert outcome_here(work) == 1
    assert inner(1) == 1
    assert effects.read_text() == "1\n"
    store.close()


@pytest.mark.parametrize("raises", [False, True])
def test_in_a_batch_the_other_records_are_its_parents(store: Any, tmp_path: Path, raises: bool) -> None:
    seen = tmp_path / "seen"

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> None:
        number = event["Records"][0]["messageId"]
        with seen.open("a") as file:
            file.write(f"{number} {'parent' if os.getpid() == TEST else 'child'}\n")
        if number == "a":
            child = os.fork()
            if child == 0:
                if raises:
                    raise Declined
                return
            assert ending(child) in (REFUSED, 2)

    event = {"Records": [s.sqs(message_id=one) for one in "abc"]}
    outcome_here(lambda: handler(event, Context()))
    assert seen.read_text() == "a parent\nb parent\nc parent\n"


def test_what_goes_wrong_in_it_is_no_reason_to_fail_open() -> None:
    store = Clocked()

    @idempotent(store=store, fail_open=True, name="work", key=lambda: "once")
    def work() -> str:
        child = os.fork()
        if child == 0:
            raise StoreUnavailable("of the child", "silent")
        assert ending(child) == 3
        return "done"

    assert outcome_here(work) == "done"
    assert store.record.status is Status.COMPLETED
