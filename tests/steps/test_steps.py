"""Steps as a user meets them: names, arguments, threads, time; on every store, sync and async."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from tests.steps.play import Context, Play
from twicesafe import carried, current_execution, idempotent, step

if TYPE_CHECKING:
    from twicesafe.stores.memory import MemoryStore


class Effects(list[Any]):
    """What was done, in its order."""

    def had(self, what: Any) -> Any:
        self.append(what)
        return what


@pytest.fixture
def effects() -> Effects:
    return Effects()


def test_results_come_with_the_claim_and_each_step_costs_one_write(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> list[Any]:
        had = [await do(name, effects.had, name) for name in ("charge", "write", "mail")]
        if current_execution().attempt == 1:
            raise ConnectionError
        return had

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert play.store.seen == ["Claim", "SaveStep", "SaveStep", "SaveStep", "Release"]
    assert play.attempt(script) == ["charge", "write", "mail"]
    assert play.store.seen == ["Claim", "Complete"]
    assert effects == ["charge", "write", "mail"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_repeats_only_the_step_in_whose_window_it_was(play: Play, effects: Effects, when: str) -> None:
    async def script(do: Any) -> list[Any]:
        had = [await do("charge", effects.had, "charge")]
        play.store.dies = play.store.dies or crash
        return [*had, await do("mail", effects.had, "mail")]

    crash: tuple[str, str] | None = (when, "SaveStep")
    with pytest.raises(AssertionError, match="did not die"):
        crash = None
        play.crash(script)
    assert effects == ["charge", "mail"]

    effects.clear()
    play.key += "b"
    crash = (when, "SaveStep")
    play.crash(script)
    crash = None
    assert play.attempt(script) == ["charge", "mail"]
    assert effects == (["charge", "mail", "mail"] if when == "before" else ["charge", "mail"])


def test_a_result_without_an_answer_goes_along_with_the_release(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> str:
        try:
            await do("charge", effects.had, 1)
        except twicesafe.StoreUnavailable:
            return "swallowed"
        return "reply"

    play.store.fails = ("before", "SaveStep")
    with pytest.raises(twicesafe.StoreUnavailable):
        play.attempt(script)
    assert play.attempt(script) == "reply"
    assert effects == [1]


def test_results_keep_their_types(play: Play) -> None:
    async def script(do: Any) -> Any:
        value = await do("value", lambda: (1, {2}, timedelta(3)))
        if current_execution().attempt == 1:
            raise ConnectionError(value)
        return repr(value)

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert play.attempt(script) == "(1, {2}, datetime.timedelta(days=3))"


def test_a_result_that_cannot_be_kept_is_done_and_heard_each_time(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> Any:
        return await do("charge", lambda: effects.had(object()))

    for _ in range(2):
        with pytest.raises(twicesafe.UnserializableReply):
            play.attempt(script)
    assert len(effects) == 1


def test_steps_are_found_by_name_and_not_by_place(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> list[Any]:
        names = ["a", "b", "c"] if current_execution().attempt == 1 else ["new", "c", "a"]
        had = [await do(name, effects.had, name) for name in names]
        if current_execution().attempt == 1:
            raise ConnectionError
        return had

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert play.attempt(script) == ["new", "c", "a"]
    assert effects == ["a", "b", "c", "new"]


# Names


@pytest.mark.parametrize("first_raises", [True, False])
def test_a_second_step_of_one_name_is_an_error_before_its_effect(
    play: Play, effects: Effects, first_raises: bool
) -> None:
    def effect(what: int) -> None:
        effects.append(what)
        if first_raises:
            raise ConnectionError

    async def script(do: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await do("mail", effect, 1)
        await do("mail", effect, 2)

    with pytest.raises(twicesafe.DuplicateStep, match=r"each=item\.id"):
        play.attempt(script)
    assert effects == [1]


def test_a_loop_tells_its_turns_apart(play: Play, effects: Effects) -> None:
    users = ["ann", 7, uuid.UUID(int=1), ("a", 1)]

    async def script(do: Any) -> None:
        for user in users:
            await do("mail", effects.had, user, each=user)
        if current_execution().attempt == 1:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(script)
    play.attempt(script)
    assert effects == users


HALVES = ["\ud800", "a\udcff.txt", "\ude00\ud83d", '"\ud800"']
"""As json.loads makes them of a caller's text, and os.listdir of a file's name that is not UTF-8."""


def test_a_turn_is_told_by_half_of_a_surrogate_pair_too(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> list[Any]:
        had = [await do("mail", effects.had, half, each=half) for half in HALVES]
        if current_execution().attempt == 1:
            raise ConnectionError
        return had

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert play.attempt(script) == HALVES
    assert effects == HALVES


class Unreadable:
    """As a proxy of what is gone: it raises, whatever is asked."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("working outside of request context")

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...


