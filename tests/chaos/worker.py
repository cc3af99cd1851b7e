"""A process under test: threads that take calls, run a protected function for each, and say what they heard.

    python -m tests.chaos.worker PROCESS PORT THREADS LEASE STORE [BROKEN]

PROCESS is its number, PORT the platform's; LEASE is in seconds; BROKEN is a rule to be switched off (broken.py).
Orders with an even number go to a Lambda handler, whose lease the platform's deadline bounds, the others to a
plain function, whose lease a heartbeat renews.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
import time
from typing import Any

from tests.chaos.broken import break_store
from tests.chaos.history import now
from twicesafe import current_execution, errors, idempotent, step
from twicesafe.decisions import on_decision
from twicesafe.protocol.policy import ALLOWANCE

DECLINED = 0.03
"""How often the function fails, between its two effects."""
DAWDLES = 0.1
"""How often something takes a while."""
LONGEST = 0.05  # seconds
HEARD = {
    errors.InProgress: "conflict",
    errors.LeaseLost: "lease lost",
    errors.NotEnoughTime: "not enough time",
    errors.StoreUnavailable: "store unavailable",
    errors.NotRecorded: "not recorded",
}


class Declined(Exception):
    """The order is not to be had this time."""


class Context:
    """As much of Lambda's context as is used."""

    def __init__(self, lease: int) -> None:
        self.aws_request_id = "chaos"
        self._end = time.monotonic() + lease

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


class Line(threading.local):
    """This thread's line to the platform, and what goes on at it."""

    def open(self, process: int, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("r")
        self._send({"process": process})

    def ask(self, **question: Any) -> Any:
        self._send(question)
        line = self._file.readline()
        if not line:
            raise ConnectionError("the platform is gone")
        return json.loads(line)

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    called = begun = 0
    verdict = ""


line = Line()


def effect(name: str, order: int) -> int:
    """Change the outside world; the receipt."""
    execution = current_execution()
    tenure = execution.tenure
    assert tenure is not None
    written = {
        "order": order,
        "name": name,
        "key": execution.key,
        "attempt": execution.attempt,
        "fence": execution.fence,
        "called": line.called,
        "begun": line.begun,
        "lease_until": tenure.lease.wall + ALLOWANCE,
    }
    receipt: int = line.ask(effect=written)["receipt"]
    return receipt


def fulfil(order: int) -> dict[str, int]:
    """Charge, and send a mail."""
    line.begun = now()
    charge = step("charge", effect, "charge", order)
    if random.random() < DECLINED:
        raise Declined
    dawdle()
    mail = effect("mail", order)
    dawdle()
    return {"charge": charge, "mail": mail}


def dawdle() -> None:
    if random.random() < DAWDLES:
        time.sleep(random.uniform(0, LONGEST))


@on_decision
def remember(decision: Any) -> None:
    line.verdict = decision.verdict


class Worker:
    """The protected functions, and the threads that call them."""

    def __init__(self, process: int, port: int, lease: int, store: str) -> None:
        self._process, self._port, self._lease = process, port, lease
        self._plain = idempotent(store=store, lease=lease)(fulfil)

        @idempotent(store=store, key=lambda event: event["order"], name="handler")
        def handler(event: dict[str, int], context: Context) -> dict[str, int]:
            return fulfil(event["order"])

        self._handler = handler

    def run(self) -> None:
        """Take calls, until the platform is gone."""
        line.open(self._process, self._port)
        handed = line.ask(ready=True)
        while True:
            if handed["call"] is None:
                time.sleep(random.uniform(0.01, 0.05))
                handed = line.ask(ready=True)
                continue
            what, reply = self._call(handed["order"])
            handed = line.ask(heard=[handed["call"], what, reply])

    def _call(self, order: int) -> tuple[str, Any]:
        """Call one of the two; what is heard of it."""
        line.called = now()
        try:
            reply = self._plain(order) if order % 2 else self._handler({"order": order}, Context(self._lease))
        except Declined:
            return "declined", None
        except Exception as error:
            return HEARD.get(type(error), f"{type(error).__name__}: {error}"), None
        return line.verdict, reply


def end(failure: threading.ExceptHookArgs) -> None:
    """A thread that fails takes the process along, so that it is noticed."""
    if failure.exc_type is not ConnectionError:
        threading.__excepthook__(failure)
    os._exit(1)


def main(process: str, port: str, threads: str, lease: str, store: str, broken: str = "") -> None:
    threading.excepthook = end
    if broken:
        break_store(broken)
    worker = Worker(int(process), int(port), int(lease), store)
    for _ in range(int(threads)):
        threading.Thread(target=worker.run).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
