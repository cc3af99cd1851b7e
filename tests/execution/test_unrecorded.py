"""A process records what it did and could not record before it runs anything more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import Clocked, Failing
from twicesafe import ConfigurationError, CorruptRecord, NotRecorded, StoreUnavailable, idempotent
from twicesafe.execution import unrecorded
from twicesafe.protocol.commands import Claim, Complete, Release
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from twicesafe.stores.base import Store


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    unrecorded.unrecorded.clear()
    yield
    unrecorded.unrecorded.clear()


class Work:
    """A protected function that counts its effects."""

    def __init__(self, store: Store) -> None:
        self.effects: list[str] = []
        self.size = 1
        self.in_the_middle: Callable[[], object] = lambda: None
        self.call = idempotent(store=store, name="work")(self._work)

    def _work(self, order: str) -> str:
        self.effects.append(order)
        self.in_the_middle()
        return "x" * self.size


READ_ONLY = ConfigurationError("The file became read-only.")


def test_an_error_of_the_set_up_lets_nothing_more_run_until_it_is_mended() -> None:
    store = Failing(Complete, error=READ_ONLY)
    work = Work(store)
    with pytest.raises(NotRecorded, match="read-only"):
        work.call("1")
    for order in ("1", "2"):
        with pytest.raises(ConfigurationError, match=r"read-only.*An earlier delivery in this process, 'work.*is run"):
            work.call(order)
    store.times = 0
    assert work.call("1") == work.call("2") == "x"
    assert work.effects == ["1", "2"]


def test_an_error_of_one_record_or_one_moment_stands_in_no_others_way() -> None:
    for_itself = ConfigurationError("too large")
    for_itself.is_lasting = False
    for error in (for_itself, StoreUnavailable("s", "no answer"), CorruptRecord("k", "spoiled")):
        work = Work(Failing(Complete, error=error, times=1))
        with pytest.raises(NotRecorded):
            work.call("1")
        assert work.call("2") == "x"


def test_another_store_takes_deliveries_on() -> None:
    failing = Work(Failing(Complete, error=READ_ONLY))
    with pytest.raises(NotRecorded):
        failing.call("1")
    assert Work(Clocked()).call("1") == "x"


def test_a_store_that_is_away_when_it_is_asked_again_is_unavailable_for_the_delivery_that_comes() -> None:
    store = Failing(Complete, error=READ_ONLY)
    work = Work(store)
    with pytest.raises(NotRecorded):
        work.call("1")
    store.error = StoreUnavailable("s", "no answer", "another")
    with pytest.raises(StoreUnavailable, match=r"no answer. An earlier delivery") as told:
        work.call("2")
    assert str(told.value.key).startswith("work")
    assert told.value.key != store.record.key
    assert work.effects == ["1"]


def test_a_record_that_was_spoiled_meanwhile_or_is_anothers_is_left_alone() -> None:
    store = Failing(Complete, error=READ_ONLY)
    work = Work(store)
    for order in ("1", "2"):
        unrecorded.unrecorded.clear()
        with pytest.raises(NotRecorded):
            work.call(order)
    store.error = CorruptRecord("k", "spoiled")
    store.times = 1
    assert work.call("3") == "x"


def test_an_owner_whose_place_was_taken_records_nothing() -> None:
    store = Failing(Complete, error=READ_ONLY, times=1)
    work = Work(store)
    with pytest.raises(NotRecorded):
        work.call("1")
    store.advance(60)
    taken = store.record._replace(owner="another", attempt=2)
    store._records[taken.key] = taken
    assert work.call("2") == "x"
    assert store._records[taken.key] == taken


def test_a_release_that_is_refused_is_made_before_anything_runs() -> None:
    store = Failing(Release, error=READ_ONLY, times=2)
    work = Work(store)

    def fails() -> None:
        raise ConnectionError

    work.in_the_middle = fails
    with pytest.raises(ConnectionError):
        work.call("1")
    with pytest.raises(ConfigurationError, match="read-only"):
        work.call("2")
    work.in_the_middle = lambda: None
    assert work.call("1") == "x"


def test_only_so_many_commands_are_kept_and_the_newest() -> None:
    store = Clocked()
    for number in range(unrecorded.MOST + 3):
        unrecorded.keep(store, number)
    assert [entry.command for entry in unrecorded.unrecorded.values()] == list(range(3, unrecorded.MOST + 3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_records_nothing_of_its_parents() -> None:
    store = Failing(Complete, error=READ_ONLY)
    work = Work(store)
    with pytest.raises(NotRecorded):
        work.call("1")
    store.times = 0
    child = os.fork()
    if child == 0:
        work.call("2")
        os._exit(0 if sum(not record.is_final for record in store._records.values()) else 1)
    assert os.waitpid(child, 0)[1] == 0


# SQLite


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "records.db")
    yield store
    store.close()


def fill(store: SqliteStore) -> Any:
    """Leave the file as many pages as it has, as a full disk does."""
    opened = store._connection.open()
    opened.execute(f"PRAGMA max_page_count = {opened.execute('PRAGMA page_count').fetchone()[0]}")


def empty(store: SqliteStore) -> None:
    store._connection.open().execute("PRAGMA max_page_count = 1000000")


def test_a_disk_that_is_full_for_replies_and_not_for_claims_lets_nothing_more_run(sqlite: SqliteStore) -> None:
    work = Work(sqlite)
    assert work.call("0") == "x"
    work.size = 100_000
    work.in_the_middle = lambda: fill(sqlite)
    with pytest.raises(NotRecorded, match="its disk is full, make room there"):
        work.call("1")
    for order in ("1", "2"):
        with pytest.raises(StoreUnavailable, match=r"its disk is full.*nothing more is run"):
            work.call(order)
    assert work.effects == ["0", "1"]
    work.in_the_middle = lambda: None
    empty(sqlite)
    assert len(work.call("1")) == len(work.call("2")) == 100_000
    assert work.effects == ["0", "1", "2"]


def test_a_disk_that_is_full_for_claims_is_told_before_any_effect(sqlite: SqliteStore) -> None:
    work = Work(sqlite)
    fill(sqlite)
    with pytest.raises(StoreUnavailable, match="its disk is full"):
        for order in map(str, range(1000)):
            work.call(order * 50)
    assert len({*work.effects}) == len(work.effects)


def test_a_file_that_becomes_read_only_is_told_before_any_effect(sqlite: SqliteStore) -> None:
    work = Work(sqlite)
    work.call("1")
    sqlite._connection.open().execute("PRAGMA query_only = 1")
    for order in ("2", "3"):
        with pytest.raises(ConfigurationError, match="cannot be written"):
            work.call(order)
    assert work.effects == ["1"]
    assert work.call("1") == "x"  # a replay writes nothing


def test_a_file_that_becomes_read_only_in_the_middle_lets_nothing_more_run(sqlite: SqliteStore) -> None:
    work = Work(sqlite)
    work.in_the_middle = lambda: sqlite._connection.open().execute("PRAGMA query_only = 1")
    with pytest.raises(NotRecorded, match="cannot be written"):
        work.call("1")
    with pytest.raises(ConfigurationError, match=r"cannot be written.*nothing more is run"):
        work.call("2")
    assert work.effects == ["1"]


def test_nothing_more_is_asked_where_all_is_recorded() -> None:
    seen: list[type] = []

    class Seeing(Clocked):
        def apply(self, command: Any, /) -> Any:
            seen.append(type(command))
            return super().apply(command)

    Work(Seeing()).call("1")
    assert seen == [Claim, Complete]