def test_a_turn_that_cannot_be_read_is_refused_before_the_effect(memory: MemoryStore, effects: Effects) -> None:
    work = idempotent(store=memory, name="w", key=lambda: "once")(
        lambda: step("mail", effects.had, 1, each=Unreadable())
    )
    with pytest.raises(twicesafe.ConfigurationError, match=r"cannot be read \(RuntimeError\)"):
        work()
    assert effects == []


def test_arguments_that_cannot_be_read_are_not_compared(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> None:
        await do("mail", lambda _: effects.had(1), Unreadable())
        if current_execution().attempt == 1:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(script)
    play.attempt(script)
    assert effects == [1]


@pytest.mark.parametrize("name", ["", None, 7, "é" * 128, "\ud800", Unreadable])
def test_a_name_is_a_short_text(memory: MemoryStore, name: Any) -> None:
    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step(name, print, 1))
    with pytest.raises(twicesafe.ConfigurationError, match="name"):
        work()


def test_a_turn_is_not_told_by_what_is_another_in_each_attempt(memory: MemoryStore, effects: Effects) -> None:
    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step("mail", effects.had, 1, each=object()))
    with pytest.raises(twicesafe.ConfigurationError, match=r"each=item\.id"):
        work()
    assert effects == []


def test_a_step_inside_a_step_is_refused(play: Play, effects: Effects) -> None:
    def outer() -> Any:
        return step("inner", effects.had, 1)

    async def script(do: Any) -> None:
        await do("outer", outer)

    with pytest.raises(twicesafe.NestedStep, match="outer"):
        play.attempt(script)
    assert effects == []


def test_a_protected_function_inside_a_step_has_steps_of_its_own(memory: MemoryStore, effects: Effects) -> None:
    inner = idempotent(store=memory, name="inner")(lambda n: step("write", effects.had, n))
    outer = idempotent(store=memory, name="outer", key=lambda: "once")(lambda: step("call", inner, 5))
    assert (outer(), effects) == (5, [5])


def test_a_step_is_found_at_any_depth_of_calls(play: Play, effects: Effects) -> None:
    async def deep(do: Any, depth: int) -> Any:
        return await deep(do, depth - 1) if depth else await do("deep", effects.had, 1)

    async def script(do: Any) -> Any:
        return await deep(do, 20)

    assert play.attempt(script) == 1
    assert play.store.seen == ["Claim", "SaveStep", "Complete"]


# Arguments


