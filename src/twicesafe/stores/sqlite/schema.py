"""The file: whose it is, its version, its table, and what every connection sets.

Generators that yield requests and are sent their answers, as in dialect.py.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

from ...errors import ConfigurationError
from ...tuples import NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

T = TypeVar("T")

APPLICATION = 0x74776963  # "twic", in the file's header
VERSION = 1

# An ordinary table with a rowid: without one, replies of 1 KB and more make every change slower.
# Steps are JSON in the row: a change stays one statement; see dialect.py.
TABLE = """
CREATE TABLE records (
    key TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    owner TEXT,
    attempt INTEGER NOT NULL,
    started INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    expires_at INTEGER,
    fingerprint TEXT NOT NULL,
    reply TEXT,
    steps TEXT NOT NULL,
    generation INTEGER NOT NULL
)"""
INDEX = "CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL"


class Request(NamedTuple):
    """One statement."""

    sql: str
    arguments: tuple[object, ...] = ()
    key: str | None = None  # of the record that it is about; for messages


class Answer(NamedTuple):
    """What a statement gave."""

    rows: list[tuple[object, ...]]
    changed: int = 0


Talk: TypeAlias = Generator[Request, Answer, T]


def prepare(name: str, synchronous: str) -> Talk[None]:
    """Make a new file a store, or make sure that an old one is.

    Raises:
        ConfigurationError: it is another application's, or of a version that is not known here.
    """
    yield Request("BEGIN")  # so that the header and the tables are of one moment: another process may be making them
    yield from _is_new(name)
    yield Request("COMMIT")
    ((mode,),) = (yield Request("PRAGMA journal_mode = WAL")).rows
    if mode != "wal":
        raise ConfigurationError(
            f"The store {name} is on a file system that cannot share memory between processes, as SQLite's "
            "write-ahead log needs. Put the file on a local disk."
        )
    yield Request(f"PRAGMA synchronous = {synchronous}")
    yield Request("BEGIN IMMEDIATE")
    if (yield from _is_new(name)):
        yield Request(TABLE)
        yield Request(INDEX)
        yield Request(f"PRAGMA application_id = {APPLICATION}")
        yield Request(f"PRAGMA user_version = {VERSION}")
    yield Request("DELETE FROM records WHERE key IS NULL")  # finds out whether the file can be written, and the table
    yield Request("COMMIT")


def _is_new(name: str) -> Talk[bool]:
    application = yield from _number("PRAGMA application_id")
    version = yield from _number("PRAGMA user_version")
    if (application, version) == (APPLICATION, VERSION):
        return False
    if application == APPLICATION:
        raise ConfigurationError(
            f"The store {name} has records of version {version}, and this twicesafe knows version {VERSION} only. "
            "Use the version of twicesafe that wrote it, or another file."
        )
    tables = yield from _number("SELECT count(*) FROM sqlite_master")
    if (application, version, tables) != (0, 0, 0):
        raise ConfigurationError(
            f"The store {name} is another application's database, and was left as it is. Name a file of its own."
        )
    return True


def _number(sql: str) -> Talk[object]:
    ((number,),) = (yield Request(sql)).rows
    return number
