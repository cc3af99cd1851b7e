from __future__ import annotations

import contextlib
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from twicesafe.errors import ConfigurationError
from twicesafe.protocol.commands import Claim, Claimed, Existing, List, Load
from twicesafe.protocol.records import Millis
from twicesafe.stores.base import open_store
from twicesafe.stores.sqlite import SWEEP_EVERY, SqliteStore, dialect, schema
from twicesafe.testing.contract import StoreContract
from twicesafe.testing.trial import EXPIRY, LEASE, Trial

if TYPE_CHECKING:
    from pathlib import Path


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, sqlite: SqliteStore) -> SqliteStore:
        return sqlite


def pragma(store: SqliteStore, name: str) -> object:
    return store._connection.open().execute(f"PRAGMA {name}").fetchone()[0]


# Where it is


def test_three_slashes_are_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///some/records.db")
    monkeypatch.chdir("/")
    assert store.name == f"sqlite:///{tmp_path}/some/records.db"
    store.close()
    Trial(store.apply).claim("ann")
    store.close()
    assert (tmp_path / "some" / "records.db").exists()


def test_four_slashes_are_an_absolute_path(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    store.close()
    assert path.exists()


def test_a_path_may_be_percent_encoded(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/what%3F%20now%25.db").close()
    assert (tmp_path / "what? now%.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite://records.db", "sqlite://host/x", "sqlite:///:memory:"]
)
def test_a_url_must_name_a_file(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no file"):
        open_store(url)


@pytest.mark.parametrize(
    "query", ["sync=full", "patience=soon", "patience=-1", "patience=", "synchronous=full&x=1", "full"]
)
def test_an_option_that_is_not_known_is_refused(path: Path, query: str) -> None:
    with pytest.raises(ConfigurationError, match="an option that is not known"):
        open_store(f"sqlite:///{path}?{query}")
    assert not path.exists()


@pytest.mark.parametrize("value", ["off", "NORMAL; DROP TABLE records", ""])
def test_synchronous_is_normal_or_full(path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="'normal' or 'full'"):
        SqliteStore(path, synchronous=value)


@pytest.mark.parametrize(("query", "synchronous"), [("", 1), ("?synchronous=normal", 1), ("?synchronous=full", 2)])
def test_the_file_is_written_ahead_and_as_safely_as_was_asked(path: Path, query: str, synchronous: int) -> None:
    with contextlib.closing(open_store(f"sqlite:///{path}{query}")) as store:
        assert isinstance(store, SqliteStore)
        assert (pragma(store, "journal_mode"), pragma(store, "synchronous")) == ("wal", synchronous)


def test_the_files_are_for_this_user_only(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "new" / "records.db")
    Trial(store.apply).claim("ann")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in [tmp_path / "new", *(tmp_path / "new").iterdir()]}
    assert modes == {"new": 0o700, "records.db": 0o600, "records.db-wal": 0o600, "records.db-shm": 0o600}
    store.close()


def test_a_mode_that_somebody_chose_is_kept(path: Path) -> None:
    path.touch(0o660)
    path.chmod(0o660)
    SqliteStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_it_is_refused_on_lambda(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    with pytest.raises(ConfigurationError, match=r"its disk is not shared.*dynamodb://"):
        SqliteStore(path)
    assert not path.exists()


def test_an_sqlite_that_is_too_old_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 23, 1))
    with pytest.raises(ConfigurationError, match="too old"):
        SqliteStore(path)


def test_its_clock_is_the_hosts(sqlite: SqliteStore) -> None:
    assert sqlite.clock_offset() == 0


def test_a_closed_store_opens_its_file_again(sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    sqlite.close()
    sqlite.close()
    assert trial.found().owner == "ann"


# Whose the file is


def refused_untouched(path: Path, match: str) -> None:
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=match) as refusal:
        SqliteStore(path)
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE orders (id)", "PRAGMA user_version = 1", "PRAGMA application_id = 252006674"]
)
def test_another_applications_database_is_left_alone(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as theirs:
        theirs.execute(sql)
    refused_untouched(path, "another application's")


@pytest.mark.parametrize("version", [0, 2, 99])
def test_records_of_an_unknown_version_are_left_alone(path: Path, version: int) -> None:
    SqliteStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as theirs:
        theirs.execute(f"PRAGMA user_version = {version}")
    refused_untouched(path, f"of version {version}")


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("Dear diary, " * 100)
    refused_untouched(path, "not an SQLite database")


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with contextlib.closing(SqliteStore(path)) as store:
        assert isinstance(Trial(store.apply).claim("ann"), Claimed)


def test_a_file_system_without_shared_memory_is_refused() -> None:
    talk = schema.prepare("sqlite:///records.db", "normal")
    answers = {"PRAGMA journal_mode = WAL": "delete"}
    request = next(talk)
    with pytest.raises(ConfigurationError, match="Put the file on a local disk"):
        while True:
            request = talk.send(schema.Answer([(answers.get(request.sql, 0),)]))


# What has expired


def begin_lives(store: SqliteStore, now: Millis, count: int) -> None:
    for number in range(count):
        claim = Claim(f"new/{now}/{number}", "ann", now, Millis(now + LEASE), None)
        store.apply(Load(claim.key))
        assert isinstance(store.apply(claim), Claimed)
        assert isinstance(store.apply(claim._replace(owner="bob")), Existing)


def test_claims_that_begin_lives_remove_what_is_long_over_and_nothing_else(sqlite: SqliteStore) -> None:
    names = ["silent", "released", "completed", "live", "late", "never"]
    trials = {name: Trial(sqlite.apply, name) for name in names}
    for name, trial in trials.items():
        trial.claim("ann", expires_after=None if name == "never" else EXPIRY)
    end = trials["silent"].now // 1000 + EXPIRY + dialect.SWEEP_AFTER
    trials["released"].release("ann")
    trials["completed"].complete("ann")
    trials["live"].renew("ann", 10 * EXPIRY * 1000)
    trials["late"].complete("ann", expires_after=EXPIRY + 1)
    begin_lives(sqlite, Millis(end * 1000), SWEEP_EVERY)
    assert all(trial.load() is not None for trial in trials.values())
    begin_lives(sqlite, Millis((end + 1) * 1000), SWEEP_EVERY)
    assert [name for name, trial in trials.items() if trial.load() is not None] == ["live", "late", "never"]


def test_what_is_over_is_removed_a_few_at_a_time(sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)
    for number in range(200):
        Trial(sqlite.apply, f"old/{number}").claim("ann")
    trial.time_passes((EXPIRY + dialect.SWEEP_AFTER + 2) * 1000)
    left = []
    for _ in range(4):
        trial.time_passes(1)
        begin_lives(sqlite, trial.now, SWEEP_EVERY)
        left.append(len(trial.apply(List("old/", limit=1000)).records))
    assert left == [200 - dialect.SWEPT_AT_ONCE * sweep for sweep in (1, 2, 3)] + [0]
