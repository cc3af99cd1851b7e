"""Several processes and one file: at once, killed, and forked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from twicesafe.protocol.commands import Claimed, List
from twicesafe.protocol.records import Status
from twicesafe.stores.sqlite import SqliteStore
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twicesafe.protocol.records import Record

# A fork beside running threads is what is tested: Python 3.12 and later warn of every one.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def worker(path: Path, owner: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stores.sqlite_worker", str(path), owner, str(seconds)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def records(store: SqliteStore) -> dict[str, Record]:
    page = store.apply(List(limit=1_000_000))
    return {record.key: record for record in page.records}  # type: ignore[union-attr] # a Page


def test_each_key_is_won_by_one_of_four_processes(path: Path) -> None:
    owners = ["ann", "bob", "eve", "joe"]
    workers = [worker(path, owner, seconds=2) for owner in owners]  # at once: the file has to be made, too
    outputs = [process.communicate(timeout=60)[0].splitlines() for process in workers]
    assert [process.returncode for process in workers] == [0, 0, 0, 0]
    won = {owner: set(output) for owner, output in zip(owners, outputs, strict=True)}
    assert sum(map(len, won.values())) == len(set().union(*won.values())) > 100
    assert all(won.values())
    with closing(SqliteStore(path)) as store:
        for owner, keys in won.items():
            assert {key for key, record in records(store).items() if record.reply == f'"{owner}"'} == keys


def test_what_was_confirmed_survives_a_kill(path: Path) -> None:
    for number in range(3):
        process = worker(path, f"owner {number}", seconds=60)
        assert process.stdout is not None
        confirmed = [process.stdout.readline().strip() for _ in range(300)]
        process.kill()
        confirmed += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(SqliteStore(path)) as store:
            found = records(store)
            assert {found[key].status for key in confirmed} == {Status.COMPLETED}
            assert isinstance(Trial(store.apply).claim("ann"), Claimed)


def in_child(function: Callable[[], object]) -> int:
    """Call it in a forked child; the child's id. Its exit status is 0, or 1 where it raised."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return pid


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_what_a_forked_child_records_outlives_its_parents_connection(sqlite: SqliteStore) -> None:
    Trial(sqlite.apply, "before").claim("parent")
    closed, opened = os.pipe(), os.pipe()

    def child() -> None:
        Trial(sqlite.apply, "first").claim("child")
        os.write(opened[1], b".")
        os.read(closed[0], 1)
        Trial(sqlite.apply, "second").claim("child")

    pid = in_child(child)
    os.close(opened[1])
    assert os.read(opened[0], 1) == b"."
    Trial(sqlite.apply, "meanwhile").claim("parent")
    sqlite.close()  # as the last one it would take the child's log with it
    os.write(closed[1], b".")
    assert status_of(pid) == 0
    assert set(records(sqlite)) == {"before", "first", "meanwhile", "second"}
    for end in (*closed, opened[0]):
        os.close(end)


def test_forks_beside_busy_threads_lose_nothing(sqlite: SqliteStore) -> None:
    claimed: list[str] = []
    over = threading.Event()

    def work(name: str) -> None:
        while not over.is_set():
            trial = Trial(sqlite.apply, f"{name}/{time.monotonic_ns()}")
            assert isinstance(trial.claim(name), Claimed)
            claimed.append(trial.key)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    children = [in_child(lambda n=n: Trial(sqlite.apply, f"child {n}").claim("child")) for n in range(20)]  # type: ignore[misc]
    statuses = [status_of(child) for child in children]
    over.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 20
    assert set(records(sqlite)) == {*claimed, *(f"child {number}" for number in range(20))}


FORKED_WITHOUT_PYTHON = """
import ctypes, os, sys
from twicesafe.errors import ConfigurationError
from twicesafe.stores.sqlite import SqliteStore
from twicesafe.testing.trial import Trial

trial = Trial(SqliteStore(sys.argv[1]).apply)
trial.claim("ann")
pid = ctypes.PyDLL(None).fork()
if pid == 0:
    status = 1
    try:
        trial.load()
    except ConfigurationError as told:
        status = 0 if "lazy-apps" in str(told) else 2
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert trial.found().owner == "ann"
"""


def test_a_child_that_python_did_not_fork_may_not_use_an_open_store(tmp_path: Path) -> None:
    """In a process of one thread: such a child of several waits for ever for one that it has not."""
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", FORKED_WITHOUT_PYTHON, str(tmp_path / "r.db")]
    subprocess.run(command, check=True, timeout=60)
