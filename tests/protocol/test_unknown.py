"""After a crash: run again when the lease is over, or never, until its owner or a person has spoken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import Clocked, until
from twicesafe import InProgress, PayloadMismatch, UnknownOutcome, current_execution, idempotent, step
from twicesafe.execution.current import instant
from twicesafe.protocol import by_hand
from twicesafe.protocol.commands import Done, Load, Lost, Now
from twicesafe.protocol.drivers import drive
from twicesafe.protocol.records import Seconds, Status

if TYPE_CHECKING:
    from collections.abc import Callable

YEAR = 365 * 86_400


class Crash(BaseException):
    """As a process that is killed: nothing is said any more."""


class Crashing(Clocked):
    """A store that a crashed process cannot reach any more."""

    def __init__(self) -> None:
        super().__init__()
        self.is_gone = False

    def apply(self, command: Any, /) -> Any:
        if self.is_gone:
            raise Crash
        return super().apply(command)


def crash(store: Crashing, work: Callable[..., Any], *arguments: Any) -> None:
    """Call it, and let its process die in the midst."""
    with pytest.raises(Crash):
        work(*arguments)
    store.is_gone = False


@pytest.fixture
def store() -> Crashing:
    return Crashing()


def protected(store: Crashing, calls: list[int], **options: Any) -> Callable[..., str]:
    """It dies in its first attempt, after its first step."""

    @idempotent(store=store, name="work", **options, key=lambda: "once")
    def work() -> str:
        calls.append(current_execution().attempt)
        step("charge", lambda: calls.append(-1))
        if len(calls) == 2:
            store.is_gone = True
            raise Crash
        return "done"

    return work


def ask(store: Crashing, flow: Any) -> Any:
    return drive(flow, lambda command: instant(store) if isinstance(command, Now) else store.apply(command))


def test_by_default_it_runs_again_when_the_lease_is_over_and_keeps_its_steps(store: Crashing) -> None:
    calls: list[int] = []
    work = protected(store, calls)
    crash(store, work)
    with pytest.raises(InProgress):
        work()
    store.advance(33)
    assert work() == "done"
    assert calls == [1, -1, 2]


def test_at_most_once_it_never_runs_again(store: Crashing) -> None:
    calls: list[int] = []
    work = protected(store, calls, on_unknown="raise")
    crash(store, work)
    with pytest.raises(InProgress):
        work()
    for seconds in (33, 86_400, YEAR):
        store.advance(seconds)
        with pytest.raises(UnknownOutcome) as unknown:
            work()
    assert unknown.value.attempt == 1
    assert calls == [1, -1]


def test_unknown_is_concluded_by_the_reader_and_not_stored(store: Crashing) -> None:
    work = protected(store, [], on_unknown="raise")
    crash(store, work)
    before = store.record
    store.advance(60)
    with pytest.raises(UnknownOutcome):
        work()
    assert store.record == before
    assert (before.status, before.expires_at) == (Status.IN_PROGRESS, None)


def test_the_same_record_is_unknown_to_one_reader_and_free_to_another(store: Crashing) -> None:
    calls: list[int] = []
    crash(store, protected(store, calls, on_unknown="raise"))
    store.advance(60)
    assert protected(store, calls)() == "done"


def test_another_payload_is_refused_over_a_dead_lease_too(store: Crashing) -> None:
    def work(order: str, amount: int) -> str:
        store.is_gone = True
        raise Crash

    charge = idempotent(store=store, key=lambda order, amount: order, name="work")(work)
    crash(store, charge, "o-1", 1)
    store.advance(60)
    with pytest.raises(PayloadMismatch):
        charge("o-1", 2)


@pytest.mark.parametrize("on_unknown", ["rerun", "raise"])
def test_a_person_says_that_it_is_done(store: Crashing, on_unknown: Any) -> None:
    calls: list[int] = []
    work = protected(store, calls, on_unknown=on_unknown)
    crash(store, work)
    store.advance(60)
    settled = ask(store, by_hand.settle(store.record.key, Seconds(3_600), is_done=True, reply='"by hand"'))
    assert isinstance(settled, Done)
    assert work() == "by hand"
    assert calls == [1, -1]


def test_a_person_says_that_it_is_not_done_and_it_runs_again_with_its_steps(store: Crashing) -> None:
    calls: list[int] = []
    work = protected(store, calls, on_unknown="raise")
    crash(store, work)
    store.advance(60)
    assert isinstance(ask(store, by_hand.settle(store.record.key, Seconds(3_600), is_done=False)), Done)
    assert work() == "done"
    assert calls == [1, -1, 2]


def test_a_person_orders_a_new_execution_with_new_downstream_keys(store: Crashing) -> None:
    keys: list[Any] = []

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        step("charge", lambda idempotency_key: keys.append(idempotency_key))
        return "done"

    work()
    assert isinstance(ask(store, by_hand.redo(store.record.key, Seconds(3_600))), Done)
    assert work() == "done"
    assert len(set(keys)) == 2
    assert store.record.generation == 1


def test_nobody_settles_what_may_still_run(store: Crashing) -> None:
    work = protected(store, [], on_unknown="raise")
    crash(store, work)
    for flow in (
        by_hand.settle(store.record.key, Seconds(1), is_done=True),
        by_hand.redo(store.record.key, Seconds(1)),
        by_hand.forget(store.record.key),
    ):
        with pytest.raises(InProgress):
            ask(store, flow)


def test_an_owner_that_moved_on_is_not_settled(store: Crashing) -> None:
    calls: list[int] = []
    work = protected(store, calls)
    crash(store, work)
    store.advance(60)
    settle = by_hand.settle(store.record.key, Seconds(3_600), is_done=True, reply='"by hand"')
    seen = store.apply(Load(store.record.key))

    def answer(command: Any) -> Any:
        if isinstance(command, Load):
            work()
            return seen
        return instant(store) if isinstance(command, Now) else store.apply(command)

    assert isinstance(drive(settle, answer), Lost)
    assert work() == "done"


def test_a_late_completion_of_the_silent_owner_resolves_it(store: Crashing) -> None:
    begun, may_go_on, calls = threading.Event(), threading.Event(), []

    @idempotent(store=store, on_unknown="raise", name="work", key=lambda: "once")
    def work() -> str:
        calls.append(1)
        begun.set()
        assert may_go_on.wait(30)
        return "late"

    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.append(work()))
    thread.start()
    until(begun.is_set)
    store.advance(60)
    with pytest.raises(UnknownOutcome):
        work()
    may_go_on.set()
    thread.join(30)
    assert heard == ["late"]
    assert (work(), calls) == ("late", [1])
