"""The floor: the very requests that twicesafe sends, by a socket and nothing else, over one kept connection.

A bare request is written, signed, sent and read, by the least code that does it: what any client of DynamoDB must do.
Bare bytes were written and signed before, and their answers are not read: what the kernel alone costs. DynamoDB Local
checks no signature; DynamoDB does, and takes none that is five minutes old.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import time
from hashlib import sha256

from bench.ways import Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

END, LENGTH = b"\r\n\r\n", b"content-length:"


class Asked:
    """One request: what DynamoDB is asked for."""

    def __init__(self, target: str, parameters: dict[str, Any]) -> None:
        self.target = target
        self.parameters = parameters

    def anew(self, key: str) -> Asked:
        """For another key."""
        place = "Item" if "Item" in self.parameters else "Key"
        return Asked(self.target, {**self.parameters, place: {**self.parameters[place], "id": {"S": key}}})


class Written:
    """The two requests of a first execution. The first one, sent again, is a replay's."""

    def __init__(self, claim: Asked, completion: Asked) -> None:
        self.claim = claim
        self.completion = completion

    def anew(self) -> Written:
        """For another key."""
        key = self.claim.parameters["Item"]["id"]["S"][:-32] + os.urandom(16).hex()
        return Written(self.claim.anew(key), self.completion.anew(key))


class Sealed:
    """The same as bytes."""

    def __init__(self, written: Written, host: str) -> None:
        self.claim = signed(written.claim, host)
        self.completion = signed(written.completion, host)


def recorded(*requests: bytes) -> Written:
    """Requests as they were sent."""
    return Written(*map(_asked, requests))


def _asked(request: bytes) -> Asked:
    head, _, body = request.partition(END)
    return Asked(head.partition(b"x-amz-target: ")[2].partition(b"\r\n")[0].decode(), json.loads(body))


def signed(asked: Asked, host: str) -> bytes:
    """The bytes of a request (IAM User Guide, "Create a signed AWS API request")."""
    body = json.dumps(asked.parameters, separators=(",", ":")).encode()
    access, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{at[:8]}/{os.environ['AWS_DEFAULT_REGION']}/dynamodb/aws4_request"
    names = "host;x-amz-date;x-amz-target"
    canonical = f"POST\n/\n\nhost:{host}\nx-amz-date:{at}\nx-amz-target:{asked.target}\n\n{names}\n"
    request = sha256((canonical + sha256(body).hexdigest()).encode()).hexdigest()
    key = _key(secret, scope)
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{request}".encode(), "sha256").hex()
    return (
        f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-date: {at}\r\n"
        f"x-amz-target: {asked.target}\r\nauthorization: AWS4-HMAC-SHA256 Credential={access}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


_keys: dict[tuple[str, str], bytes] = {}


def _key(secret: str, scope: str) -> bytes:
    if (secret, scope) not in _keys:
        key = f"AWS4{secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        _keys[secret, scope] = key
    return _keys[secret, scope]


def whole(answer: bytes) -> bytes | None:
    """The body of an answer, once all of it is there."""
    head, end, body = answer.partition(END)
    return body if end and len(body) >= int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]) else None


def ask(connected: socket.socket, data: bytes) -> bytes:
    """Send a request, and wait for its answer."""
    connected.sendall(data)
    answer = connected.recv(65536)
    while (body := whole(answer)) is None:
        answer += connected.recv(65536)
    return body


def host_of(endpoint: str) -> str:
    """Its host and port."""
    return endpoint.partition("://")[2]


def connect(endpoint: str) -> socket.socket:
    """A connection, with TLS where the endpoint has it."""
    host, _, port = host_of(endpoint).partition(":")
    connected = socket.create_connection((host, int(port)), 30)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not endpoint.startswith("https"):
        return connected
    import ssl

    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    return context.wrap_socket(connected, server_hostname=host)


class Line:
    """One kept connection, made when it is needed."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._connected: socket.socket | None = None

    def ask(self, asked: Asked) -> object:
        """Write, sign and send a request, and read the answer."""
        return json.loads(self.send(signed(asked, host_of(self._endpoint))))

    def send(self, data: bytes) -> bytes:
        """Send bytes, and wait for the answer."""
        self._connected = self._connected or connect(self._endpoint)
        return ask(self._connected, data)


def bare(endpoint: str, written: Written) -> Subject:
    """Bare requests, as what they are compared with."""
    line = Line(endpoint)

    def first(one: Written) -> None:
        line.ask(one.claim)
        line.ask(one.completion)

    return Subject(written.anew, first, lambda one: line.ask(one.claim))


def bare_bytes(endpoint: str, written: Written) -> Subject:
    """Bare bytes, likewise."""
    line = Line(endpoint)

    def first(one: Sealed) -> None:
        line.send(one.claim)
        line.send(one.completion)

    return Subject(lambda: Sealed(written.anew(), host_of(endpoint)), first, lambda one: line.send(one.claim))


class Stream:
    """Bare requests in an event loop."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def first(self, written: Written) -> None:
        """A first execution's."""
        await self._ask(written.claim)
        await self._ask(written.completion)

    def close(self) -> None:
        """End it."""
        self._writer.close()

    async def _ask(self, asked: Asked) -> object:
        self._writer.write(signed(asked, self._host))
        answer = await self._reader.read(65536)
        while (body := whole(answer)) is None:
            answer += await self._reader.read(65536)
        return json.loads(body)


async def stream(endpoint: str) -> Stream:
    """A kept connection in the running loop."""
    import asyncio

    host, _, port = host_of(endpoint).partition(":")
    return Stream(host_of(endpoint), *await asyncio.open_connection(host, int(port)))