def test_a_recorded_step_with_other_arguments_is_refused(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> None:
        try:
            await do("charge", effects.had, {"attempt": current_execution().attempt})
        except twicesafe.StepMismatch:
            return
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(script)
    for _ in range(2):
        with pytest.raises(twicesafe.StepMismatch, match="'charge'"):
            play.attempt(script)  # swallowed, and yet nothing is completed
    assert effects == [{"attempt": 1}]


@pytest.mark.parametrize("options", [{"fingerprint": False}, {}])
def test_what_is_not_compared_may_be_another(play: Play, effects: Effects, options: dict[str, Any]) -> None:
    async def script(do: Any) -> Any:
        changes = current_execution().attempt if options else object()  # an object has no text
        value = await do("charge", lambda _: effects.had(1), changes, **options)
        if current_execution().attempt == 1:
            raise ConnectionError
        return value

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert play.attempt(script) == 1
    assert effects == [1]


def test_options_are_the_steps_and_all_else_is_the_functions(memory: MemoryStore) -> None:
    seen: list[Any] = []

    def charge(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    @idempotent(store=memory, name="work", key=lambda: "once")
    def work() -> None:
        step("charge", charge, 1, amount=2, each="o-1", needs=0, fingerprint=False)

    work()
    assert seen == [((1,), {"amount": 2})]


@pytest.mark.parametrize(
    "option", ["each", "fingerprint", "needs", "recover", "at_most_once", "not_done", "settles_after", "horizon"]
)
def test_an_option_that_is_also_a_parameter_is_refused(memory: MemoryStore, effects: Effects, option: str) -> None:
    call: Any = eval(f"lambda effects, {option}: effects.had({option})")
    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step("charge", call, effects, **{option: 1}))
    with pytest.raises(twicesafe.ConfigurationError, match="not clear whose"):
        work()
    assert effects == []


def test_a_partial_gives_the_function_its_own(memory: MemoryStore) -> None:
    def mail(user: str, each: str, needs: int = 3) -> str:
        return f"{user} {each} {needs}"

    @idempotent(store=memory, name="work", key=lambda: "once")
    def work() -> str:
        return step("mail", partial(mail, each="week", needs=4), "ann", each="ann", needs=timedelta(0))

    assert work() == "ann week 4"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fingerprint": 1}, "True or False"),
        ({"recover": 1}, "recover="),
        ({"recover": print, "at_most_once": True}, "either"),
        ({"at_most_once": True, "not_done": (1,)}, "exception classes"),
        ({"not_done": ValueError}, "go with"),
        ({"settles_after": 3}, "go with"),
        ({"needs": -1}, "timedelta or seconds"),
        ({"horizon": "long"}, "no provider"),
    ],
)
def test_a_wrong_option_is_refused_before_the_effect(
    memory: MemoryStore, effects: Effects, options: dict[str, Any], message: str
) -> None:
    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step("charge", effects.had, 1, **options))
    with pytest.raises(twicesafe.ConfigurationError, match=message):
        work()
    assert effects == []


def test_a_coroutine_is_never_taken_for_a_result(memory: MemoryStore, effects: Effects) -> None:
    async def charge() -> None:
        effects.append(1)

    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step("charge", lambda: charge()))
    with pytest.raises(twicesafe.ConfigurationError, match="async function"):
        work()
    assert effects == []


def test_an_async_recovery_needs_an_async_step(memory: MemoryStore, effects: Effects) -> None:
    async def find() -> None: ...

    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: step("charge", effects.had, 1, recover=find))
    with pytest.raises(twicesafe.ConfigurationError, match="async"):
        work()
    assert effects == []


# Downstream keys


def test_a_function_that_asks_for_its_key_gets_it_the_same_in_each_attempt(play: Play) -> None:
    seen: list[Any] = []

    def charge(order: str, idempotency_key: str) -> None:
        seen.append(idempotency_key)
        if len(seen) < 3:
            raise ConnectionError

    async def script(do: Any) -> Any:
        await do("charge", charge, "o-1", each="o-1")
        return current_execution().downstream_key("charge", each="o-1")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            play.attempt(script)
    assert {play.attempt(script), *seen} == {seen[0]}
    assert uuid.UUID(seen[0]).version == 8


def test_each_step_turn_and_delivery_has_a_key_of_its_own(play: Play) -> None:
    async def script(do: Any) -> list[Any]:
        key = current_execution().downstream_key
        return [key("a"), key("b"), key("a", each=1), key("a", each=2)]

    keys = play.attempt(script)
    play.key += "b"
    assert len({*keys, *play.attempt(script)}) == 8


def test_a_key_is_the_same_after_an_expiry_and_a_loss(memory: MemoryStore) -> None:
    work = idempotent(store=memory, name="w", key=lambda: "once")(lambda: current_execution().downstream_key("a"))
    other = idempotent(store=type(memory)(), name="w", key=lambda: "once")(
        lambda: current_execution().downstream_key("a")
    )
    assert work() == other()


