"""A small HTTP proxy in front of a real DynamoDB that loses, delays, repeats and damages what passes.

A fault is a function of one exchange. It may forward the request, any number of times and at any time, and
give the client any answer, or none. Which request it befalls is said by the command that the request is of.
"""

from __future__ import annotations

import http.client
import json
import re
import select
import socket
import socketserver
import struct
import threading
import time
from contextlib import contextmanager, suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fault = Callable[["Exchange"], None]


class Sent(NamedTuple):
    """A request, as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """What DynamoDB calls it."""
        return self.headers["x-amz-target"].partition(".")[2]

    @property
    def command(self) -> str:
        """The command that it is of."""
        operation, asked = self.operation, json.loads(self.body)
        if operation == "PutItem":
            is_new = "ExpressionAttributeValues" not in asked
            return "claim" if is_new and asked["Item"]["status"]["S"] == "INPROGRESS" else "replace"
        if operation != "UpdateItem":
            return {"GetItem": "load", "DeleteItem": "forget"}.get(operation, operation)
        if asked["ConditionExpression"].startswith("attribute_not_exists"):
            return "claim"
        names = asked["ExpressionAttributeNames"]
        change = re.sub(r"#\w+", lambda word: names[word[0]], asked["UpdateExpression"])
        if "status = " in change:
            return "complete"
        if "REMOVE owner" in change:
            return "release"
        return "renew" if "SET in_progress_expiration" in change else "save"


class Exchange:
    """One request and what becomes of it."""

    def __init__(self, sent: Sent, client: socket.socket, proxy: FaultProxy) -> None:
        self.sent = sent
        self.proxy = proxy
        self.is_answered = False  # if it is not, the connection is closed
        self._client = client

    def forward(self) -> bytes:
        """Let the request through, and return the answer."""
        return self.proxy.forward(self.sent)

    def answer(self, answer: bytes) -> None:
        """Give the client an answer."""
        self._client.sendall(answer)
        self.is_answered = True

    def answer_in_part(self, answer: bytes) -> None:
        """Give all of it but the last byte."""
        self._client.sendall(answer[: len(answer) - 1])

    def hang(self) -> None:
        """Say nothing, until the client has given up."""
        select.select([self._client, self.proxy.ended], [], [], 10)

    def reset(self) -> None:
        """Let the connection's end be an RST."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def keep_copy(self) -> None:
        """Let the request through later, when the test says so."""
        self.proxy.late.append(self.sent)


class FaultProxy:
    """Listens on a port of its own; what no fault befalls is passed on."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.removeprefix("http://")
        self._faults: list[tuple[str, int, Fault]] = []  # command, how many more times, what
        self._lock = threading.Lock()
        self.ended, self._end = socket.socketpair()
        self.commands: list[str] = []
        """Every request that came, by its command."""
        self.late: list[Sent] = []
        """Requests that have not arrived yet."""
        self.clock = 0
        """How many seconds the server's clock is ahead."""

    @contextmanager
    def listening(self) -> Iterator[FaultProxy]:
        """Listen, until the block ends."""
        with _Server(self) as server:
            self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                self._end.close()
                server.shutdown()
                thread.join()
        self.ended.close()

    def befall(self, command: str, fault: Fault, times: int = 1) -> None:
        """From now on do this to so many requests of the command, or of DynamoDB's operation of that name."""
        self._faults.append((command, times, fault))

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()

    def forget(self) -> None:
        """Be as new, for the next test."""
        self.heal()
        self.clock = 0
        self.commands.clear()
        self.late.clear()

    def land(self) -> None:
        """Now the late requests arrive, oldest first."""
        while self.late:
            self.forward(self.late.pop(0))

    def fault_for(self, sent: Sent) -> Fault:
        """What is to be done to a request."""
        command = sent.command
        with self._lock:
            self.commands.append(command)
            for place, (befallen, times, fault) in enumerate(self._faults):
                if befallen in (command, sent.operation) and times:
                    self._faults[place] = (befallen, times - 1, fault)
                    return fault
        return lambda exchange: exchange.answer(exchange.forward())

    def forward(self, sent: Sent) -> bytes:
        """Hand a request to the server, and return the answer's bytes."""
        connection = http.client.HTTPConnection(self._upstream, timeout=10)
        try:
            connection.request("POST", "/", sent.body, sent.headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return answer(response.status, response.read(), {**headers, **self._date()})
        finally:
            connection.close()

    def _date(self) -> dict[str, str]:
        return {"date": formatdate(time.time() + self.clock, usegmt=True)} if self.clock else {}


def answer(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {status} x"]
    left_out = ("content-length", "transfer-encoding", "connection")
    lines += [f"{name}: {value}" for name, value in headers.items() if name not in left_out]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        proxy = self.server.proxy
        with suppress(ConnectionError):  # the client is gone
            while (sent := self._read()) is not None:
                exchange = Exchange(sent, self.connection, proxy)
                proxy.fault_for(sent)(exchange)
                if not exchange.is_answered:
                    return

    def _read(self) -> Sent | None:
        """The next request on this connection; None: there is none."""
        if not self.rfile.peek(1)[:1]:
            return None
        self.rfile.readline()
        headers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Sent(headers, self.rfile.read(int(headers["content-length"])))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # without a FIN before: an RST must be able to be one
