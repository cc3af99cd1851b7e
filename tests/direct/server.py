"""A server of one's own making: what it does on each connection is a script, and real bytes travel."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from contextlib import contextmanager, suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Script = Callable[["Peer"], None]

NOTHING: dict[str, Any] = {}


class Heard(NamedTuple):
    """A request, as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """Of the record that it asks for."""
        key: str = json.loads(self.body)["Key"]["id"]["S"]
        return key


class Peer:
    """One connection, as the server has it."""

    def __init__(self, connected: socket.socket, heard: list[Heard]) -> None:
        self.connected = connected
        self._file = connected.makefile("rb")
        self._heard = heard

    def hear(self) -> Heard | None:
        """The next request; None: the client has ended the connection."""
        line = self._file.readline().decode().strip()
        if not line:
            return None
        headers = {}
        while header := self._file.readline().strip():
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        heard = Heard(line, headers, self._file.read(int(headers.get("content-length", 0))))
        self._heard.append(heard)
        return heard

    def say(self, data: bytes) -> None:
        """Say this."""
        self.connected.sendall(data)

    def reset(self) -> None:
        """Let the connection's end be an RST."""
        self.connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """End it."""
        self._file.close()
        self.connected.close()


class Server:
    """Listens; the first connection meets the first script, and the last script all that follow."""

    def __init__(self, scripts: tuple[Script, ...], context: ssl.SSLContext | None) -> None:
        self._scripts = scripts
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        self.heard: list[Heard] = []
        self.connections = 0

    def listen(self) -> None:
        """Take connections until it is closed."""
        with suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                self._peers.append(connected)
                thread = threading.Thread(target=self._play, args=(script, connected))
                thread.start()
                self._threads.append(thread)  # by now it can be joined

    def close(self) -> None:
        """End all."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connected in self._peers:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _play(self, script: Script, connected: socket.socket) -> None:
        with suppress(OSError):
            if self._context is not None:
                try:
                    connected = self._context.wrap_socket(connected, server_side=True)
                except OSError:
                    connected.close()
                    return
            peer = Peer(connected, self.heard)
            try:
                script(peer)
            finally:
                peer.close()


@contextmanager
def serving(*scripts: Script, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that plays these scripts; by default each connection is answered as `answers` does."""
    server = Server(scripts or (answers,), context)
    thread = threading.Thread(target=server.listen)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def answer(
    said: Any = NOTHING, status: int = 200, *, ahead: int | None = None, crc: int | None = None, more: str = ""
) -> bytes:
    """The bytes of an answer, with its CRC as DynamoDB has it.

    Args:
        ahead: seconds that the server's clock is ahead; None: it says no time.
    """
    import time

    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    crc = zlib.crc32(body) if crc is None else crc
    date = "" if ahead is None else f"Date: {formatdate(time.time() + ahead, usegmt=True)}\r\n"
    head = f"HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-crc32: {crc}\r\n{date}{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def refusal(code: str, message: str = "said by the test", **options: Any) -> bytes:
    """The bytes of an error as DynamoDB's are."""
    return answer({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}, 400, **options)


def item(key: str, owner: str = "ann") -> dict[str, Any]:
    """An answer that has a record of the key."""
    texts = {"id": key, "status": "INPROGRESS", "owner": owner, "validation": ""}
    numbers = {"v": 1, "attempt": 1, "started": 1, "claimed": 1, "in_progress_expiration": 2}
    attributes = {name: {"S": value} for name, value in texts.items()}
    return {"Item": {**attributes, **{name: {"N": str(value)} for name, value in numbers.items()}, "steps": {"M": {}}}}


def answers(peer: Peer) -> None:
    """Answer each request with the record that it asks for."""
    while (heard := peer.hear()) is not None:
        peer.say(answer(item(heard.key)))