def test_a_key_that_is_given_is_kept(memory: MemoryStore) -> None:
    def charge(idempotency_key: str) -> str:
        return idempotency_key

    @idempotent(store=memory, name="work", key=lambda: "once")
    def work() -> list[str]:
        return [step("a", charge, idempotency_key="mine"), step("b", partial(charge, idempotency_key="mine"))]

    assert work() == ["mine", "mine"]


# Decorated steps


class Shop:
    """Has steps as methods."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    @step
    def charge(self, order: str, idempotency_key: str = "") -> str:
        """Charge it."""
        return self.effects.had(f"{order} {len(idempotency_key)}")

    @step("receipt", each=lambda user: user)
    def mail(self, user: str) -> str:
        return self.effects.had(user)

    @staticmethod
    @step(needs=0)
    def tax(order: str) -> int:
        return len(order)

    @step()
    async def write(self, order: str) -> str:
        return self.effects.had(order)


def test_decorated_functions_and_methods_are_steps_wherever_they_are_called(
    memory: MemoryStore, effects: Effects
) -> None:
    attempts: list[int] = []

    @idempotent(store=memory, name="work")
    def work(order: str) -> list[Any]:
        attempts.append(1)
        shop = Shop(effects)  # another object in each attempt: it is no argument of the step
        done = [shop.charge(order), shop.mail("ann"), shop.mail("bob"), shop.tax(order)]
        if len(attempts) == 1:
            raise ConnectionError
        return done

    with pytest.raises(ConnectionError):
        work("o-1")
    assert work("o-1") == ["o-1 36", "ann", "bob", 3]
    assert effects == ["o-1 36", "ann", "bob"]


def test_a_decorated_method_compares_its_arguments(memory: MemoryStore, effects: Effects) -> None:
    @idempotent(store=memory, name="work", key=lambda: "once")
    def work() -> None:
        Shop(effects).charge(f"o-{current_execution().attempt}")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        work()
    with pytest.raises(twicesafe.StepMismatch):
        work()


def test_decorated_async_functions_are_steps_too(memory: MemoryStore, effects: Effects) -> None:
    @idempotent(store=memory, name="work", key=lambda: "once")
    async def work() -> str:
        written = await Shop(effects).write("o-1")
        if current_execution().attempt == 1:
            raise ConnectionError
        return written

    with pytest.raises(ConnectionError):
        asyncio.run(work())
    assert (asyncio.run(work()), effects) == ("o-1", ["o-1"])


def test_a_decorated_step_keeps_its_name_and_docstring() -> None:
    assert (Shop.charge.__name__, Shop.charge.__doc__) == ("charge", "Charge it.")


@pytest.mark.parametrize(
    "wrong", [lambda: step(5), lambda: step("a", 5), lambda: step(colour="red"), lambda: step(each=3)]
)  # type: ignore[call-overload]
def test_what_is_no_step_is_refused(wrong: Any) -> None:
    with pytest.raises(twicesafe.ConfigurationError):
        made = wrong()
        made(lambda: None) if callable(made) else None


# Outside of a protected function


def test_outside_of_a_protected_function_a_step_just_runs_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    name = f"add {uuid.uuid4()}"
    with caplog.at_level(logging.WARNING, "twicesafe"):
        assert [step(name, lambda a, b: a + b, 1, each) for each in (2, 3)] == [3, 4]
    assert [record.getMessage() for record in caplog.records if name in record.getMessage()][1:] == []
    assert name in caplog.text


def test_outside_of_a_protected_function_each_call_has_a_key_of_its_own() -> None:
    def charge(order: str, idempotency_key: str) -> str:
        return idempotency_key

    assert step("charge", charge, "o-1") != step("charge", charge, "o-1")
    assert uuid.UUID(step("charge", charge, "o-1")).version == 8


def test_outside_of_a_protected_function_an_async_step_is_awaited_as_it_is() -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    assert asyncio.run(step("add", add, 1, 2)) == 3


# Threads, tasks, time


def test_threads_of_a_pool_record_their_steps(play: Play, effects: Effects) -> None:
    def notify(user: int) -> Any:
        return step("notify", effects.had, user, each=user)

    async def script(do: Any) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            had = list(pool.map(carried(notify), range(16)))
        if current_execution().attempt == 1:
            raise ConnectionError
        return had

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert len(play.record.steps) == 16
    assert play.attempt(script) == list(range(16))
    assert sorted(effects) == list(range(16))


def test_of_many_threads_one_runs_the_step_of_a_name(memory: MemoryStore, effects: Effects) -> None:
    ready = threading.Barrier(8)

    def notify(_: int) -> Any:
        ready.wait()
        try:
            return step("notify", effects.had, 1)
        except twicesafe.DuplicateStep:
            return 0

    @idempotent(store=memory, name="work", key=lambda: "once")
    def work() -> int:
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(carried(notify), range(8)))

    assert (work(), effects) == (1, [1])


def test_steps_of_one_gather_run_beside_each_other(play: Play, effects: Effects) -> None:
    if play.form == "sync":
        return

    async def script(do: Any) -> list[Any]:
        return await asyncio.gather(*(do("notify", effects.had, user, each=user) for user in range(8)))

    assert play.attempt(script) == list(range(8))
    assert sorted(effects) == list(range(8))


def test_a_step_that_needs_more_time_is_left_to_the_next_delivery(play: Play, effects: Effects) -> None:
    async def script(do: Any) -> Any:
        await do("charge", effects.had, "charge", needs=timedelta(milliseconds=1))
        return await do("mail", effects.had, "mail", needs=timedelta(seconds=30))

    with pytest.raises(twicesafe.NotEnoughTime, match="'mail'") as caught:
        play.attempt(script, remaining=20_000)
    assert (caught.value.needs, caught.value.step) == (30_000, "mail")
    assert caught.value.remaining <= 20_000
    assert play.attempt(script, remaining=60_000) == "mail"
    assert effects == ["charge", "mail"]


def test_without_a_deadline_there_is_always_time(memory: MemoryStore, effects: Effects) -> None:
    work = idempotent(store=memory, name="w", lease=2, key=lambda: "once")(
        lambda: step("charge", effects.had, 1, needs=timedelta(days=1))
    )
    assert work() == 1


def test_too_little_time_that_is_swallowed_completes_nothing(memory: MemoryStore, effects: Effects) -> None:
    @idempotent(store=memory, name="w")
    def handler(event: Any, context: Any) -> str:
        try:
            step("mail", effects.had, 1, needs=30)
        except twicesafe.NotEnoughTime:
            return "swallowed"
        return "mailed"

    with pytest.raises(twicesafe.NotEnoughTime):
        handler({"a": 1}, Context(10_000))
    assert handler({"a": 1}, Context(60_000)) == "mailed"


def test_a_zombie_runs_no_further_step_and_its_result_is_not_recorded(play: Play, effects: Effects) -> None:
    other = Play(play.store.inner, "sync", play.key)

    async def successor(do: Any) -> Any:
        return await do("charge", effects.had, "second")

    def charge() -> str:
        effects.append("first")
        other.time_passes(70_000)
        thread = threading.Thread(target=other.attempt, args=(successor,))  # another context, as in another process
        thread.start()
        thread.join()
        return "first"

    async def script(do: Any) -> Any:
        with contextlib.suppress(twicesafe.LeaseLost):
            await do("charge", charge, fingerprint=False)
        await do("mail", effects.had, "zombie")

    with pytest.raises(twicesafe.LeaseLost):
        play.attempt(script)
    assert effects == ["first", "second"]
    assert play.attempt(script) == "second"


def test_a_heartbeat_keeps_a_long_step_alive(memory: MemoryStore, effects: Effects) -> None:
    beats = threading.Event()
    inner = memory.apply

    def apply(command: Any) -> Any:
        reply = inner(command)
        if type(command).__name__ == "Renew":
            beats.set()
        return reply

    memory.apply = apply  # type: ignore[method-assign]

    @idempotent(store=memory, lease=1, name="w", key=lambda: "once")
    def work() -> Any:
        return step("long", lambda: beats.wait(30)), step("next", effects.had, 1)

    assert work() == (True, 1)
