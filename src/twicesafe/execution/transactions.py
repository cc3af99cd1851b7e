"""Steps that commit in the user's own SQL transaction, on the user's own connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager

from ..errors import ConfigurationError
from .sql import TABLE, Commit, Found, Query, Rollback
from .step_host import StepHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..protocol.tenure import Tenure
    from ..replies import Codec
    from .current import Execution

IDLE, IN_TRANSACTION = 0, 2
"""Of libpq's PQtransactionStatus, as psycopg gives it."""


class Database(ABC):
    """A user's connection, and what its library calls things."""

    mark = "?"

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def check(self) -> None:
        """Refuse what would not be one transaction of this step's own.

        Raises:
            ConfigurationError: it commits each statement by itself, or is in the middle of a transaction.
        """
        if self.commits_alone:
            raise ConfigurationError(
                "step.transaction() needs a connection that is not in autocommit: there each statement is committed by "
                "itself, and the step could not be undone. Nothing has run."
            )
        if self.is_begun:
            raise ConfigurationError(
                "step.transaction() commits, and the connection is in the middle of a transaction already. Commit or "
                "roll back what was begun (a SELECT begins one too) before the step. Nothing has run."
            )

    @property
    @abstractmethod
    def commits_alone(self) -> bool:
        """Whether it is in autocommit."""

    @property
    @abstractmethod
    def is_begun(self) -> bool:
        """Whether something was begun that is not this step's."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it still is in a transaction."""

    @abstractmethod
    def cursor(self) -> Any:
        """A cursor of ours, whose rows are tuples."""


class Sqlite(Database):
    """A connection of the standard library's sqlite3."""

    @property
    def commits_alone(self) -> bool:
        """`autocommit` came with Python 3.12; before, and where it is left alone, isolation_level says it."""
        autocommit = getattr(self.connection, "autocommit", -1)
        return autocommit is True or (autocommit == -1 and self.connection.isolation_level is None)

    @property
    def is_begun(self) -> bool:
        """With autocommit=False one is always open, and what is in it cannot be seen."""
        return bool(getattr(self.connection, "autocommit", -1) == -1 and self.connection.in_transaction)

    @property
    def is_open(self) -> bool:
        return bool(self.connection.in_transaction)

    def cursor(self) -> Any:
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return cursor


class Psycopg(Database):
    """A connection of psycopg 3, sync or async."""

    mark = "%s"

    @property
    def commits_alone(self) -> bool:
        return bool(self.connection.autocommit)

    @property
    def is_begun(self) -> bool:
        return bool(self.connection.info.transaction_status != IDLE)

    @property
    def is_open(self) -> bool:
        return bool(self.connection.info.transaction_status == IN_TRANSACTION)

    def cursor(self) -> Any:
        from psycopg.rows import tuple_row

        return self.connection.cursor(row_factory=tuple_row)


DATABASES: dict[str, type[Database]] = {"sqlite3": Sqlite, "psycopg": Psycopg}


def database_of(connection: Any) -> Database:
    """The connection, by the library that its class comes from.

    Raises:
        ConfigurationError: that is none that is known here.
    """
    for base in type(connection).__mro__:
        kind = DATABASES.get(base.__module__.partition(".")[0])
        if kind is not None:
            return kind(connection)
    raise ConfigurationError(
        f"step.transaction() takes a connection of {' or '.join(DATABASES)}, not {type(connection).__qualname__}. "
        "Of a pool or an ORM, give it the driver's own connection."
    )


class TransactionHost(StepHost):
    """One step of one execution, in a transaction of the user's connection."""

    __slots__ = ("_database",)

    def __init__(self, name: str, execution: Execution, tenure: Tenure, codec: Codec, database: Database) -> None:
        super().__init__(name, execution, tenure, codec)
        self._database = database

    def answer(self, command: Any) -> object:
        """Answer one command."""
        if isinstance(command, Query):
            self._still_open(command)
            with _explained():
                cursor = self._database.cursor()
                cursor.execute(self._text(command), command.arguments)
                return Found(cursor.fetchall() if cursor.description else [], cursor.rowcount)
        if isinstance(command, Commit):
            return self._database.connection.commit()
        if isinstance(command, Rollback):
            return self._database.connection.rollback()
        return super().answer(command)

    async def answer_async(self, command: Any) -> object:
        """The same, on an event loop."""
        if isinstance(command, Query):
            self._still_open(command)
            with _explained():
                cursor = self._database.cursor()
                await cursor.execute(self._text(command), command.arguments)
                return Found(await cursor.fetchall() if cursor.description else [], cursor.rowcount)
        if isinstance(command, Commit):
            return await self._database.connection.commit()
        if isinstance(command, Rollback):
            return await self._database.connection.rollback()
        return await super().answer_async(command)

    def _text(self, query: Query) -> str:
        return query.sql.replace("?", self._database.mark)

    def _still_open(self, query: Query) -> None:
        """Between the function and its result there must have been no end of the transaction."""
        if query.sql.startswith("UPDATE") and not self._database.is_open:
            raise ConfigurationError(
                f"The function of the step {self._name!r} ended its transaction by itself, so that its work and the "
                "step's row may be there without each other. Leave commit and rollback to step.transaction()."
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Say what to do where our table is missing; any other error is the database's own."""
    try:
        yield
    except Exception as error:
        words = str(error)
        if "twicesafe_steps" in words and ("no such table" in words or "does not exist" in words):
            raise ConfigurationError(
                f"The table of transactional steps is missing from this database. Nothing has run. Make it: {TABLE};"
            ) from error
        raise
