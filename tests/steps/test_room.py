"""The room that steps have in a record: counted in bytes, taken before an effect, and never more than there is."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from tests.stand_ins import Clocked, Context
from tests.steps.play import Play
from twicesafe import StoreUnavailable, carried, current_execution, idempotent, step
from twicesafe.protocol.commands import Keep, Load, Release, SaveStep
from twicesafe.protocol.records import Step
from twicesafe.stores.dynamodb.items import write_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from twicesafe.protocol.commands import StoreCommand, StoreReply
    from twicesafe.protocol.records import Record
    from twicesafe.stores.dynamodb import DynamoDBStore

CJK = "漢"
ITEM = 400 * 1024


def size(record: Record) -> int:
    """Count the bytes of a record's steps as DynamoDB does."""
    steps = write_steps(record.steps)["M"]
    return 3 + sum(1 + len(name.encode()) + len(value["S"].encode()) for name, value in steps.items())


class Tight(Clocked):
    """A store that takes so many bytes of steps in one record, and no reply that is longer."""

    def __init__(self, limit: int, *, holds: int | None = None, keeps: bool = True) -> None:
        super().__init__()
        self.reply_limit = limit
        self.holds = limit if holds is None else holds
        self.keeps = keeps
        self.refused: list[str] = []

    def apply(self, command: StoreCommand, /) -> StoreReply:
        if isinstance(command, Keep) and not self.keeps:
            raise StoreUnavailable("tight", "it was told to")
        if not isinstance(command, (SaveStep, Release)):
            return super().apply(command)
        before = self._records.get(command.key)
        reply = super().apply(command)
        if size(self._records[command.key]) > self.holds:
            self._records[command.key] = before  # type: ignore[assignment]
            self.refused.append(type(command).__name__)
            raise twicesafe.ConfigurationError("the record would be too large")
        return reply

    @property
    def record(self) -> Record:
        (record,) = [record for record in self._records.values() if "/step/" not in record.key]
        return record


class Mails:
    """Sends, and counts what was sent."""

    def __init__(self, result: str = "") -> None:
        self.sent: list[Any] = []
        self.result = result

    def send(self, to: Any) -> str:
        self.sent.append(to)
        return self.result

    @property
    def most(self) -> int:
        return max(map(self.sent.count, set(self.sent)))


def sending(mails: Mails, count: int, name: Callable[[int], str] = str) -> Any:
    """A script of so many steps, which fails in its first attempt."""

    async def script(do: Any) -> int:
        for number in range(count):
            await do("mail", mails.send, number, each=name(number))
        if current_execution().attempt == 1:
            raise ConnectionError
        return count

    return script


@pytest.mark.parametrize("letter", ["x", "é", CJK, "😀", "\x01", '"', "\ud800"])
def test_results_are_counted_in_bytes_whatever_their_letters(play: Play, letter: str) -> None:
    mails = Mails(letter * 1300)
    with pytest.raises(ConnectionError):
        play.attempt(sending(mails, 130))
    assert size(play.record) < 250_000
    assert play.attempt(sending(mails, 130)) == 130
    assert mails.most == 1


def test_small_results_and_names_are_counted_too(play: Play) -> None:
    mails, filler = Mails("x" * 240), {f"{number:0240}": Step(True, CJK * 40) for number in range(540)}

    async def fill(do: Any) -> None:
        tenure: Any = current_execution().tenure
        play.store.inner.apply(SaveStep(tenure.key, tenure.owner, filler))  # as an earlier attempt's
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(fill)
    assert play.attempt(sending(mails, 200, lambda number: f"{number:0200}")) == 200
    assert mails.most == 1


def test_what_does_not_fit_is_refused_before_its_effect_and_the_claim_is_given_back(dynamodb: DynamoDBStore) -> None:
    play, mails = Play(dynamodb, "sync", str(uuid.uuid4())), Mails("x" * 600)
    filler = {f"{number:0255}": Step(True, "") for number in range(1_515)}

    async def fill(do: Any) -> None:
        tenure: Any = current_execution().tenure
        dynamodb.apply(SaveStep(tenure.key, tenure.owner, filler))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(fill)
    for _ in range(3):
        with pytest.raises(twicesafe.ConfigurationError, match=r"did not begin its step 'mail\[\d+\]'") as error:
            play.attempt(sending(mails, 1_000))
        assert mails.most == 1
        assert play.record.owner is None
        assert error.value.key == play.record.key
    assert ITEM - 20_000 < size(play.record) < ITEM
    assert 20 < len(mails.sent) < 60


@pytest.mark.parametrize("length", [0, 1, 60, 70, 80, 300, 2_000, 5_000])
@pytest.mark.parametrize("options", [{}, {"at_most_once": True}, {"recover": lambda _: None}])
def test_no_step_is_ever_too_large_for_the_record(length: int, options: dict[str, Any]) -> None:
    store, mails = Tight(6_000), Mails(CJK * length)

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> None:
        for number in range(200):
            step("mail", mails.send, number, each=number, **options)

    heard = []
    for _ in range(3):
        with pytest.raises(twicesafe.ConfigurationError) as error:
            work()
        heard.append(str(error.value))
    assert store.refused == []
    assert mails.most == 1
    assert len(set(heard)) == 1
    assert len(mails.sent) > 35
    assert "its steps take" in heard[0]


