"""The table of transactional steps in the user's own SQL database, and what is asked of it.

Its rows are made in the user's transaction, on the user's connection: a row is there if, and only if, what the step
did is there. The row comes first, so that a twin of the step waits at it, and what it did lasts as long as the row.
"""

from __future__ import annotations

from ..errors import ConfigurationError, CorruptRecord, StepMismatch
from ..protocol.commands import Now, Raised, Returned, RunStep, Unkept, ask
from ..protocol.entries import Result
from ..protocol.policy import LONGEST_LEASE
from ..protocol.records import contradict
from ..protocol.steps import check_time
from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeAlias

    from ..protocol.commands import Outcome
    from ..protocol.records import Seconds
    from ..protocol.steps import Plan
    from ..protocol.tenure import Tenure

TABLE = """\
CREATE TABLE IF NOT EXISTS twicesafe_steps (
    key text NOT NULL,
    generation bigint NOT NULL,
    step text NOT NULL,
    fingerprint text NOT NULL,
    result text,
    expires_at bigint NOT NULL, -- seconds since the epoch; what is past it may be deleted at any time
    PRIMARY KEY (key, generation, step)
)"""
"""For SQLite (3.24 and later) and PostgreSQL (9.5 and later)."""

INSERT = """\
INSERT INTO twicesafe_steps (key, generation, step, fingerprint, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key, generation, step) DO UPDATE
SET fingerprint = excluded.fingerprint, result = NULL, expires_at = excluded.expires_at
WHERE twicesafe_steps.expires_at <= ?"""
WHERE = "WHERE key = ? AND generation = ? AND step = ?"
SELECT = f"SELECT fingerprint, result FROM twicesafe_steps {WHERE}"  # noqa: S608 - of the constant above
UPDATE = f"UPDATE twicesafe_steps SET result = ? {WHERE}"  # noqa: S608 - as above


class Query(NamedTuple):
    """One statement of ours, on the user's connection."""

    sql: str
    arguments: tuple[object, ...]


class Found(NamedTuple):
    """What a statement gave."""

    rows: list[tuple[Any, ...]]
    changed: int


class Commit(NamedTuple):
    """Commit the user's transaction."""


class Rollback(NamedTuple):
    """Roll it back."""


Talk: TypeAlias = "Generator[Any, Any, Result | Outcome]"


def transaction(tenure: Tenure, name: str, plan: Plan, expires_after: Seconds) -> Talk:
    """Run a step in a transaction that ends with it, unless its row is there."""
    now = yield from ask(Now())
    tenure.check(now)
    check_time(tenure, name, plan, now)
    second = now.wall // 1000
    row = (tenure.key, tenure.generation, name)
    # Behind the record's: its last claim comes within an expiry of the first lease's end, and has a lease too.
    expires_at = second + 2 * (expires_after + LONGEST_LEASE // 1000)
    try:
        inserted: Found = yield Query(INSERT, (*row, plan.fingerprint, expires_at, second))
        if not inserted.changed:
            found: Found = yield Query(SELECT, row)
            yield Rollback()
            return _known(tenure, name, plan, found.rows)
        outcome: Outcome = yield from ask(RunStep(name))
        if isinstance(outcome, Raised):
            yield Rollback()
            return outcome
        if isinstance(outcome, (Returned, Unkept)):
            yield Query(UPDATE, (outcome.kept, *row))
        tenure.check((yield from ask(Now())))  # a zombie's work is undone, as long as nobody has taken it for done
        yield Commit()
    except GeneratorExit:
        raise
    except BaseException:
        yield Rollback()
        raise
    return outcome


def _known(tenure: Tenure, name: str, plan: Plan, rows: list[tuple[Any, ...]]) -> Result:
    if not rows:
        raise CorruptRecord(tenure.key, f"the row of its step {name!r} went away while it was looked at")
    fingerprint, result = rows[0]
    if result is None:
        raise ConfigurationError(
            f"The step {name!r} of {tenure.key!r} is in twicesafe_steps without a result: its function commits by "
            "itself. Leave that to the step; look what it did, and delete the row if it may run again."
        )
    if contradict(fingerprint, plan.fingerprint):
        raise tenure.end(StepMismatch(tenure.key, name))
    return Result(result)
