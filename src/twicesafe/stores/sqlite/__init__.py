"""The embedded store: an SQLite file, for all processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from ...errors import ConfigurationError, StoreUnavailable
from ...protocol.records import Millis
from ..base import in_thread, on_lambda
from ..limits import Limits
from .connection import Connection
from .dialect import talk

if TYPE_CHECKING:
    from ...protocol.commands import StoreCommand, StoreReply
    from .dialect import Held

OLDEST = (3, 24, 0)  # of SQLite: ON CONFLICT DO NOTHING, June 2018
PATIENCE = Millis(5_000)
SWEEP_EVERY = 32  # lives that are begun


class SqliteStore:
    """Records in one file on a local disk, which several processes may use at once.

    Args:
        path: of the file; it and its folder are made, for this user only, if they are not there.
        synchronous: "normal" survives the death of any process, but a power cut may lose what was recorded
            in the last moments; "full" survives both, and waits for the disk at each change.
        patience: how long to try, while another process has locked the file.

    Raises:
        ConfigurationError: the file cannot be made, read or written, is not a store, or this is AWS Lambda.
        StoreUnavailable: another process has locked it.
    """

    reply_limit: int | None = None
    transacts = False

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: str = "normal", patience: Millis = PATIENCE
    ) -> None:
        _refuse_lambda()
        if sqlite3.sqlite_version_info < OLDEST:
            raise ConfigurationError(
                f"SQLite {sqlite3.sqlite_version} is too old for the store sqlite://, which needs 3.24. "
                "Use a Python that is built with a newer one."
            )
        if synchronous not in ("normal", "full"):
            raise ConfigurationError(f"synchronous is 'normal' or 'full' for the store sqlite://, not {synchronous!r}.")
        file = os.path.abspath(path)
        self.name = f"sqlite:///{file}"
        self._connection = Connection(file, self.name, synchronous, patience)
        self._connection.check()
        self._sweeps = cycle([True] + [False] * (SWEEP_EVERY - 1))
        self._held: Held = {}
        self._limits = Limits(self.name)

    def apply(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command."""
        left = self._limits.begin(command, Millis(time.time_ns() // 1_000_000))()
        try:
            reply = self._connection.converse(talk(command, self._sweeps, self._held), left)
        except StoreUnavailable:
            self._limits.hear(is_silent=True)
            raise
        self._limits.hear(is_silent=False)
        return reply

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command in a worker thread: the file may be locked for a while."""
        reply: StoreReply = await in_thread(self.apply, command)
        return reply

    def clock_offset(self) -> Millis:
        """The host's clock is this store's."""
        return Millis(0)

    def close(self) -> None:
        """Close the file; another command opens it again."""
        self._connection.close()


def open_url(url: str) -> SqliteStore:
    """Open `sqlite:///relative/path` or `sqlite:////absolute/path`, with `?synchronous=full&patience=5000`.

    Args:
        url: percent-encoded where the path has a "?", "#" or "%"; patience is in milliseconds.
    """
    location, _, query = url.partition("://")[2].partition("?")
    host, _, path = location.partition("/")
    if host or not path or path == ":memory:":
        raise ConfigurationError(
            f"{url!r} names no file. Write sqlite:///relative/path or sqlite:////absolute/path; "
            "records that live as long as this process are in memory://."
        )
    options = dict(parse_qsl(query, keep_blank_values=True))
    synchronous, patience = options.pop("synchronous", "normal"), options.pop("patience", str(PATIENCE))
    if options or not (patience.isascii() and patience.isdigit()):
        raise ConfigurationError(
            f"{url!r} has an option that is not known: there are synchronous and patience (in ms)."
        )
    return SqliteStore(unquote(path), synchronous=synchronous, patience=Millis(int(patience)))


def _refuse_lambda() -> None:
    if on_lambda():
        raise ConfigurationError(
            "The store sqlite:// can't be used on AWS Lambda: its disk is not shared, so another instance would run "
            "the same delivery again. Set TWICESAFE_STORE to dynamodb://<table>."
        )
