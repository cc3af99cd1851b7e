"""The floor: the very requests that twicesafe sends, written beforehand, and sent over one kept connection by hand.

They are recorded once, and each time carry a key of their own, of the same length. DynamoDB Local checks no signature.
"""

from __future__ import annotations

import json
import os
import socket

from bench.ways import Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio

END, LENGTH = b"\r\n\r\n", b"content-length:"


class Written:
    """The two requests of a first execution. The first one, sent again, is a replay's."""

    def __init__(self, key: bytes, claim: bytes, completion: bytes) -> None:
        self.key = key
        self.claim = claim
        self.completion = completion

    def anew(self) -> Written:
        """For another key."""
        key = self.key[:-32] + os.urandom(16).hex().encode()
        return Written(key, self.claim.replace(self.key, key), self.completion.replace(self.key, key))


def written(claim: bytes, completion: bytes) -> Written:
    """Requests as they were recorded."""
    return Written(json.loads(claim.partition(END)[2])["Item"]["id"]["S"].encode(), claim, completion)


def whole(answer: bytes) -> bool:
    """Whether all of an answer is there."""
    head, end, body = answer.partition(END)
    return bool(end) and len(body) >= int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0])


def ask(connected: socket.socket, data: bytes) -> bytes:
    """Send a request, and wait for its answer."""
    connected.sendall(data)
    answer = connected.recv(65536)
    while not whole(answer):
        answer += connected.recv(65536)
    return answer


def connect(endpoint: str) -> socket.socket:
    """A connection, with TLS where the endpoint has it."""
    scheme, _, address = endpoint.partition("://")
    host, _, port = address.partition(":")
    connected = socket.create_connection((host, int(port)), 30)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme == "http":
        return connected
    import ssl

    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    return context.wrap_socket(connected, server_hostname=host)


class Line:
    """One kept connection, made when it is needed."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._connected: socket.socket | None = None

    def first(self, written: Written) -> None:
        self._ask(written.claim)
        self._ask(written.completion)

    def replay(self, written: Written) -> None:
        self._ask(written.claim)

    def _ask(self, data: bytes) -> None:
        self._connected = self._connected or connect(self._endpoint)
        ask(self._connected, data)


def bare(endpoint: str, written: Written) -> Subject:
    """As what it is compared with."""
    line = Line(endpoint)
    return Subject(written.anew, line.first, line.replay)


class Stream:
    """The same in an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def first(self, written: Written) -> None:
        await self._ask(written.claim)
        await self._ask(written.completion)

    def close(self) -> None:
        self._writer.close()

    async def _ask(self, data: bytes) -> bytes:
        self._writer.write(data)
        answer = await self._reader.read(65536)
        while not whole(answer):
            answer += await self._reader.read(65536)
        return answer


async def stream(endpoint: str) -> Stream:
    """A kept connection in the running loop."""
    import asyncio

    host, _, port = endpoint.partition("://")[2].partition(":")
    return Stream(*await asyncio.open_connection(host, int(port)))
