"""Any HTTP client in pure Python: names are made up, connections lead nowhere, requests go to the world.

A name gets an address of a network that does not exist (240.0.0.0/8, RFC 1112). A connection to it
is one end of a loopback pair, whose other end is ours: what is sent is read as HTTP/1.1, and the world's
answer is written back. TLS is left out: `wrap_socket` and `wrap_bio` pass bytes through.
"""

from __future__ import annotations

import _socket
import errno
import ipaddress
import os
import socket
import ssl
import struct
import threading
import time
from functools import partialmethod
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import h11

from ..messages import Answer, HttpRequest

if TYPE_CHECKING:
    from .link import Link

NO_HTTP = {
    21: "FTP",
    22: "SSH",
    25: "SMTP",
    465: "SMTP",
    587: "SMTP",
    1433: "SQL Server",
    1521: "Oracle",
    1883: "MQTT",
    2181: "ZooKeeper",
    3306: "MySQL",
    5432: "PostgreSQL",
    5672: "AMQP",
    6379: "Redis",
    8883: "MQTT",
    9042: "Cassandra",
    9092: "Kafka",
    9094: "Kafka",
    9098: "Kafka",
    11211: "Memcached",
    27017: "MongoDB",
}
"""Ports where the other side may be the first to speak, so that nobody can wait for a request."""
TELEMETRY = (2000, 8125, 8126)
"""UDP ports of the X-Ray daemon and of StatsD."""
AT_ONCE = 65_536
"""Bytes that a loopback connection surely takes while nobody reads."""
WALL = (errno.ECONNREFUSED, "the audit lets nothing out of this machine")


class _Wire:
    """A connection that leads nowhere."""

    def __init__(self, host: str, port: int, far: _socket.socket) -> None:
        self.host = host
        self.port = port
        self.far = far
        self.parser = h11.Connection(h11.SERVER)
        self.request: h11.Request | None = None
        self.body = b""
        self.is_secure = False
        self.is_over = False


