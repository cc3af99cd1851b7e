"""Large results of steps lie in items of their own, written before the record points to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from tests.steps.play import Play
from twicesafe import current_execution
from twicesafe.protocol.commands import Forget, Keep, Load
from twicesafe.protocol.entries import Result, aside, entry
from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE, SMALL = "x y" * 2_000, "x" * 4_000


def reading(had: list[str], text: str = LARGE) -> Callable[[Any], Any]:
    async def script(do: Any) -> int:
        def read() -> str:
            had.append("read")
            return text

        found = await do("read", read)
        if current_execution().attempt == 1:
            raise ConnectionError
        return len(found)

    return script


def test_it_costs_one_write_more_and_one_read_at_the_next_attempt(play: Play) -> None:
    had: list[str] = []
    with pytest.raises(ConnectionError):
        play.attempt(reading(had))
    assert play.store.seen == ["Claim", "Keep", "SaveStep", "Release"]
    assert len(play.record.steps["read"].data) < 200
    assert play.attempt(reading(had)) == len(LARGE)
    assert play.store.seen == ["Claim", "Load", "Complete"]
    assert had == ["read"]


def test_what_is_not_large_stays_in_the_record(play: Play) -> None:
    with pytest.raises(ConnectionError):
        play.attempt(reading([], SMALL))
    assert play.store.seen == ["Claim", "SaveStep", "Release"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["Keep", "SaveStep"])
def test_a_crash_repeats_it_only_before_the_record_points_to_it(play: Play, when: str, command: str) -> None:
    had: list[str] = []
    play.crash(reading(had), when, command)
    assert play.attempt(reading(had)) == len(LARGE)
    assert len(had) == (1 if (when, command) == ("after", "SaveStep") else 2)


def test_a_text_that_could_not_be_kept_goes_along_with_the_release(play: Play) -> None:
    had: list[str] = []
    play.store.fails = ("before", "Keep")
    with pytest.raises(twicesafe.StoreUnavailable):
        play.attempt(reading(had))
    assert play.attempt(reading(had)) == len(LARGE)
    assert had == ["read"]


def test_a_pointer_without_its_item_is_a_corrupt_record(play: Play) -> None:
    with pytest.raises(ConnectionError):
        play.attempt(reading([]))
    record = play.record
    pointer = entry(record.steps["read"], "read", record.key)
    assert isinstance(pointer, Result)
    item = play.store.inner.apply(Load(aside(record.key, "read", pointer.owner)))
    play.store.inner.apply(Forget(item))  # type: ignore[arg-type]
    with pytest.raises(twicesafe.CorruptRecord, match="'read'"):
        play.attempt(reading([]))


def test_many_results_that_are_not_large_do_not_fill_the_record(play: Play) -> None:
    async def script(do: Any) -> int:
        total = 0
        for turn in range(130):  # 520 KB, over what an item of DynamoDB holds
            total += len(await do("read", lambda: SMALL, each=turn))
        if current_execution().attempt == 1:
            raise ConnectionError
        return total

    with pytest.raises(ConnectionError):
        play.attempt(script)
    assert sum(len(step.data) for step in play.record.steps.values()) < 250_000
    assert play.attempt(script) == 130 * len(SMALL)


def test_what_is_too_large_for_the_store_is_done_and_refused_each_time(play: Play) -> None:
    had: list[str] = []
    if play.store.reply_limit is None:
        return
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(400_000))
    for _ in range(2):
        with pytest.raises(twicesafe.ReplyTooLarge):
            play.attempt(reading(had, noise))
    assert had == ["read"]


@pytest.mark.parametrize("time_limit", [900, 1_800, 5_400])
def test_the_item_outlives_the_record(time_limit: int) -> None:
    for policy in (Policy(Seconds(60)), Policy(Seconds(86_400)), Policy(Seconds(60), on_unknown="raise")):
        last_claim = time_limit + policy.expires_after  # later there would be no record that points to it
        lease_until = policy.lease_until(Millis(1000 * last_claim), Millis(1000 * (last_claim + time_limit)))
        assert policy.keeps_aside_for > policy.expires_at(lease_until)


def test_a_zombies_item_has_another_name(play: Play) -> None:
    kept: list[str] = []
    inner = play.store.inner.apply

    class Noting:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def apply(self, command: Any) -> Any:
            if isinstance(command, Keep):
                kept.append(command.key)
            return inner(command)

    if play.form == "async":
        return
    store = play.store.inner
    play.store.inner = Noting()  # type: ignore[assignment]
    for _ in range(2):
        play.crash(reading([]), "before", "SaveStep")
    assert len(set(kept)) == 2
