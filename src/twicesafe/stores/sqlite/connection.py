"""The thin part: a file, its waiting for other processes, and what its errors mean.

One connection a store and one statement at a time: writers have to queue at the file anyway. SQLite's own
busy handler, which waits longer and longer, starves one of two writers for seconds; short random pauses don't.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING

from ...errors import ConfigurationError, CorruptRecord, StoreUnavailable
from ...protocol.drivers import drive
from .schema import Answer, Request, prepare

if TYPE_CHECKING:
    from ...errors import TwicesafeError
    from ...protocol.records import Millis
    from .schema import T, Talk

LONGEST_PAUSE = 0.002  # seconds, between two tries at a locked file

REMEDIES = {
    "readonly database": "cannot be written: give this user the right to write the file and its folder",
    "unable to open": "cannot be opened: name a file in a folder that this user can write to",
    "not a database": "is not an SQLite database, and was left as it is: name another file",
    "malformed": "is damaged: restore it from a copy, or put it away, which forgets what has run",
    "no such": "has lost its table: restore it from a copy, or put it away, which forgets what has run",
}
"""What helps where another try does not, by a part of SQLite's own words: Python 3.10 does not tell its codes."""


PASSING = {
    "full": "its disk is full, make room there",
    "disk I/O": "its disk failed, look at its health, its space and this user's quota",
}
"""What may be over at another try, by a part of SQLite's own words, and what helps."""


class Connection:
    """One file: opened when it is needed, shared by threads, closed before a fork."""

    def __init__(self, path: str, name: str, synchronous: str, patience: Millis) -> None:
        self._path = path
        self._name = name
        self._synchronous = synchronous
        self._patience = patience
        self._lock = threading.RLock()  # a signal's handler may come back to it, on top of its own thread
        self._opened: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # what was opened, by its device and number
        self._pid = 0
        _connections.add(self)

    def converse(self, talk: Talk[T], left: Millis | None = None) -> T:
        """Answer what the talk asks, each request as soon as the file is free.

        Whether the file is still in its place is looked at once: one that is put away while a command runs is as one
        that is put away behind it.

        Args:
            left: the platform's time, where it is less than this store's patience; None: nothing bounds it.
        """
        patience = self._patience if left is None else min(left, self._patience)
        deadline = time.monotonic() + patience / 1000
        looks = iter((True,))
        return drive(talk, lambda request: self._send(request, deadline, patience, next(looks, False)))

    def check(self) -> None:
        """Open the file now, so that what is wrong with it is known before anything has run."""
        self.converse(_ask(Request("PRAGMA user_version")))

    def open(self) -> sqlite3.Connection:
        """Open the file, if it is not, or if another is in its place; whoever calls this holds the lock."""
        if self._opened is not None and self._pid != os.getpid():
            raise ConfigurationError(
                f"The store {self._name} was open when this process was forked from its parent, which SQLite's "
                "locks do not survive. Open it in the child (uWSGI: lazy-apps = true)."
            )
        if self._opened is not None and self._file != _identity(self._path):
            self.close()  # somebody put it away: on it we would be alone, and run what others run too
        if self._opened is None:
            self._opened = self._open()
            self._file, self._pid = _identity(self._path), os.getpid()
        return self._opened

    def close(self) -> None:
        """Close the file; the next request opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None and self._pid == os.getpid():
                opened.close()

    def pause(self) -> None:
        """Close the file and keep it closed, until `resume`."""
        self._lock.acquire()
        self.close()

    def resume(self) -> None:
        """Let the file be opened again."""
        self._lock.release()

    def _open(self) -> sqlite3.Connection:
        self._make_folder()
        is_new = not os.path.exists(self._path)
        opened = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            if is_new:
                os.chmod(self._path, 0o600)  # replies are this user's; the files beside it inherit the mode
            drive(prepare(self._name, self._synchronous), lambda request: _execute(opened, request))
        except BaseException:
            opened.close()
            raise
        return opened

    def _make_folder(self) -> None:
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder of the store {self._name} cannot be made ({error.strerror}). "
                "Name a file in a folder that this user can write to."
            ) from error

    def _send(self, request: Request, deadline: float, patience: Millis, look: bool) -> Answer:
        while True:
            try:
                with self._lock:
                    opened = self.open() if look or self._opened is None else self._opened
                    return _execute(opened, request)
            except UnicodeEncodeError as error:
                raise ConfigurationError(
                    f"The store {self._name} keeps Unicode only, and was given {error.object[error.start]!r}, half of "
                    "a surrogate pair, in a key or a name. Nothing was written. Give it a text without that."
                ) from error
            except sqlite3.DatabaseError as error:
                if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
                    raise  # a mistake in the request
                if "lock" not in str(error) or time.monotonic() >= deadline:
                    raise self._explained(str(error), request.key, patience) from error
            look = True
            time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - nothing secret

    def _explained(self, words: str, key: str | None, patience: Millis) -> TwicesafeError:
        if "lock" in words:  # "database is locked", "locking protocol"
            return StoreUnavailable(self._name, f"another process has locked it for {patience} ms", key)
        if "UTF-8" in words:
            return CorruptRecord(key or "", "it holds a text that is not UTF-8")
        for part, remedy in REMEDIES.items():
            if part in words:
                return ConfigurationError(f"The store {self._name} {remedy}. SQLite says: {words}.")
        helps = next((f"{helps} (SQLite says: {words})" for part, helps in PASSING.items() if part in words), words)
        unavailable = StoreUnavailable(self._name, helps, key)
        unavailable.is_lasting = helps is not words
        return unavailable


def _ask(request: Request) -> Talk[Answer]:
    return (yield request)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _execute(opened: sqlite3.Connection, request: Request) -> Answer:
    cursor = opened.execute(request.sql, request.arguments)
    return Answer(cursor.fetchall(), cursor.rowcount)


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_paused: list[Connection] = []
_forking = threading.Lock()


def _before_fork() -> None:
    """A child that inherits an open file believes that it holds its parent's locks.

    What it writes then is lost with the write-ahead log, when the parent closes the file as the last
    that holds it. So nothing is open across a fork.
    """
    _forking.acquire()
    for connection in list(_connections):
        connection.pause()
        _paused.append(connection)


def _after_fork() -> None:
    while _paused:
        _paused.pop().resume()
    _forking.release()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
