from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from twicesafe.errors import ConfigurationError, CorruptRecord, StoreUnavailable
from twicesafe.idempotent import idempotent
from twicesafe.protocol.commands import Claim, Claimed, Existing, List
from twicesafe.protocol.records import Millis, Status, Step
from twicesafe.stores.base import bounded_by, open_store
from twicesafe.stores.sqlite import SqliteStore, connection, dialect
from twicesafe.testing.trial import EXPIRY, LEASE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@pytest.fixture
def by_hand(path: Path, sqlite: SqliteStore) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the store's file."""
    opened = sqlite3.connect(path, isolation_level=None)
    yield opened
    opened.close()


# What can be wrong with it


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of this user's own, that others can reach."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Not root, for whom no file is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_cannot_be_made_is_told(folder: Path, unprivileged: None) -> None:
    with contextlib.suppress(PermissionError):
        folder.chmod(0o555)
    with pytest.raises(ConfigurationError, match=r"folder of the store .* cannot be made \(Permission denied\)"):
        SqliteStore(folder / "new" / "records.db")


def test_a_folder_that_is_a_file_is_told(path: Path) -> None:
    path.touch()
    with pytest.raises(ConfigurationError, match="cannot be made"):
        SqliteStore(path / "records.db")


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        SqliteStore(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(folder: Path, unprivileged: None) -> None:
    with contextlib.suppress(PermissionError):
        folder.chmod(0o555)
    with pytest.raises(ConfigurationError, match="cannot be opened: name a file in a folder"):
        SqliteStore(folder / "records.db")


def test_a_file_that_cannot_be_written_is_told(folder: Path, request: pytest.FixtureRequest) -> None:
    SqliteStore(folder / "records.db").close()
    (folder / "records.db").chmod(0o444)
    folder.chmod(0o777)
    request.getfixturevalue("unprivileged")
    with pytest.raises(ConfigurationError, match="cannot be written: give this user the right"):
        SqliteStore(folder / "records.db")


def test_a_store_that_became_read_only_changes_nothing(sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    sqlite._connection.open().execute("PRAGMA query_only = 1")
    with pytest.raises(ConfigurationError, match="cannot be written: give this user the right"):
        trial.complete("ann")
    assert trial.found().status is Status.IN_PROGRESS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real one, which root can make."""
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_disk_that_is_full_is_told_before_any_effect_and_answers_are_still_given(small_disk: Path) -> None:
    charged: list[str] = []
    store = SqliteStore(small_disk / "records.db")

    @idempotent(store=store, name="pay")
    def pay(order: str) -> str:
        charged.append(order)
        return f"paid {order}"

    pay("first")
    with (small_disk / "rubbish").open("wb", buffering=0) as rubbish, contextlib.suppress(OSError):
        while True:
            rubbish.write(bytes(4096))
    with pytest.raises(StoreUnavailable, match="disk is full, make room there"):
        pay("second")
    assert pay("first") == "paid first"
    assert charged == ["first"]
    (small_disk / "rubbish").unlink()
    assert pay("second") == "paid second"
    store.close()


def test_a_full_disk_is_told_and_answers_are_still_given(sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    sqlite._connection.open().execute("PRAGMA max_page_count = 10")
    with pytest.raises(StoreUnavailable, match="disk is full, make room there") as told:
        trial.complete("ann", "x" * 100_000)
    assert told.value.key == trial.key
    assert isinstance(trial.claim("bob"), Existing)
    sqlite._connection.open().execute("PRAGMA max_page_count = 1000000")
    trial.complete("ann")
    assert trial.found().status is Status.COMPLETED


def test_a_disk_that_fails_is_told(sqlite: SqliteStore, path: Path) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{path}-wal").stat().st_size, hard))
    try:
        with pytest.raises(StoreUnavailable, match=r"look at .*its space and this user's quota .*disk I/O error"):
            trial.complete("ann", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert trial.found().status is Status.IN_PROGRESS
    trial.complete("ann")
    assert trial.found().reply == '"paid"'


def test_a_lost_table_is_told(sqlite: SqliteStore, by_hand: sqlite3.Connection) -> None:
    by_hand.execute("DROP TABLE records")
    with pytest.raises(ConfigurationError, match="has lost its table"):
        Trial(sqlite.apply).claim("ann")
    sqlite.close()
    with pytest.raises(ConfigurationError, match="has lost its table"):
        open_store(sqlite.name)


@pytest.mark.parametrize("what", ["its file", "its folder"])
def test_a_store_that_was_put_away_begins_anew_for_all(tmp_path: Path, what: str) -> None:
    path = tmp_path / "new" / "records.db"
    with contextlib.closing(SqliteStore(path)) as store, contextlib.closing(SqliteStore(path)) as other:
        trial, others = Trial(store.apply, "key"), Trial(other.apply, "key")
        trial.claim("ann")
        assert others.found().owner == "ann"
        path.unlink() if what == "its file" else shutil.rmtree(path.parent)
        assert isinstance(trial.claim("bob"), Claimed)
        assert others.found().owner == "bob"
        for number in range(20):
            for writer, reader in ((store, other), (other, store)):
                key = f"{writer is store} {number}"
                Trial(writer.apply, key).claim("ann")
                assert Trial(reader.apply, key).found().owner == "ann"
        other.close()
        assert len(store.apply(List()).records) == 41  # type: ignore[union-attr] # a Page
    with contextlib.closing(SqliteStore(path)) as store:
        assert len(store.apply(List()).records) == 41  # type: ignore[union-attr] # a Page


def test_a_claim_that_waits_for_a_file_sees_that_it_was_put_away(tmp_path: Path) -> None:
    path = tmp_path / "new" / "records.db"
    with contextlib.closing(SqliteStore(path)) as store, contextlib.closing(sqlite3.connect(path)) as by_hand:
        by_hand.execute("BEGIN IMMEDIATE")
        claims: list[object] = []
        waiting = threading.Thread(target=lambda: claims.append(Trial(store.apply, "key").claim("ann")))
        waiting.start()
        waiting.join(0.05)
        assert claims == []
        shutil.rmtree(path.parent)
        waiting.join(10)
        assert isinstance(claims[0], Claimed)
        with contextlib.closing(SqliteStore(path)) as other:
            assert Trial(other.apply, "key").found().owner == "ann"


def test_a_damaged_file_is_told(path: Path) -> None:
    store = SqliteStore(path)
    for number in range(300):
        Trial(store.apply, f"key {number}").claim("ann")
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with contextlib.closing(SqliteStore(path)) as damaged, pytest.raises(ConfigurationError, match="is damaged"):
        damaged.apply(List(limit=1000))


def test_a_mistake_in_a_command_is_not_blamed_on_the_file(sqlite: SqliteStore) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        sqlite.apply(Claim("key", "ann", Millis(1), Millis(2), None, None))  # type: ignore[arg-type] # the mistake


# Who else is using it


def test_a_file_that_stays_locked_is_told_after_a_while(
    path: Path, sqlite: SqliteStore, by_hand: sqlite3.Connection
) -> None:
    sqlite.close()
    impatient = SqliteStore(path, patience=Millis(100))
    trial = Trial(impatient.apply)
    by_hand.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="locked it for 100 ms") as told:
        trial.claim("ann")
    assert time.monotonic() - began >= 0.1
    assert told.value.key == trial.key
    by_hand.execute("COMMIT")
    assert trial.load() is None
    assert isinstance(trial.claim("ann"), Claimed)
    impatient.close()


def test_a_locked_file_is_waited_for_no_longer_than_the_platform_allows(
    sqlite: SqliteStore, by_hand: sqlite3.Connection
) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    by_hand.execute("BEGIN IMMEDIATE")
    with bounded_by(Millis(time.time_ns() // 1_000_000 + 200)):
        with pytest.raises(StoreUnavailable, match=r"locked it for \d{1,3} ms"):
            trial.complete("ann")
        with pytest.raises(StoreUnavailable, match="did not answer just before"):
            trial.claim("bob")
    by_hand.execute("COMMIT")
    trial.complete("ann")


def test_opening_a_file_that_stays_locked_is_told(path: Path, by_hand: sqlite3.Connection) -> None:
    by_hand.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        open_store(f"sqlite:///{path}?patience=50")


def test_answers_are_read_while_another_writes(sqlite: SqliteStore, by_hand: sqlite3.Connection) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    trial.complete("ann")
    by_hand.execute("BEGIN IMMEDIATE")
    by_hand.execute("DELETE FROM records")
    assert trial.claim("bob") == Existing(trial.found())


def test_a_claim_waits_until_the_file_is_free(sqlite: SqliteStore, by_hand: sqlite3.Connection) -> None:
    by_hand.execute("BEGIN IMMEDIATE")
    claims: list[object] = []
    waiting = threading.Thread(target=lambda: claims.append(Trial(sqlite.apply).claim("ann")))
    waiting.start()
    waiting.join(0.05)
    assert claims == []
    by_hand.close()
    waiting.join(10)
    assert isinstance(claims[0], Claimed)


def test_a_signals_handler_may_use_the_store_that_it_interrupts(sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)
    handled: list[object] = []

    def handle(number: int, frame: object) -> None:
        handled.append(Trial(sqlite.apply).claim("ann"))

    with alarms(handle, every=0.0007):
        while len(handled) < 100:
            trial.time_passes(LEASE)
            assert isinstance(trial.claim(str(trial.now)), Claimed)
    assert {type(claim) for claim in handled} == {Claimed}


def test_an_interrupt_leaves_no_lock_behind(path: Path, sqlite: SqliteStore) -> None:
    trial = Trial(sqlite.apply)

    def handle(number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename == connection.__file__:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    other = SqliteStore(path, patience=Millis(100))
    for _ in range(30):
        with contextlib.suppress(KeyboardInterrupt), alarms(handle, every=0.0007):
            while True:
                trial.time_passes(LEASE)
                trial.claim(str(trial.now))
        assert isinstance(Trial(other.apply).claim("bob"), Claimed)
    other.close()


@contextlib.contextmanager
def alarms(handle: Any, every: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_cancelled_command_has_ended_when_its_await_has(sqlite: SqliteStore, by_hand: sqlite3.Connection) -> None:
    trial = Trial(sqlite.apply)
    lease_until, expires_at = Millis(trial.now + LEASE), trial.expires_at(EXPIRY)
    by_hand.execute("BEGIN IMMEDIATE")

    async def cancel() -> None:
        claim = asyncio.create_task(sqlite.apply_async(Claim(trial.key, "ann", trial.now, lease_until, expires_at)))
        await asyncio.sleep(0.01)
        claim.cancel()
        await asyncio.sleep(0.01)
        assert not claim.done()
        by_hand.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await claim

    asyncio.run(cancel())
    assert trial.found().owner == "ann"


# What can be wrong with a record

CORRUPT: dict[str, list[object]] = {
    "status": ["DONE", "", "in_progress", 1, None],
    "owner": [7, b"ann"],
    "attempt": ["one", 1.5, None],
    "started": ["now", None],
    "claimed": ["now", 0.5],
    "lease_until": ["later", None],
    "expires_at": ["never", 0.5, b""],
    "fingerprint": [1, b"1:abc"],
    "reply": [1.5, b"{}"],
    "generation": ["first", 0.1],
    "steps": [
        *(
            "",
            "{",
            "[]",
            "null",
            "1",
            '"{}"',
            "[" * 100_000,
            '{"charge": ' * 100_000,
            '{"charge": 1}',
            '{"charge": null}',
        ),
        *('{"charge": [true]}', '{"charge": [true, "1", 2]}', '{"charge": [1, "1"]}', '{"charge": [true, 1]}'),
        *('{"charge": "ab"}', '{"charge": {"a": 1, "b": 2}}', b"{}", 1, "NaN", '{"charge": [true, "1"]'),
    ],
}


@pytest.fixture
def unchecked(by_hand: sqlite3.Connection) -> sqlite3.Connection:
    """The file with a table like the store's, that takes anything."""
    by_hand.execute("DROP TABLE records")
    by_hand.execute(f"CREATE TABLE records ({', '.join(dialect.COLUMNS)}, UNIQUE (key))")
    return by_hand


@pytest.mark.parametrize(("column", "value"), [(column, value) for column in CORRUPT for value in CORRUPT[column]])
def test_a_record_that_cannot_be_read_is_told_and_left_alone(
    sqlite: SqliteStore, unchecked: sqlite3.Connection, column: str, value: object
) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    record = trial.found()
    unchecked.execute(f"UPDATE records SET {column} = ?", (value,))
    before = unchecked.execute("SELECT * FROM records").fetchall()
    trial.time_passes(2 * EXPIRY * 1000)
    attempts: list[Callable[[], object]] = [
        trial.load,
        lambda: trial.claim("bob"),
        lambda: trial.complete("ann"),
        lambda: trial.release("ann"),
        lambda: trial.renew("ann", LEASE),
        lambda: trial.save("ann", {"charge": Step(True, "1")}),
        lambda: trial.forget(record),
        lambda: trial.redo(record),
        lambda: trial.apply(List(trial.key)),
    ]
    for attempt in attempts:
        with pytest.raises(CorruptRecord) as told:
            attempt()
        assert told.value.key == trial.key
    assert unchecked.execute("SELECT * FROM records").fetchall() == before


def test_a_text_that_is_not_utf_8_is_told(sqlite: SqliteStore, by_hand: sqlite3.Connection) -> None:
    trial = Trial(sqlite.apply)
    trial.claim("ann")
    by_hand.execute("UPDATE records SET reply = CAST(x'ff00fe' AS TEXT)")
    with pytest.raises(CorruptRecord, match="not UTF-8") as told:
        trial.complete("ann")
    assert told.value.key == trial.key


HALF = "\udcff"  # of a surrogate pair: as Python reads an argument that is not UTF-8


@pytest.mark.parametrize("field", ["key", "owner", "fingerprint", "reply", "step", "result"])
def test_half_of_a_surrogate_pair_is_refused_and_changes_nothing(sqlite: SqliteStore, field: str) -> None:
    trial = Trial(sqlite.apply, "order#1")
    trial.claim("ann")
    record = trial.found()
    commands: dict[str, Callable[[], object]] = {
        "key": lambda: Trial(sqlite.apply, HALF).claim("ann"),
        "owner": lambda: Trial(sqlite.apply, "order#2").claim(HALF),
        "fingerprint": lambda: Trial(sqlite.apply, "order#2").claim("ann", fingerprint=HALF),
        "reply": lambda: trial.complete("ann", HALF),
        "step": lambda: trial.save("ann", {HALF: Step(True, "1")}),
        "result": lambda: trial.save("ann", {"charge": Step(True, HALF)}),
    }
    with pytest.raises(ConfigurationError, match="surrogate pair"):
        commands[field]()
    assert trial.load() == record
    assert sqlite.apply(List()).records == (record,)  # type: ignore[union-attr]