def test_a_refusal_that_is_swallowed_completes_nothing() -> None:
    store, mails = Tight(500), Mails("done")

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> str:
        for number in range(100):
            with contextlib.suppress(twicesafe.ConfigurationError):
                step("mail", mails.send, number, each=number)
        return "done"

    for _ in range(2):
        with pytest.raises(twicesafe.ConfigurationError, match="did not begin"):
            work()
    assert mails.most == 1


def test_threads_do_not_take_the_same_room() -> None:
    store, mails = Tight(8_000), Mails("x" * 700)
    before = sys.getswitchinterval()

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> None:
        barrier = threading.Barrier(64)

        def send(number: int) -> object:
            barrier.wait(30)
            try:
                return step("mail", mails.send, number, each=number)
            except twicesafe.TwicesafeError as error:
                return type(error)

        # The first that is refused ends the execution, and may come before any other thread has had its effect.
        ended = [step("mail", mails.send, 192, each=192)]
        with ThreadPoolExecutor(64) as pool:
            ended += pool.map(carried(send), range(192))
        assert {*ended} == {mails.result, twicesafe.ConfigurationError}

    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):
            with pytest.raises(twicesafe.ConfigurationError):
                work()
    finally:
        sys.setswitchinterval(before)
    assert store.refused == []
    assert mails.most == 1


def test_a_step_that_failed_gives_its_room_back() -> None:
    store, tries = Tight(1_000), []

    def fail(number: int) -> None:
        tries.append(number)
        raise ConnectionError

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        for number in range(100):
            with pytest.raises(ConnectionError):
                step("mail", fail, number, each=number)
        return len(tries)

    assert work() == 100


def test_a_store_without_a_limit_has_none() -> None:
    store, mails = Clocked(), Mails(CJK * 1_000)

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        for number in range(2_500):
            step("mail", mails.send, number, each=f"{number:0200}")
        return len(mails.sent)

    assert work() == 2_500


@pytest.mark.parametrize(("limit", "effects"), [(20_000, 1), (5_000, 2)])
def test_a_large_result_that_could_not_be_moved_aside_goes_along_with_the_release_if_it_fits(
    limit: int, effects: int
) -> None:
    store, mails = Tight(limit, keeps=False), Mails("x" * 4_995)
    work = idempotent(store=store, name="work", key=lambda: "once")(lambda: step("mail", mails.send, 1))
    with pytest.raises(StoreUnavailable):
        work()
    assert (store.record.owner, store.refused) == (None, [])
    store.keeps = True
    assert work() == mails.result
    assert len(mails.sent) == effects


@pytest.mark.parametrize("length", [200, 1_500])
def test_a_release_that_is_too_large_is_sent_again_without_the_step(length: int) -> None:
    store, mails = Tight(10_000, holds=2_000), Mails("x" * length)

    @idempotent(store=store, name="work", key=lambda: "once")
    def work() -> int:
        for number in range(3_000 // length):
            step("mail", mails.send, number, each=number)
        return len(mails.sent)

    with pytest.raises(twicesafe.ConfigurationError, match="too large"):
        work()
    assert store.refused[:2] == ["SaveStep", "Release"]
    assert store.record.owner is None
    store.holds = 10_000
    work()
    assert mails.most == 2  # the one whose result found no room


def test_a_transactional_step_without_room_writes_nothing(dynamodb: DynamoDBStore) -> None:
    play = Play(dynamodb, "sync", str(uuid.uuid4()))
    filler = {f"{number:0255}": Step(True, CJK * 300) for number in range(345)}
    row = str(uuid.uuid4())

    async def script(do: Any) -> None:
        if current_execution().attempt == 1:
            tenure: Any = current_execution().tenure
            dynamodb.apply(SaveStep(tenure.key, tenure.owner, filler))
            raise ConnectionError
        for number in range(100):
            put = {"Put": {"TableName": "steps", "Item": {"id": {"S": f"{row}-{number}"}}}}
            await play.transact("book", [put], each=f"{number:0200}")

    with pytest.raises(ConnectionError):
        play.attempt(script)
    with pytest.raises(twicesafe.ConfigurationError, match="did not begin its step 'book"):
        play.attempt(script)
    written = [number for number in range(100) if _is_there(dynamodb, f"{row}-{number}")]
    booked = [name for name in play.record.steps if name.startswith("book")]
    assert len(written) == len(booked) < 100


def _is_there(store: DynamoDBStore, key: str) -> bool:
    try:
        return store.apply(Load(key)) is not None
    except twicesafe.CorruptRecord:
        return True


def test_tasks_take_their_room_too() -> None:
    store, mails = Tight(8_000), Mails("x" * 700)

    async def send(number: int) -> str:
        return mails.send(number)

    @idempotent(store=store, name="work")
    async def handler(event: Any, context: Any) -> None:
        await asyncio.gather(*(step("mail", send, number, each=number) for number in range(300)))

    for _ in range(3):
        with pytest.raises(twicesafe.ConfigurationError, match="did not begin"):
            asyncio.run(handler({"order": 1}, Context()))
    assert store.refused == []
    assert mails.most == 1
