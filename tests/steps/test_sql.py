"""Steps in a transaction of the user's own database: SQLite, PostgreSQL, and PostgreSQL on an event loop."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import twicesafe
from tests.steps.play import Play
from twicesafe import current_execution, idempotent, step
from twicesafe.execution import transactions
from twicesafe.execution.sql import TABLE
from twicesafe.protocol.policy import LONGEST_LEASE
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Shop:
    """A database of the user's own, with a stock."""

    form = "sync"

    def __init__(self, address: Any) -> None:
        self.address = address
        self.sku = str(uuid.uuid4())
        with contextlib.closing(self.connect()) as connection:
            connection.execute(TABLE)
            connection.execute("CREATE TABLE IF NOT EXISTS stock (sku text PRIMARY KEY, left_over integer)")
            connection.execute(f"INSERT INTO stock VALUES ('{self.sku}', 10)")
            connection.commit()

    def connect(self) -> Any:
        return sqlite3.connect(self.address, timeout=30)

    @property
    def left(self) -> int:
        with contextlib.closing(self.connect()) as connection:
            rows = connection.execute(f"SELECT left_over FROM stock WHERE sku = '{self.sku}'").fetchall()
        return int(rows[0][0])

    @property
    def rows(self) -> int:
        with contextlib.closing(self.connect()) as connection:
            return int(connection.execute("SELECT count(*) FROM twicesafe_steps").fetchall()[0][0])

    def take(self, cursor: Any, amount: int = 1) -> str:
        cursor.execute(f"UPDATE stock SET left_over = left_over - {amount} WHERE sku = '{self.sku}'")
        return f"took {amount}"

    async def transact(self, function: Any = None, *args: Any, name: str = "reserve", **options: Any) -> Any:
        """The step, on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return step.transaction(name, connection, function or self.take, *args, **options)


class PostgresShop(Shop):
    def connect(self) -> Any:
        return psycopg.connect(self.address)


class AsyncShop(PostgresShop):
    form = "async"

    async def transact(self, function: Any = None, *args: Any, name: str = "reserve", **options: Any) -> Any:
        async def take(cursor: Any, amount: int = 1) -> str:
            if function is not None:
                return function(cursor, amount)
            await cursor.execute(f"UPDATE stock SET left_over = left_over - {amount} WHERE sku = '{self.sku}'")
            return f"took {amount}"

        async with await psycopg.AsyncConnection.connect(self.address) as connection:
            return await step.transaction(name, connection, take, *args, **options)


@pytest.fixture(params=[Shop, PostgresShop, AsyncShop])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    kind = request.param
    made: Shop = kind(tmp_path / "shop.db" if kind is Shop else request.getfixturevalue("postgres_address"))
    return made


@pytest.fixture
def play(shop: Shop) -> Play:
    return Play(MemoryStore(), shop.form, f"order-{uuid.uuid4()}")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "plain.db")
    opened.execute(TABLE)
    opened.commit()
    yield opened
    opened.close()


def reserving(shop: Shop, *args: Any, **options: Any) -> Any:
    async def script(do: Any) -> Any:
        return await shop.transact(None, *args, **options)

    return script


def dying(play: Play, monkeypatch: pytest.MonkeyPatch, at: str, when: str) -> None:
    """Have the process die at that request to the database."""
    host = transactions.TransactionHost
    inner, inner_async = host.answer, host.answer_async

    def met(command: Any) -> bool:
        return type(command).__name__ == at or getattr(command, "sql", "").startswith(at)

    def answer(self: Any, command: Any) -> Any:
        if when == "before" and met(command):
            play.store.die()
        answered = inner(self, command)
        if when == "after" and met(command):
            play.store.die()
        return answered

    async def answer_async(self: Any, command: Any) -> Any:
        if when == "before" and met(command):
            play.store.die()
        answered = await inner_async(self, command)
        if when == "after" and met(command):
            play.store.die()
        return answered

    monkeypatch.setattr(host, "answer", answer)
    monkeypatch.setattr(host, "answer_async", answer_async)


def test_it_costs_no_write_to_the_store(shop: Shop, play: Play) -> None:
    assert play.attempt(reserving(shop, 3)) == "took 3"
    assert play.store.seen == ["Claim", "Complete"]
    assert shop.left == 7


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", ["INSERT", "RunStep", "UPDATE", "Commit"])
def test_it_happens_exactly_once_wherever_it_dies(
    shop: Shop, play: Play, at: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        dying(play, patched, at, when)
        play.crash(reserving(shop))
    assert shop.left == (9 if (at, when) == ("Commit", "after") else 10)
    assert play.attempt(reserving(shop)) == "took 1"
    assert shop.left == 9


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["Claim", "Complete"])
def test_it_happens_exactly_once_around_the_record(shop: Shop, play: Play, when: str, command: str) -> None:
    play.crash(reserving(shop), when, command)
    assert play.attempt(reserving(shop)) == "took 1"
    assert shop.left == 9


def test_a_lost_record_does_not_open_the_way_again(shop: Shop, play: Play) -> None:
    play.attempt(reserving(shop))
    play.store.inner = MemoryStore()
    assert play.attempt(reserving(shop)) == "took 1"
    assert shop.left == 9


def test_what_the_function_raises_undoes_its_work(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> Any:
        def fails(cursor: Any, amount: int = 1) -> None:
            raise KeyError("no")

        return await shop.transact(fails)

    with pytest.raises(KeyError):
        play.attempt(script)
    assert play.attempt(reserving(shop)) == "took 1"
    assert shop.left == 9


def test_a_result_that_cannot_be_kept_is_done(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> Any:
        return await shop.transact(lambda cursor, amount=1: object())

    for _ in range(2):
        with pytest.raises(twicesafe.UnserializableReply):
            play.attempt(script)


def test_other_arguments_are_refused(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> None:
        await shop.transact(None, current_execution().attempt)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        play.attempt(script)
    with pytest.raises(twicesafe.StepMismatch):
        play.attempt(script)
    assert shop.left == 9


def test_each_turn_delivery_and_generation_has_a_row_of_its_own(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> None:
        for turn in range(3):
            await shop.transact(each=turn)

    before = shop.rows
    play.attempt(script)
    play.key += "b"
    play.attempt(script)
    assert (shop.left, shop.rows - before) == (4, 6)


def test_a_row_past_its_expiry_is_as_good_as_absent(shop: Shop, play: Play) -> None:
    play.attempt(reserving(shop), expires_after=60)
    before = shop.rows
    play.time_passes(2 * (60_000 + LONGEST_LEASE) - 10_000)  # two expiries and the longest leases
    play.store.inner = MemoryStore()
    play.attempt(reserving(shop), expires_after=60)
    assert (shop.left, shop.rows) == (9, before)
    play.time_passes(20_000)
    play.store.inner = MemoryStore()
    play.attempt(reserving(shop), expires_after=60)
    assert (shop.left, shop.rows) == (8, before)


def test_a_twin_waits_at_the_row_and_then_does_not_run(shop: Shop, play: Play) -> None:
    if shop.form == "async":
        return
    other, done = Play(play.store.inner, "sync", play.key), []

    async def script(do: Any) -> Any:
        def slow(cursor: Any, amount: int) -> str:
            other.time_passes(70_000)
            thread.start()
            assert not done
            return shop.take(cursor, amount)

        return await shop.transact(slow, 1)

    thread = threading.Thread(target=lambda: done.append(other.attempt(reserving(shop, 1))))
    with contextlib.suppress(twicesafe.LeaseLost):
        play.attempt(script)
    thread.join(60)
    assert (done, shop.left) == (["took 1"], 9)


def test_a_zombies_work_is_undone(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> Any:
        def late(cursor: Any, amount: int = 1) -> str:
            play.time_passes(70_000)
            return "late" if shop.form == "async" else shop.take(cursor)

        return await shop.transact(late)

    with pytest.raises(twicesafe.LeaseLost):
        play.attempt(script)
    assert shop.left == 10
    assert play.attempt(reserving(shop)) == "took 1"


def test_a_step_inside_is_refused(shop: Shop, play: Play) -> None:
    async def script(do: Any) -> Any:
        return await shop.transact(lambda cursor, amount=1: step("inner", print))

    with pytest.raises(twicesafe.NestedStep):
        play.attempt(script)


# What cannot be


def working(connection: Any, function: Any = None, name: str = "w", **options: Any) -> Any:
    call = function or (lambda cursor: 1)
    return idempotent(store=MemoryStore(), name=name, key=lambda: "once")(
        lambda: step.transaction("s", connection, call, **options)
    )


def test_a_connection_in_autocommit_is_refused(tmp_path: Path, postgres_address: str) -> None:
    found = [sqlite3.connect(tmp_path / "a.db", isolation_level=None)]
    found.append(psycopg.connect(postgres_address, autocommit=True))  # type: ignore[arg-type]
    for connection in found:
        with contextlib.closing(connection), pytest.raises(twicesafe.ConfigurationError, match="not in autocommit"):
            working(connection)()


def test_a_connection_in_the_middle_of_a_transaction_is_refused(
    connection: sqlite3.Connection, postgres_address: str
) -> None:
    connection.execute("DELETE FROM twicesafe_steps")
    with pytest.raises(twicesafe.ConfigurationError, match="middle of a transaction"):
        working(connection)()
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1")
        with pytest.raises(twicesafe.ConfigurationError, match="middle of a transaction"):
            working(other)()


def test_a_function_that_commits_by_itself_is_found_out(connection: sqlite3.Connection) -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="ended its transaction"):
        working(connection, lambda cursor: connection.commit())()
    with pytest.raises(twicesafe.ConfigurationError, match="without a result"):
        working(connection)()


def test_a_missing_table_says_how_it_is_made(tmp_path: Path, postgres_address: str) -> None:
    found: list[Any] = [sqlite3.connect(tmp_path / "empty.db")]
    found.append(psycopg.connect(postgres_address, options="-c search_path=nowhere"))
    for connection in found:
        with contextlib.closing(connection):
            with pytest.raises(twicesafe.ConfigurationError, match="CREATE TABLE"):
                working(connection)()
            assert connection.execute("SELECT 1").fetchall() == [(1,)]  # it was rolled back


def test_rows_of_the_users_own_kind_are_no_obstacle(connection: sqlite3.Connection, postgres_address: str) -> None:
    from psycopg.rows import dict_row

    PostgresShop(postgres_address)
    connection.row_factory = sqlite3.Row
    with psycopg.connect(postgres_address, row_factory=dict_row) as other:
        for each in (connection, other):
            name = str(uuid.uuid4())
            for result in (7, 8):
                assert working(each, lambda cursor, result=result: result, name)() == 7


@pytest.mark.parametrize("wrong", [None, object(), "postgresql://"])
def test_what_is_no_connection_is_refused(wrong: Any) -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="sqlite3 or psycopg"):
        working(wrong)()


def test_options_that_it_does_not_need_are_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="no other"):
        working(connection, at_most_once=True)()


def test_outside_of_a_protected_delivery_it_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(twicesafe.ConfigurationError, match="protected delivery"):
        step.transaction("s", connection, lambda cursor: 1)
