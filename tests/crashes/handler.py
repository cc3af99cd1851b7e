"""A handler of five steps, one of each kind, in a process that dies at a given point.

The outside world is a folder: what is in it was had, whatever became of the process. A point is the moment before or
after a request to a database, or an effect.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from twicesafe import NOT_DONE, idempotent, step
from twicesafe.execution import transactions
from twicesafe.protocol.records import Millis
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = ("order", "charge", "ship", "reserve", "mail")
KINDS = dict(zip(STEPS, ("plain", "keyed", "recoverable", "transactional", "plain"), strict=True))
LEFT = 10
BETWEEN = 120_000
"""Milliseconds from one delivery to the next: the lease of the one before is over."""


class Points:
    """Counts the points that are passed, and dies at one of them."""

    def __init__(self, world: Path, dies_at: int) -> None:
        self._file = os.open(world / "points", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._dies_at = dies_at
        self._passed = 0
        self._effect = "-"  # the one that was begun last

    def around(self, what: str, call: Callable[[], Any]) -> Any:
        """Make the call, with a point before and after it."""
        self._point("before", what)
        answer = call()
        self._point("after", what)
        return answer

    def effect(self, name: str, call: Callable[[], Any]) -> Any:
        """Have the effect, with a point before and after it."""
        self._point("before", f"effect {name}")
        self._effect = name
        answer = call()
        self._point("after", f"effect {name}")
        return answer

    def _point(self, when: str, what: str) -> None:
        self._passed += 1
        if not self._dies_at:
            os.write(self._file, f"{when}\t{what}\t{self._effect}\n".encode())
        if self._passed == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Outside:
    """Other systems: one that deduplicates by a key, one that can be looked up, two that do neither."""

    def __init__(self, world: Path, points: Points) -> None:
        self._world = world
        self._points = points

    def plain(self, name: str) -> str:
        return str(self._points.effect(name, lambda: self._append(name)))

    def charge(self, amount: int, idempotency_key: str) -> str:
        return str(self._points.effect("charge", lambda: self._once(idempotency_key)))

    def ship(self, order: str) -> str:
        return str(self._points.effect("ship", lambda: self._append("ship")))

    def find_shipment(self, order: str) -> Any:
        found = self._points.around("look-up of ship", lambda: (self._world / "ship").exists())
        return "ship" if found else NOT_DONE

    def _append(self, name: str) -> str:
        file = os.open(self._world / name, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(file, b".")
        os.close(file)
        return name

    def _once(self, key: str) -> str:
        """What a payment system does: the second request under a key has no effect."""
        self._append("calls of charge")
        (self._world / f"charge {key}").touch()
        return "charged"


class Context:
    """As Lambda gives it."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class OnDynamoDB:
    """Records in DynamoDB Local, and a stock in the table beside them."""

    name = "DynamoDB Local"

    def __init__(self, endpoint: str) -> None:
        self._session = boto3.Session()  # one for all processes: it keeps the API's description
        self._endpoint = endpoint
        self._client = self._session.client("dynamodb", endpoint_url=endpoint)

    def prepare(self, world: Path) -> None:
        self._client.put_item(TableName="crash-stock", Item={"sku": {"S": str(world)}, "left": {"N": str(LEFT)}})

    def left(self, world: Path) -> int:
        key = {"sku": {"S": str(world)}}
        return int(self._client.get_item(TableName="crash-stock", Key=key, ConsistentRead=True)["Item"]["left"]["N"])

    def open(self, world: Path, points: Points) -> Any:
        """The store of a process, with its points."""
        patience = {"connect_timeout": 60, "read_timeout": 60}
        store = DynamoDBStore("crashes", session=self._session, endpoint=self._endpoint, **patience)  # type: ignore[arg-type]
        send = store._connection.send
        store._connection.send = lambda request, *rest: points.around(request.operation, lambda: send(request, *rest))  # type: ignore[method-assign]
        return store

    def reserve(self, world: Path, points: Points) -> None:
        update = {
            "TableName": "crash-stock",
            "Key": {"sku": str(world)},
            "UpdateExpression": "SET #left = #left - :one",
            "ExpressionAttributeNames": {"#left": "left"},
            "ExpressionAttributeValues": {":one": 1},
        }
        points._effect = "reserve"
        step.transact("reserve", [{"Update": update}])


class OnSqlite:
    """Records in one SQLite file, and the stock in another, of the user's own."""

    name = "SQLite"

    def prepare(self, world: Path) -> None:
        connection = sqlite3.connect(world / "stock.db")
        from twicesafe.execution.sql import TABLE

        connection.execute(TABLE)
        connection.execute("CREATE TABLE stock (left_over integer)")
        connection.execute("INSERT INTO stock VALUES (?)", (LEFT,))
        connection.commit()
        connection.close()
        SqliteStore(world / "records.db").close()  # its making is not of this matrix

    def left(self, world: Path) -> int:
        connection = sqlite3.connect(world / "stock.db")
        ((left,),) = connection.execute("SELECT left_over FROM stock").fetchall()
        connection.close()
        return int(left)

    def open(self, world: Path, points: Points) -> Any:
        store = SqliteStore(world / "records.db")
        send = store._connection._send
        store._connection._send = lambda request, *rest: points.around(  # type: ignore[method-assign]
            request.sql.split()[0], lambda: send(request, *rest)
        )
        return store

    def reserve(self, world: Path, points: Points) -> None:
        host = transactions.TransactionHost
        answer = host.answer

        def answering(self: Any, command: Any) -> Any:
            if isinstance(command, (transactions.Query, transactions.Commit, transactions.Rollback)):
                what = command.sql.split()[0] if isinstance(command, transactions.Query) else type(command).__name__
                return points.around(f"{what} of reserve", lambda: answer(self, command))
            return answer(self, command)

        def take(cursor: Any) -> None:
            points.effect("reserve", lambda: cursor.execute("UPDATE stock SET left_over = left_over - 1"))

        host.answer = answering  # type: ignore[method-assign]
        connection = sqlite3.connect(world / "stock.db")
        step.transaction("reserve", connection, take)
        connection.close()


def deliver(kind: Any, world: Path, attempt: int, dies_at: int) -> str:
    """One delivery, in a process of its own; 0: it does not die, and writes down what points there are."""
    points = Points(world, dies_at)
    outside = Outside(world, points)
    store = kind.open(world, points)
    offset = store.clock_offset
    store.clock_offset = lambda: Millis(offset() + attempt * BETWEEN)

    @idempotent(store=store, key=lambda event: event["order"], name="crashes")
    def handler(event: Any, context: Any) -> str:
        step("order", outside.plain, "order")
        step("charge", outside.charge, 49)
        step("ship", outside.ship, "o-1", recover=outside.find_shipment, settles_after=1)
        kind.reserve(world, points)
        step("mail", outside.plain, "mail")
        return "done"

    return str(handler({"order": str(world)}, Context()))
