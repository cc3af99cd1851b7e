"""The demo: one order, delivered six times in the ways that at-least-once has, on two sides.

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

from ..protocol.commands import List, Page
from ..protocol.policy import ALLOWANCE
from ..stores.base import open_store
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
POLL = 0.02
"""Seconds between two looks at what a delivery has done."""


class Scene(NamedTuple):
    """One way in which the message comes."""

    title: str
    after: float = 0.0  # seconds since the scene before
    deliveries: int = 1
    is_killed: bool = False  # when the charge is made, and not yet answered
    is_killed_later: bool = False  # when it is answered, before the order is written and the receipt mailed


SCENES = (
    Scene("killed (SIGKILL) between the charge and the return", is_killed=True),
    Scene("redelivered by the queue, killed before the mail", after=VISIBILITY, is_killed_later=True),
    Scene("redelivered, twice at the same moment", after=VISIBILITY, deliveries=2),
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


class Book:
    """The shop's book of orders, held so that a delivery waits before it writes into it."""

    def __init__(self, shop: str) -> None:
        self._shop = shop
        self._held: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Let nobody write."""
        os.makedirs(self._shop, exist_ok=True)
        held = sqlite3.connect(os.path.join(self._shop, "orders.db"), check_same_thread=False)
        held.execute("BEGIN EXCLUSIVE")
        self._held = held

    def release(self) -> None:
        """Let them write again; from any thread."""
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            held.close()

    def count(self) -> int:
        """How many orders are in it."""
        path = os.path.join(self._shop, "orders.db")
        if not os.path.exists(path):
            return 0
        with closing(sqlite3.connect(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
                return 0  # it was held, and nothing was written yet
            (count,) = connection.execute("SELECT count(*) FROM orders").fetchone()
            return int(count)


class Side:
    """One of the two: its handler, and a world of its own; a context manager."""

    def __init__(self, handler: str, folder: str) -> None:
        self._handler = handler
        self._shop = os.path.join(folder, "shop")
        self._book = Book(self._shop)
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
        self._book.release()
        self._payments.__exit__()

    def play(self, scene: Scene) -> tuple[Delivered, ...]:
        """Deliver the message as the scene says; what became of it, in the order in which it came to be."""
        if not scene.is_killed_later:
            self._payments.before_answering = self._kill_at_charge if scene.is_killed else self._meet
            return self._deliver(scene)
        self._payments.before_answering = None
        asked = self._payments.ledger.requests
        with ThreadPoolExecutor(1) as pool:
            delivering = pool.submit(self._deliver, scene)
            while not delivering.done() and self._payments.ledger.requests == asked:
                time.sleep(POLL)
            end = time.monotonic() + LONGEST_HOLD
            while not (delivering.done() or self._is_charge_recorded() or time.monotonic() > end):
                time.sleep(POLL)
            self.kill()
            return delivering.result()

    def _deliver(self, scene: Scene) -> tuple[Delivered, ...]:
        if scene.is_killed_later or scene.deliveries > 1:
            self._book.hold()  # it waits between its charge and what follows; or one is over before the other begins
        self._meeting = Meeting(scene.deliveries)
        self._round = Round(self._function(), [self._next_call() for _ in range(scene.deliveries)])
        ended: list[Delivered] = []

        def over(_: int, delivered: Delivered) -> None:
            ended.append(delivered)
            self._meeting.arrive()
            self._book.release()

        with self._round as processes:
            processes.run(when_over=over)
        return tuple(ended)

    def _is_charge_recorded(self) -> bool:
        """Whether the payment server's answer is in a record; without protection there is none."""
        with closing(open_store(self._store)) as store:
            page = store.apply(List())
        return isinstance(page, Page) and any(
            step.is_result for record in page.records for name, step in record.steps.items() if name == "charge"
        )

    def kill(self) -> None:
        """End what is running; from any thread."""
        if self._round is not None:
            self._round.kill()

    def world(self) -> World:
        """Count what was done."""
        outbox = os.path.join(self._shop, "outbox")
        mails = len(os.listdir(outbox)) if os.path.isdir(outbox) else 0
        ledger = self._payments.ledger
        return World(ledger.requests, len(ledger.charges), self._book.count(), mails)

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
        self._book.release()


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
