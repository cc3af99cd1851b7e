"""The world around the processes under test, in the test's own process: it hands out calls, and keeps the ledger.

It behaves as Lambda's queues do: a call whose process is gone, or that ended in an error, is handed out again.
Each thread of a worker has a connection of its own, and sends lines of JSON.
"""

from __future__ import annotations

import heapq
import json
import socketserver
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tests.chaos.history import ANSWERED, Effect, Heard, History, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.plan import Plan

FIRST_DELAY, LONGEST_DELAY = 20, 3_000  # ms, until a call that was not answered is handed out again


class Platform:
    """Its state; each method may be called from any thread."""

    def __init__(self, plan: Plan) -> None:
        self.history = History()
        self._orders = list(enumerate(plan.orders()))[::-1]
        self._again: list[tuple[int, int]] = []  # when, call
        self._tries: dict[int, int] = {}
        self._out: set[tuple[int, int]] = set()  # process, call
        self._lines: Counter[int] = Counter()  # process
        self._gone: set[int] = set()
        self._lock = threading.RLock()
        self._line_ended = threading.Condition(self._lock)
        self.progress: Counter[int] = Counter()
        """How many deliveries each process has ended."""

    @property
    def has_more(self) -> bool:
        """Whether there are calls that were not handed out yet."""
        return bool(self._orders)

    @property
    def is_over(self) -> bool:
        """Whether all calls are answered."""
        with self._lock:
            return not self._orders and not self._out and not self._again

    def hand_out_no_more(self) -> None:
        """But what was handed out before, if it has to be again."""
        with self._lock:
            self._orders.clear()

    def so_far(self) -> History:
        """What was seen until now."""
        with self._lock:
            return self.history.copy()

    def hand_out(self, process: int) -> dict[str, Any]:
        """The next call."""
        with self._lock:
            if self._again and self._again[0][0] <= now():
                _, call = heapq.heappop(self._again)
            elif self._orders:
                call, order = self._orders.pop()
                self.history.calls[call] = order
            else:
                return {"call": None}
            self._out.add((process, call))
            return {"call": call, "order": self.history.calls[call]}

    def hear(self, process: int, call: int, what: str, reply: Any) -> None:
        """A delivery has ended; of a process that was given up, too, if it was only frozen."""
        with self._lock:
            self.history.heard.append(Heard(self.history.calls[call], process, what, reply, now()))
            self.progress[process] += 1
            if (process, call) in self._out:
                self._out.remove((process, call))
                if what not in ANSWERED:
                    self._hand_out_again(call)

    def write_down(self, process: int, effect: dict[str, Any]) -> int:
        """An effect is had; its receipt."""
        with self._lock:
            receipt = len(self.history.effects) + 1
            self.history.effects.append(Effect(process=process, at=now(), receipt=receipt, **effect))
            return receipt

    @contextmanager
    def line(self, process: int) -> Iterator[None]:
        """One of its threads is connected."""
        with self._lock:
            if process in self._gone:
                raise ConnectionResetError
            self._lines[process] += 1
        try:
            yield
        finally:
            with self._lock:
                self._lines[process] -= 1
                self._line_ended.notify_all()

    def left_by(self, process: int) -> dict[int, str]:
        """What a process that has ended was at: the orders, and their keys where they are known.

        What it had sent is read to its end first.
        """
        with self._lock:
            self._gone.add(process)
            self._line_ended.wait_for(lambda: not self._lines[process])
            orders = {self.history.calls[call] for holder, call in self._out if holder == process}
            return {effect.order: effect.key for effect in self.history.effects if effect.order in orders}

    def give_up(self, process: int) -> None:
        """Hand out again what it is at, as a queue does after a while without an answer."""
        with self._lock:
            for held in [held for held in self._out if held[0] == process]:
                self._out.remove(held)
                self._hand_out_again(held[1])

    def _hand_out_again(self, call: int) -> None:
        self._tries[call] = tries = self._tries.get(call, 0) + 1
        heapq.heappush(self._again, (now() + min(FIRST_DELAY << min(tries, 10), LONGEST_DELAY), call))

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on a port of this host, until the block ends."""
        with _Server(self) as server:
            thread = threading.Thread(target=server.serve_forever, args=[0.05])
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        platform = self.server.platform
        with suppress(ConnectionError):  # it was killed
            hello = self.rfile.readline()
            if hello.endswith(b"\n"):
                process = json.loads(hello)["process"]
                with platform.line(process):
                    self._serve(platform, process)

    def _serve(self, platform: Platform, process: int) -> None:
        for line in self.rfile:
            if not line.endswith(b"\n"):
                return  # killed in the middle of it
            asked = json.loads(line)
            if "effect" in asked:
                answer: Any = {"receipt": platform.write_down(process, asked["effect"])}
            else:
                if "heard" in asked:
                    platform.hear(process, *asked["heard"])
                answer = platform.hand_out(process)
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, platform: Platform) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.platform = platform
