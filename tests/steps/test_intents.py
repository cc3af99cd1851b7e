"""Steps that record an intent before the effect: recoverable ones, and those that happen at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from twicesafe import NOT_DONE
from twicesafe.execution.current import instant
from twicesafe.protocol import by_hand
from twicesafe.protocol.commands import Done, Lost, Now
from twicesafe.protocol.drivers import drive
from twicesafe.protocol.records import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.steps.play import Play

MINUTE = 60_000


class Bank:
    """An outside system; what it had done can be looked up."""

    def __init__(self) -> None:
        self.charges: list[str] = []
        self.asked = 0
        self.raises: BaseException | None = None
        self.then: Callable[[], None] = lambda: None

    def charge(self, order: str) -> str:
        if self.raises is not None:
            raise self.raises
        self.charges.append(order)
        self.then()
        return f"ch_{len(self.charges)}"

    def find(self, order: str) -> Any:
        self.asked += 1
        return f"found {order}" if order in self.charges else NOT_DONE


@pytest.fixture
def bank() -> Bank:
    return Bank()


def charging(bank: Bank, **options: Any) -> Any:
    async def script(do: Any) -> Any:
        return await do("charge", bank.charge, "o-1", **options)

    return script


def test_a_recoverable_step_costs_two_writes_and_no_read(play: Play, bank: Bank) -> None:
    assert play.attempt(charging(bank, recover=bank.find)) == "ch_1"
    assert play.store.seen == ["Claim", "SaveStep", "SaveStep", "Complete"]
    assert (bank.charges, bank.asked) == (["o-1"], 0)


@pytest.mark.parametrize(("when", "command"), [("after", "Claim"), ("before", "SaveStep")])
def test_without_an_intent_nothing_was_sent_and_nobody_is_asked(
    play: Play, bank: Bank, when: str, command: str
) -> None:
    script = charging(bank, recover=bank.find)
    play.crash(script, when, command)
    assert play.attempt(script) == "ch_1"
    assert (bank.charges, bank.asked) == (["o-1"], 0)


def test_an_effect_that_is_found_is_recorded_and_not_had_again(play: Play, bank: Bank) -> None:
    script = charging(bank, recover=bank.find)
    bank.then = play.store.die
    play.crash(script)
    assert play.attempt(script) == "found o-1"
    assert play.attempt(script) == "found o-1"
    assert (bank.charges, bank.asked) == (["o-1"], 1)


def test_what_was_recovered_is_not_asked_for_again(play: Play, bank: Bank) -> None:
    bank.then = play.store.die
    play.crash(charging(bank, recover=bank.find))

    async def fails(do: Any) -> None:
        await do("charge", bank.charge, "o-1", recover=bank.find)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(fails)
    assert play.attempt(charging(bank, recover=bank.find)) == "found o-1"
    assert bank.asked == 1


def test_an_effect_that_is_not_found_is_had_once_that_can_be_believed(play: Play, bank: Bank) -> None:
    script = charging(bank, recover=bank.find, settles_after=100)
    play.crash(script, "after", "SaveStep")  # 70 s pass: the lease is over, and the effect may still land
    with pytest.raises(twicesafe.StepInDoubt, match="proves nothing") as caught:
        play.attempt(script)
    assert caught.value.retry_in is not None
    assert 20_000 < caught.value.retry_in <= 32_000
    play.time_passes(caught.value.retry_in)
    assert play.attempt(script) == "ch_1"
    assert (bank.charges, bank.asked) == (["o-1"], 2)


def test_not_found_is_not_believed_while_the_lease_of_the_attempt_lasts(play: Play, bank: Bank) -> None:
    script = charging(bank, recover=bank.find, settles_after=0)
    bank.raises = TimeoutError()
    with pytest.raises(TimeoutError):
        play.attempt(script)  # its claim is given back; a thread of it may go on until its lease is over
    bank.raises = None
    play.time_passes(MINUTE - 5_000)
    with pytest.raises(twicesafe.StepInDoubt):
        play.attempt(script)
    play.time_passes(10_000)
    assert play.attempt(script) == "ch_1"


def test_an_effect_that_is_begun_again_has_an_intent_of_its_own(play: Play, bank: Bank) -> None:
    script = charging(bank, recover=bank.find)
    play.crash(script, "after", "SaveStep")
    bank.then = play.store.die
    play.crash(script)
    assert play.attempt(script) == "found o-1"
    assert bank.charges == ["o-1"]


@pytest.mark.parametrize("answer", [ConnectionError("no line"), None])
def test_a_recovery_that_cannot_tell_leaves_it_in_doubt(play: Play, bank: Bank, answer: Any) -> None:
    def find(order: str) -> Any:
        if answer is not None:
            raise answer

    bank.then = play.store.die
    play.crash(charging(bank, recover=find))
    with pytest.raises(twicesafe.StepInDoubt, match="recover function") as caught:
        play.attempt(charging(bank, recover=find))
    assert caught.value.__cause__ is answer
    assert play.record.owner is None  # it was given back: another delivery may ask again
    assert play.attempt(charging(bank, recover=bank.find)) == "found o-1"
    assert bank.charges == ["o-1"]


def test_a_doubt_that_is_swallowed_completes_nothing(play: Play, bank: Bank) -> None:
    async def script(do: Any) -> str:
        try:
            await do("charge", bank.charge, "o-1", at_most_once=True)
        except twicesafe.TwicesafeError:
            return "swallowed"
        return "reply"

    bank.then = play.store.die
    play.crash(script)
    for _ in range(2):
        with pytest.raises(twicesafe.StepInDoubt):
            play.attempt(script)
    assert bank.charges == ["o-1"]


@pytest.mark.parametrize("lands", [True, False])
def test_a_step_at_most_once_is_not_repeated(play: Play, bank: Bank, lands: bool) -> None:
    script = charging(bank, at_most_once=True)
    if lands:
        bank.then = play.store.die
        play.crash(script)
    else:
        play.crash(script, "after", "SaveStep")
    play.time_passes(1_000_000)
    with pytest.raises(twicesafe.StepInDoubt, match="at most once") as caught:
        play.attempt(script)
    assert (caught.value.step, caught.value.retry_in) == ("charge", None)
    assert len(bank.charges) == int(lands)


def test_an_exception_leaves_the_intent(play: Play, bank: Bank) -> None:
    script = charging(bank, at_most_once=True, not_done=ConnectionRefusedError)
    bank.raises = TimeoutError()
    with pytest.raises(TimeoutError):
        play.attempt(script)
    bank.raises = None
    with pytest.raises(twicesafe.StepInDoubt):
        play.attempt(script)


@pytest.mark.parametrize("options", [{"at_most_once": True}, {"recover": NOT_DONE}])
def test_an_exception_that_proves_that_nothing_was_sent_clears_it_without_a_write(
    play: Play, bank: Bank, options: dict[str, Any]
) -> None:
    chosen = {**options, "recover": bank.find} if "recover" in options else options
    script = charging(bank, not_done=(ConnectionRefusedError,), **chosen)
    bank.raises = ConnectionRefusedError()
    with pytest.raises(ConnectionRefusedError):
        play.attempt(script)
    assert play.store.seen == ["Claim", "SaveStep", "Release"]
    bank.raises = None
    assert play.attempt(script) == "ch_1"
    assert bank.asked == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_effect_that_was_not_begun_leaves_no_doubt(play: Play, bank: Bank, when: str) -> None:
    script = charging(bank, at_most_once=True)
    play.store.fails = (when, "SaveStep")
    with pytest.raises(twicesafe.StoreUnavailable):
        play.attempt(script)
    assert bank.charges == []
    assert play.attempt(script) == "ch_1"


def test_an_intent_that_is_answered_after_the_lease_begins_nothing(play: Play, bank: Bank) -> None:
    inner = play.store.inner.apply, play.store.inner.apply_async

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def apply(self, command: Any) -> Any:
            reply = inner[0](command)
            self.wait(command)
            return reply

        async def apply_async(self, command: Any) -> Any:
            reply = await inner[1](command)
            self.wait(command)
            return reply

        def wait(self, command: Any) -> None:
            if type(command).__name__ == "SaveStep":
                play.time_passes(MINUTE)

    store = play.store.inner
    play.store.inner = Slow()  # type: ignore[assignment]
    with pytest.raises(twicesafe.LeaseLost):
        play.attempt(charging(bank, at_most_once=True))
    play.store.inner = store
    assert bank.charges == []
    play.time_passes(10_000)
    assert play.attempt(charging(bank, at_most_once=True)) == "ch_1"


def test_without_its_intent_in_the_plan_a_step_is_repeated(play: Play, bank: Bank) -> None:
    bank.then = play.store.die
    play.crash(charging(bank, at_most_once=True))
    bank.then = lambda: None
    assert play.attempt(charging(bank)) == "ch_2"


def test_an_intent_is_of_the_same_arguments(play: Play, bank: Bank) -> None:
    bank.then = play.store.die
    play.crash(charging(bank, recover=bank.find))

    async def other(do: Any) -> Any:
        return await do("charge", bank.charge, "o-2", recover=bank.find)

    with pytest.raises(twicesafe.StepMismatch):
        play.attempt(other)
    assert bank.asked == 0


# By hand


def settle(play: Play, name: str, **said: Any) -> object:
    store = play.store
    store.is_dead = False

    def answer(command: Any) -> object:
        return instant(store) if isinstance(command, Now) else store.apply(command)

    return drive(by_hand.settle_step(play.record.key, name, Seconds(86_400), **said), answer)


@pytest.mark.parametrize("silent", [True, False])
def test_a_person_can_say_that_it_is_done(play: Play, bank: Bank, silent: bool) -> None:
    script = charging(bank, at_most_once=True)
    bank.then = play.store.die
    play.crash(script)
    if not silent:
        with pytest.raises(twicesafe.StepInDoubt):
            play.attempt(script)
    assert settle(play, "charge", is_done=True, result='"ch_7"') == Done()
    assert play.attempt(script) == "ch_7"
    assert bank.charges == ["o-1"]


@pytest.mark.parametrize("silent", [True, False])
def test_a_person_can_say_that_it_is_not_done(play: Play, bank: Bank, silent: bool) -> None:
    script = charging(bank, at_most_once=True)
    play.crash(script, "after", "SaveStep")
    if not silent:
        with pytest.raises(twicesafe.StepInDoubt):
            play.attempt(script)
    assert settle(play, "charge", is_done=False) == Done()
    assert play.attempt(script) == "ch_1"


def test_a_person_changes_no_result_and_no_answer(play: Play, bank: Bank) -> None:
    async def fails(do: Any) -> None:
        await do("charge", bank.charge, "o-1")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(fails)
    assert isinstance(settle(play, "charge", is_done=False), Lost)
    play.attempt(charging(bank))
    assert isinstance(settle(play, "charge", is_done=True), Lost)


# Horizons


def keyed(bank: Bank, seen: list[str], **options: Any) -> Any:
    def charge(order: str, idempotency_key: str) -> str:
        seen.append(idempotency_key)
        return bank.charge(order)

    async def script(do: Any) -> Any:
        return await do("charge", charge, "o-1", **options)

    return script


def test_a_key_is_handed_out_again_as_long_as_it_is_remembered(play: Play, bank: Bank) -> None:
    seen: list[str] = []
    script = keyed(bank, seen, horizon=600)
    play.crash(script, "before", "SaveStep")
    play.time_passes(500_000)
    assert play.attempt(script) == "ch_2"
    assert len(set(seen)) == 1


def test_past_its_horizon_nobody_is_called(play: Play, bank: Bank) -> None:
    script = keyed(bank, [], horizon=600)
    play.crash(script, "before", "SaveStep")
    play.time_passes(600_000)
    with pytest.raises(twicesafe.StepInDoubt, match="for 600 s"):
        play.attempt(script)
    assert len(bank.charges) == 1
    assert settle(play, "charge", is_done=False) == Done()
    assert play.attempt(script) == "ch_2"


def test_the_first_attempt_has_handed_out_no_key_before(play: Play, bank: Bank) -> None:
    async def script(do: Any) -> Any:
        play.time_passes(40_000)
        return await do("charge", bank.charge, "o-1", horizon=30)

    assert play.attempt(script) == "ch_1"


def test_past_its_horizon_its_recovery_is_asked(play: Play, bank: Bank) -> None:
    script = keyed(bank, [], horizon=600, recover=lambda order: bank.find(order))
    bank.then = play.store.die
    play.crash(script)
    play.time_passes(600_000)
    assert play.attempt(script) == "found o-1"
    assert len(bank.charges) == 1


def test_an_intent_knows_better_than_the_life_when_its_key_was_handed_out(play: Play, bank: Bank) -> None:
    script = keyed(bank, [], horizon=600, at_most_once=True)
    play.crash(script, "before", "SaveStep")
    play.time_passes(600_000)
    assert play.attempt(script) == "ch_1"  # no intent: it never was


def test_a_new_generation_has_new_keys_that_are_young(play: Play, bank: Bank) -> None:
    seen: list[str] = []
    script = keyed(bank, seen, horizon=600)
    play.attempt(script)
    play.time_passes(700_000)
    store = play.store

    def answer(command: Any) -> object:
        return instant(store) if isinstance(command, Now) else store.apply(command)

    assert drive(by_hand.redo(play.record.key, Seconds(86_400)), answer) == Done()
    assert play.attempt(script) == "ch_2"
    assert len(set(seen)) == 2
