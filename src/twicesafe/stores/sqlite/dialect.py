"""What each command asks of the file, and what the answers mean: pure, and without a file testable.

A change reads the row, applies the reference store's own rule to it, and writes what comes out on the
condition that the row is still the one that was read, value for value; if it is not, it starts again.
An owner's change begins with the row as this process wrote it last, unread: mostly it still is so.
So each rule stands in one place, a replay takes no lock, and no transaction is open between two
statements. A write is one statement, and an interrupt cannot leave it half done.
"""

# ruff: noqa: S608 - what the statements are put together from are the column names below

from __future__ import annotations

import json
from functools import cache
from itertools import compress, product, repeat
from operator import ne
from typing import TYPE_CHECKING, Any

from ...errors import CorruptRecord
from ...protocol.commands import Claim, Claimed, List, Load, Page, Renew, SaveStep
from ...protocol.records import Record, Seconds, Status, Step
from ..memory import TRANSITIONS
from .schema import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from ...protocol.commands import StoreCommand, StoreReply
    from ...protocol.records import Steps
    from .schema import Talk

    Row: TypeAlias = tuple[Any, ...]
    Held: TypeAlias = dict[str, tuple[Row | None, Record | None]]

SWEEP_AFTER = Seconds(3_600)
"""How long behind its expiry a leftover is removed at the earliest: clocks do step."""
SWEPT_AT_ONCE = 64
NEVER = repeat(False)
HOLDS = (Claim, Renew, SaveStep)
"""What leaves a record that the same owner will change again."""
HELD_AT_MOST = 256

TEXT, MAYBE_TEXT, NUMBER, MAYBE_NUMBER = (str,), (str, type(None)), (int,), (int, type(None))
COLUMNS: dict[str, tuple[type, ...]] = {
    "key": TEXT,
    "status": TEXT,
    "owner": MAYBE_TEXT,
    "attempt": NUMBER,
    "started": NUMBER,
    "claimed": NUMBER,
    "lease_until": NUMBER,
    "expires_at": MAYBE_NUMBER,
    "fingerprint": TEXT,
    "reply": MAYBE_TEXT,
    "steps": TEXT,
    "generation": NUMBER,
}
SHAPES = frozenset(product(*COLUMNS.values()))
STATUSES = {status.value: status for status in Status}

NAMES = ", ".join(COLUMNS)
UNCHANGED = " AND ".join(f"{name} IS ?" for name in COLUMNS)  # IS: two NULLs are the same
SELECT = f"SELECT {NAMES} FROM records"
FIND = f"{SELECT} WHERE key = ?"
INSERT = f"INSERT INTO records ({NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT (key) DO NOTHING"
DELETE = f"DELETE FROM records WHERE {UNCHANGED}"
SWEEP = f"""
DELETE FROM records WHERE rowid IN (
    SELECT rowid FROM records
    WHERE expires_at < ? AND NOT (status = 'INPROGRESS' AND owner IS NOT NULL AND lease_until > ?)
    LIMIT {SWEPT_AT_ONCE}
)"""


def talk(command: StoreCommand, sweeps: Iterator[bool] = NEVER, held: Held | None = None) -> Talk[StoreReply]:
    """Turn a command into requests, and their answers into its reply.

    Args:
        sweeps: for each life that is begun, whether some records whose own is long over are removed.
        held: what was written last for owners that are at work here, by key.
    """
    if isinstance(command, List):
        return _page(command)
    if isinstance(command, Load):
        return _load(command)
    return _change(command.key, command, sweeps, {} if held is None else held)


def _change(key: str, command: StoreCommand, sweeps: Iterator[bool], held: Held) -> Talk[StoreReply]:
    rule = TRANSITIONS[type(command)]
    guess = None if isinstance(command, Claim) else held.pop(key, None)
    while True:
        if guess is None:
            rows = (yield Request(FIND, (key,), key)).rows
            row, found = (rows[0], read(rows[0])) if rows else (None, None)
        else:
            row, found = guess
        record, reply = rule(found, command)
        if record != found:
            if isinstance(command, Claim) and isinstance(reply, Claimed) and reply.attempt == 1 and next(sweeps):
                yield _sweep(command)
            written = None if record is None else write(record)
            if (yield _swap(key, row, written)).changed:
                if isinstance(command, HOLDS):
                    _hold(held, key, written, record)
                return reply
        elif guess is None:
            return reply
        guess = None  # it is no longer so; or nothing was written, and a guess is not shown to anybody


def _hold(held: Held, key: str, row: Row | None, record: Record | None) -> None:
    if len(held) >= HELD_AT_MOST:
        held.clear()  # what is forgotten is read again
    held[key] = row, record


def _load(command: Load) -> Talk[Record | None]:
    rows = (yield Request(FIND, (command.key,), command.key)).rows
    return read(rows[0]) if rows else None


def _swap(key: str, before: Row | None, after: Row | None) -> Request:
    """Put one row where the other was, if that is unchanged."""
    if after is None:
        return Request(DELETE, before or (), key)
    if before is None:
        return Request(INSERT, after, key)
    changed = tuple(map(ne, before, after))
    return Request(_update(changed), (*compress(after, changed), *before), key)


@cache
def _update(changed: tuple[bool, ...]) -> str:
    """Set these columns only: an index of another one is not written then."""
    return f"UPDATE records SET {', '.join(f'{name} = ?' for name in compress(COLUMNS, changed))} WHERE {UNCHANGED}"


def _sweep(claim: Claim) -> Request:
    return Request(SWEEP, (claim.now // 1000 - SWEEP_AFTER, claim.now), claim.key)


def _page(command: List) -> Talk[Page]:
    """Read one record more than is shown: whether there is one is whether there is another page."""
    first = command.prefix if command.after is None else command.after + "\0"  # the text next to it, in their order
    rows = (yield Request(f"{SELECT} WHERE key >= ? ORDER BY key LIMIT ?", (first, command.limit + 1))).rows
    records = [read(row) for row in rows if str(row[0]).startswith(command.prefix)]
    shown = records[: command.limit]
    return Page(tuple(shown), shown[-1].key if len(records) > len(shown) else None)


def write(record: Record) -> Row:
    """A record as a row."""
    return (*record[:1], record.status.value, *record[2:10], _steps_text(record.steps), record.generation)


def read(row: Row) -> Record:
    """A row as a record.

    Raises:
        CorruptRecord: it is not one that `write` can have made.
    """
    if tuple(map(type, row)) not in SHAPES:
        raise CorruptRecord(str(row[0]), _misshapen(row))
    key, status = row[0], STATUSES.get(row[1])
    if status is None:
        raise CorruptRecord(key, "its status is not known")
    return Record._make((key, status, *row[2:10], _steps(key, row[10]), row[11]))


def _misshapen(row: Row) -> str:
    columns = zip(COLUMNS.items(), map(type, row), strict=True)
    return next(f"its {name} is of the type {kind.__name__}" for (name, kinds), kind in columns if kind not in kinds)


def _steps_text(steps: Steps) -> str:
    if not steps:
        return "{}"  # nearly always
    return json.dumps({name: [step.is_result, step.data] for name, step in steps.items()}, ensure_ascii=False)


def _steps(key: str, text: str) -> dict[str, Step]:
    if text == "{}":
        return {}
    try:
        steps = {name: Step(*pair) for name, pair in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise CorruptRecord(key, "its steps are not as they are written") from None
    if not all(type(step.is_result) is bool and type(step.data) is str for step in steps.values()):
        raise CorruptRecord(key, "its steps are not as they are written")
    return steps
