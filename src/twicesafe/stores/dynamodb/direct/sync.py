"""The sync side: connect, write, read; from any thread."""

from __future__ import annotations

import socket
import time

from ....protocol.drivers import drive
from ..bounded import within
from .http1 import Reader
from .idle import Idle
from .means import means
from .one_try import Connect, Exchange, Fetch, one_try

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from ....protocol.records import Millis
    from ..clock import Watch
    from ..layout import Layout, Options
    from ..requests import Request, Response
    from .endpoint import Place
    from .http1 import Answer
    from .loops import LoopsConnection
    from .means import Limit
    from .one_try import Question


NEARLY = 0.01
"""Seconds that a call may take more than there are."""


class DirectConnection:
    """Sends requests, one at a time on each connection.

    Raises:
        ConfigurationError: there is no region, or something cannot be as it is set.
    """

    def __init__(self, layout: Layout, options: Options, watch: Watch) -> None:
        self._means = means(layout, options, watch)
        self._idle: Idle = Idle()

    def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it once, and wait for the answer.

        Args:
            left: the platform's time; None: nothing bounds it.

        Raises:
            ConfigurationError: asking again cannot help.
        """
        return drive(one_try(self._means, self._idle, request, left), self._answer)

    def for_loops(self, client: None = None) -> LoopsConnection:  # noqa: ARG002 - here it is never the user's
        """The same for event loops."""
        from .loops import LoopsConnection

        return LoopsConnection(self._means)

    def close(self) -> None:
        """Close what is idle; another request connects anew."""
        self._idle.drop()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    def _answer(self, question: Question) -> object:
        if isinstance(question, Exchange):
            return question.line.exchange(question.data, question.seconds)
        if isinstance(question, Connect):
            return Line(_connected(self._means.place, question.context, question.limit), question.signs)
        if isinstance(question, Fetch):
            return within(question.seconds, self._means.wallet.fetch, question.now)
        return within(question.seconds, self._means.wallet.has_others, question.refused, question.now)


class Line:
    """One connection."""

    __slots__ = ("_seconds", "_socket", "is_silent", "poll", "signs", "since")

    def __init__(self, connected: socket.socket, signs: int) -> None:
        self._socket = connected
        self._seconds = 0.0  # that each call on the socket may take
        self.signs = signs
        self.poll = None
        self.since = 0.0
        self.is_silent = True  # nothing came yet in answer to the last request

    def exchange(self, data: bytes, seconds: float) -> Answer:
        """Write a request and read its answer, all of it in so many seconds.

        Raises:
            OSError, BadAnswer: there is none.
        """
        connected, reader = self._socket, Reader()
        ends = time.monotonic() + seconds
        self.is_silent = True
        self._allow(seconds)
        connected.sendall(data)
        answer = None
        while answer is None:
            self._allow(ends - time.monotonic())
            answer = reader.feed(connected.recv(reader.wanted))
            self.is_silent = False
        return answer

    def _allow(self, seconds: float) -> None:
        """Let each call take so long. To say it asks the system, so it is not said for next to nothing."""
        if not 0 <= self._seconds - seconds < NEARLY:
            self._seconds = max(0.001, seconds)
            self._socket.settimeout(self._seconds)

    def fileno(self) -> int:
        """Its socket's number; -1: it is closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it in this process. Nothing is said to the peer: a parent or child may have it too."""
        self._socket.close()


def _reach(place: Place, seconds: float) -> socket.socket:
    """Find the host and connect, in so many seconds; each of its addresses gets its part of them."""
    end = time.monotonic() + seconds
    addresses = _look_up(place, seconds)
    failed: OSError = OSError("it has no address")
    for place_in_line, (family, kind, protocol, _, address) in enumerate(addresses):
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(max(0.001, (end - time.monotonic()) / (len(addresses) - place_in_line)))
            connected.connect(address)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connected.close()
            failed = error
        except BaseException:
            connected.close()
            raise
        else:
            return connected
    raise failed


def _connected(place: Place, context: ssl.SSLContext | None, limit: Limit) -> socket.socket:
    connected = _reach(place, limit.for_connect())
    if context is None:
        return connected
    try:
        connected.settimeout(limit.for_read())
        return context.wrap_socket(connected, server_hostname=_plain(place.host))
    except BaseException:
        connected.close()
        raise


def _look_up(place: Place, seconds: float) -> list[Any]:
    """Return the host's addresses."""
    if place.is_address:
        return look_up(place.host, place.port)
    try:
        addresses: list[Any] = within(seconds, look_up, _plain(place.host), place.port)
    except UnicodeError as error:
        raise OSError(str(error)) from error
    except TimeoutError:
        raise TimeoutError("its name took too long to look up") from None
    return addresses


def look_up(host: str | bytes, port: int) -> list[Any]:
    """Return a host's addresses, which can take a while."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _plain(host: str) -> str | bytes:
    """A name as bytes: for a text, Python loads the tables of international names, 1.5 ms of a cold start."""
    return host.encode() if host.isascii() else host