class _PassedThrough:
    """What clients ask of a connection that they believe to be secured."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        return b"" if binary_form else {"subjectAltName": ()}

    def selected_alpn_protocol(self) -> None:
        """None, so that nobody speaks HTTP/2."""

    def selected_npn_protocol(self) -> None:
        """None, as above."""

    def get_channel_binding(self, cb_type: str = "tls-unique") -> None:
        """None: there is no channel."""

    def compression(self) -> None:
        """None, as usual."""

    def cipher(self) -> tuple[str, str, int]:
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)

    def version(self) -> str:
        return "TLSv1.3"

    def shared_ciphers(self) -> None:
        """None, as for clients."""

    def pending(self) -> int:
        return 0

    def do_handshake(self, block: bool = False) -> None:
        """Nothing is to be agreed on."""


class _Secured(_PassedThrough, socket.socket):
    """A socket that was wrapped."""

    context: ssl.SSLContext
    server_hostname: str | None

    def unwrap(self) -> socket.socket:
        return self

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        return self.recv(size) if buffer is None else self.recv_into(buffer, size)

    def write(self, content: Any) -> int:
        return self.send(content)


class _Object(_PassedThrough):
    """What asyncio and anyio wrap: bytes in, bytes out, and no socket."""

    def __init__(self, context: ssl.SSLContext, incoming: Any, outgoing: Any, name: str | None) -> None:
        self.context = context
        self.server_hostname = name
        self.server_side = False
        self.session = None
        self.session_reused = False
        self._incoming = incoming
        self._outgoing = outgoing

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        content = self._incoming.read(size)
        if not content and not self._incoming.eof:
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "nothing there yet")
        if buffer is None:
            return content
        buffer[: len(content)] = content
        return len(content)

    def write(self, content: Any) -> int:
        return int(self._outgoing.write(content))

    def unwrap(self) -> None:
        """Nothing was wrapped."""


class Sockets:
    """Takes the place of the network in this process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._names: dict[str, str] = {}  # made up address to name
        self._wires: WeakKeyDictionary[socket.socket, _Wire] = WeakKeyDictionary()
        self._real: dict[str, Any] = {}
        self._unread: dict[_Wire, None] = {}

    def note_unread(self) -> None:
        """Say to whom something was sent that never became a request."""
        for wire in self._unread:
            if not wire.is_over:
                self._link.note(f"what was sent to {wire.host}:{wire.port}: it is no HTTP request")
        self._unread.clear()

    def install(self) -> None:
        """From now on nothing of this process reaches a network."""
        patched: Any = socket.socket
        for name in ("connect", "connect_ex", "send", "sendall", "sendmsg", "sendto", "sendfile"):
            self._real[name] = getattr(socket.socket, name)
            setattr(patched, name, self._method(name))
        patched = socket
        self._real["getaddrinfo"] = socket.getaddrinfo
        patched.getaddrinfo = self.getaddrinfo
        patched.gethostbyname = self.address_of
        patched.gethostbyname_ex = lambda name: (name, [], [self.address_of(name)])
        patched.gethostbyaddr = lambda address: (self._names.get(address, address), [], [address])
        patched = ssl.SSLContext
        self._real["wrap_socket"] = ssl.SSLContext.wrap_socket
        self._real["wrap_bio"] = ssl.SSLContext.wrap_bio
        patched.wrap_socket = partialmethod(_call, self.wrap_socket)
        patched.wrap_bio = partialmethod(_call, self.wrap_bio)

    def _method(self, name: str) -> Any:
        own, real = getattr(self, name), self._real[name]

        def method(sock: socket.socket, *arguments: Any, **options: Any) -> Any:
            return own(sock, real, *arguments, **options)

        method.__name__ = name
        return method

    # Names

    def address_of(self, name: str) -> str:
        """The address that stands for a name."""
        if _is_address(name):
            return name
        name = name.lower().rstrip(".")
        for address, known in self._names.items():
            if known == name:
                return address
        number = len(self._names) + 1
        address = f"240.0.{number >> 8}.{number & 255}"
        self._names[address] = name
        return address

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002 - as socket names it
        """As socket.getaddrinfo, without asking anybody."""
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or _is_address(name):
            return self._real["getaddrinfo"](name, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        number = port if isinstance(port, int) else int(port) if str(port).isdecimal() else _service(port)
        kinds = [(socket.SOCK_STREAM, socket.IPPROTO_TCP), (socket.SOCK_DGRAM, socket.IPPROTO_UDP)]
        address = (self.address_of(name), number)
        return [
            (socket.AF_INET, kind, protocol, "", address)
            for kind, protocol in kinds
            if type in (0, kind) and proto in (0, protocol)
        ]

    # Connections

    def connect(self, sock: socket.socket, real: Any, address: Any) -> None:  # noqa: ARG002 - as all are called
        """Lead the socket nowhere."""
        self._wires.pop(sock, None)
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            self._link.note(f"a connection to {address!r}")
            raise ConnectionRefusedError(*WALL)
        host, port = self._names.get(address[0], address[0]), address[1]
        if (
            sock.type & ~(getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0))
            != socket.SOCK_STREAM
        ):
            if port not in TELEMETRY:
                self._link.note(f"datagrams to {host}:{port}")
            raise ConnectionRefusedError(*WALL)
        if port in NO_HTTP:
            self._link.note(f"a connection to {host}:{port} ({NO_HTTP[port]})")
            raise ConnectionRefusedError(*WALL)
        near, far = _pair()
        timeout = sock.gettimeout()
        os.dup2(near.fileno(), sock.fileno(), inheritable=False)
        near.close()
        sock.settimeout(timeout)  # the flag belongs to what the descriptor stands for, and that is another now
        self._wires[sock] = _Wire(host, port, far)

    def connect_ex(self, sock: socket.socket, real: Any, address: Any) -> int:
        """The same, with a number for an error."""
        try:
            self.connect(sock, real, address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

    def send(self, sock: socket.socket, real: Any, content: Any, *flags: int) -> int:
        """Hear what is sent."""
        wire = self._wires.get(sock)
        if wire is None:
            return int(real(sock, content, *flags))
        data = bytes(content)
        self._hear(wire, data)
        return len(data)

    def sendall(self, sock: socket.socket, real: Any, content: Any, *flags: int) -> None:
        """Hear what is sent."""
        if sock in self._wires:
            self.send(sock, real, content)
        else:
            real(sock, content, *flags)

    def sendmsg(self, sock: socket.socket, real: Any, buffers: Any, *rest: Any) -> int:
        """Hear what is sent."""
        if sock in self._wires:
            return self.send(sock, real, b"".join(bytes(each) for each in buffers))
        return int(real(sock, buffers, *rest))

    def sendfile(self, sock: socket.socket, real: Any, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Hear what is sent."""
        if sock not in self._wires:
            return int(real(sock, file, offset, count))
        file.seek(offset)
        content = file.read() if count is None else file.read(count)
        return self.send(sock, real, content)

    def sendto(self, sock: socket.socket, real: Any, content: Any, *rest: Any) -> int:  # noqa: ARG002 - as all are called
        """Lose a datagram, as networks do."""
        address = rest[-1] if rest else None
        if not (isinstance(address, tuple) and address[1] in TELEMETRY):
            self._link.note(f"datagrams to {address!r}")
        return len(bytes(content))

    def wrap_socket(self, context: ssl.SSLContext, sock: socket.socket, *arguments: Any, **options: Any) -> Any:
        """Pass through."""
        wire = self._wires.pop(sock, None)
        if wire is None:
            return self._real["wrap_socket"](context, sock, *arguments, **options)
        timeout = sock.gettimeout()
        secured = _Secured(sock.family, sock.type, sock.proto, fileno=sock.detach())
        secured.settimeout(timeout)
        secured.context, secured.server_hostname = context, options.get("server_hostname")
        wire.is_secure = True
        self._wires[secured] = wire
        return secured

    def wrap_bio(
        self,
        context: ssl.SSLContext,
        incoming: Any,
        outgoing: Any,
        server_side: bool = False,
        server_hostname: Any = None,
        session: Any = None,
    ) -> Any:
        """Pass through."""
        if server_side:
            return self._real["wrap_bio"](context, incoming, outgoing, server_side, server_hostname, session)
        return _Object(context, incoming, outgoing, server_hostname)

    # Requests

    def _hear(self, wire: _Wire, data: bytes) -> None:
        if wire.is_over:
            return
        self._unread[wire] = None
        try:
            wire.parser.receive_data(data)
            self._read(wire)
        except h11.RemoteProtocolError:
            self._link.note(f"a connection to {wire.host}:{wire.port} that is not HTTP")
            self._end(wire)

    def _read(self, wire: _Wire) -> None:
        while True:
            event = wire.parser.next_event()
            if isinstance(event, h11.Request):
                wire.request, wire.body = event, b""
                if wire.parser.they_are_waiting_for_100_continue:
                    wire.far.sendall(wire.parser.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            elif isinstance(event, h11.Data):
                wire.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if not wire.parser.trailing_data[0]:
                    self._unread.pop(wire, None)
                self._answer(wire)
                if wire.is_over or wire.parser.our_state is not h11.DONE:
                    return
                wire.parser.start_next_cycle()
            else:  # NEED_DATA, PAUSED, or the connection was closed
                return

    def _answer(self, wire: _Wire) -> None:
        request = wire.request
        if request is None:
            raise h11.RemoteProtocolError("a body without a request")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers}
        target = request.target.decode("latin-1")
        url = target if "://" in target else f"{_origin(wire, headers)}{target}"
        method = request.method.decode("latin-1")
        answer = self._link.ask(HttpRequest(method, url, headers, wire.body, self._link.line(), time.time()))
        if not isinstance(answer, Answer):
            wire.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a reset
            self._end(wire)
            return
        body = b"" if method == "HEAD" or answer.status in (204, 304) else answer.body
        fields = [
            (name, value)
            for name, value in answer.headers.items()
            if name.lower() not in ("content-length", "transfer-encoding", "connection")
        ]
        if answer.status not in (204, 304):
            fields.append(("Content-Length", str(len(answer.body))))
        content = wire.parser.send(h11.Response(status_code=answer.status, headers=fields)) or b""
        if body:
            content += wire.parser.send(h11.Data(data=body)) or b""
        content += wire.parser.send(h11.EndOfMessage()) or b""
        if len(content) <= AT_ONCE:
            wire.far.sendall(content)
        else:
            threading.Thread(target=_send, args=[wire.far, content], daemon=True).start()
        if wire.parser.our_state is h11.MUST_CLOSE:
            wire.is_over = True
            if len(content) <= AT_ONCE:
                wire.far.close()

    def _end(self, wire: _Wire) -> None:
        wire.is_over = True
        wire.far.close()


def _call(context: ssl.SSLContext, function: Any, *arguments: Any, **options: Any) -> Any:
    return function(context, *arguments, **options)


def _send(far: _socket.socket, content: bytes) -> None:
    try:
        far.sendall(content)
    except OSError:
        return  # the client went away


def _pair() -> tuple[_socket.socket, _socket.socket]:
    """Two ends of a loopback connection: clients set options that only TCP has."""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        near = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        near.connect(listener.getsockname())
        accepting: Any = listener
        descriptor, _ = accepting._accept()  # noqa: SLF001 - the C type has no other
    finally:
        listener.close()
    return near, _socket.socket(fileno=descriptor)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name == ""
    return True


def _service(name: Any) -> int:
    if name is None:
        return 0
    return {"http": 80, "https": 443}.get(str(name)) or socket.getservbyname(str(name))


def _origin(wire: _Wire, headers: dict[str, str]) -> str:
    is_secure = wire.is_secure or wire.port in (443, 8443)
    scheme, usual = ("https", 443) if is_secure else ("http", 80)
    host = headers.get("host") or (wire.host if wire.port == usual else f"{wire.host}:{wire.port}")
    return f"{scheme}://{host}"
