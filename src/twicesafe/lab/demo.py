"""The demo: one order, delivered five times in the ways that at-least-once has, on two sides.

Both sides run the handler of examples/checkout: one as it is, the other without its decorator. What
they did is counted outside of them: in the payment server's ledger, the shop's book and its outbox.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple

from ..protocol.policy import ALLOWANCE
from .loading import Target
from .payments import PaymentServer
from .redelivery import redelivered
from .rounds import Round, call
from .sandbox import Function

if TYPE_CHECKING:
    from .payments import Charge
    from .sandbox import Call, Delivered

TIMEOUT = 3.0
"""Seconds: the function's time limit."""
VISIBILITY = TIMEOUT + ALLOWANCE / 1000 + 0.5
"""Seconds: the queue's visibility timeout, which outlives the time limit and what twicesafe adds to it."""
LONGEST_HOLD = 2.0
"""Seconds that an answer of the payment server waits for a delivery that should overlap with it."""


class Scene(NamedTuple):
    """One way in which the message comes."""

    title: str
    after: float = 0.0  # seconds since the scene before
    deliveries: int = 1
    is_killed: bool = False  # when the charge is made, and not yet answered


SCENES = (
    Scene("killed (SIGKILL) between the charge and the return", is_killed=True),
    Scene("redelivered by the queue, twice at the same moment", after=VISIBILITY, deliveries=2),
    Scene("delivered again"),
    Scene("delivered again, after a while", after=1.0),
)


class Played(NamedTuple):
    """What became of a scene's deliveries on both sides."""

    scene: Scene
    unprotected: tuple[Delivered, ...]
    protected: tuple[Delivered, ...]


class World(NamedTuple):
    """What the outside world saw."""

    charge_requests: int
    charges: int
    orders: int
    mails: int

    @property
    def is_exact(self) -> bool:
        """Whether the customer paid once, for one order, and was told once."""
        return (self.charges, self.orders, self.mails) == (1, 1, 1)

    @property
    def is_damaged(self) -> bool:
        """Whether the customer paid more than once."""
        return self.charges > 1


class Meeting:
    """Holds the payment server's answers until every delivery has charged or ended.

    So deliveries at the same moment overlap, however slow this machine is.
    """

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._changed = threading.Condition()

    def arrive(self) -> None:
        """Say that a delivery has charged, or has ended."""
        with self._changed:
            self._missing -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for the others."""
        with self._changed:
            self._changed.wait_for(lambda: self._missing <= 0, LONGEST_HOLD)


class Side:
    """One of the two: its handler, and a world of its own; a context manager."""

    def __init__(self, handler: str, folder: str) -> None:
        self._handler = handler
        self._shop = os.path.join(folder, "shop")
        self._store = "sqlite:///" + os.path.join(folder, "records.db")
        self._payments = PaymentServer()
        self._delivered = 0
        self._round: Round | None = None
        self._meeting = Meeting(0)

    def __enter__(self) -> Side:
        self._payments.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._payments.__exit__()

    def play(self, scene: Scene) -> tuple[Delivered, ...]:
        """Deliver the message as the scene says; what became of it, in the order in which it came to be."""
        self._payments.before_answering = self._kill_at_charge if scene.is_killed else self._meet
        self._meeting = Meeting(scene.deliveries)
        self._round = Round(self._function(), [self._next_call() for _ in range(scene.deliveries)])
        ended: list[Delivered] = []

        def over(_: int, delivered: Delivered) -> None:
            ended.append(delivered)
            self._meeting.arrive()

        with self._round as processes:
            processes.run(when_over=over)
        return tuple(ended)

    def kill(self) -> None:
        """End what is running; from any thread."""
        if self._round is not None:
            self._round.kill()

    def world(self) -> World:
        """Count what was done."""
        outbox = os.path.join(self._shop, "outbox")
        mails = len(os.listdir(outbox)) if os.path.isdir(outbox) else 0
        ledger = self._payments.ledger
        return World(ledger.requests, len(ledger.charges), self._orders(), mails)

    def _orders(self) -> int:
        book = os.path.join(self._shop, "orders.db")
        if not os.path.exists(book):
            return 0
        with closing(sqlite3.connect(book)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM orders").fetchone()
            return int(count)

    def _next_call(self) -> Call:
        self._delivered += 1
        with open(os.path.join(checkout(), "event.json"), encoding="utf-8") as file:
            return call(json.dumps(redelivered(json.load(file), self._delivered)))

    def _function(self) -> Function:
        environment = {
            "TWICESAFE_STORE": self._store,
            "TWICESAFE_DISABLED": "",
            "PAYMENTS_URL": self._payments.url,
            "SHOP_FOLDER": self._shop,
            "no_proxy": "127.0.0.1",
        }
        return Function(Target("app", self._handler, (checkout(),)), TIMEOUT, environment)

    def _kill_at_charge(self, charge: Charge, is_new: bool) -> None:  # noqa: ARG002 - as the server calls it
        self.kill()

    def _meet(self, charge: Charge, is_new: bool) -> None:  # noqa: ARG002 - as the server calls it
        self._meeting.arrive()
        self._meeting.wait()


class Demo:
    """Both sides, in a folder that is gone afterwards; a context manager."""

    def __enter__(self) -> Demo:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="twicesafe-"))
            self.unprotected = stack.enter_context(Side("handler.__wrapped__", os.path.join(folder, "unprotected")))
            self.protected = stack.enter_context(Side("handler", os.path.join(folder, "protected")))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def play(self, scene: Scene) -> Played:
        """Let the scene's time go by, and play it on both sides at once."""
        time.sleep(scene.after)
        with ThreadPoolExecutor(2) as pool:
            try:
                plays = [pool.submit(side.play, scene) for side in (self.unprotected, self.protected)]
                return Played(scene, plays[0].result(), plays[1].result())
            except BaseException:  # an interrupt: the pool's threads end only when the processes do
                self.unprotected.kill()
                self.protected.kill()
                raise


def checkout() -> str:
    """The folder of the checkout example: in the package where it is installed, else in its repository."""
    here = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(here, "checkout")
    return installed if os.path.isdir(installed) else os.path.join(here, *[os.pardir] * 3, "examples", "checkout")
