"""The sync side: connect, write, read; from any thread."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from ..clock import wall
from .credentials import Unreachable
from .exchange import OldCredentials
from .http1 import BadAnswer, Reader
from .idle import GONE, UNASKED, Idle
from .means import means

if TYPE_CHECKING:
    import ssl

    from ....protocol.records import Millis
    from ..clock import Watch
    from ..layout import Layout
    from ..options import Options
    from ..requests import Request, Response
    from .endpoint import Place
    from .exchange import Letter
    from .http1 import Answer
    from .loops import LoopsConnection
    from .means import Limit


class DirectConnection:
    """Sends requests, one at a time on each connection.

    Raises:
        ConfigurationError: there is no region, or something cannot be as it is set.
    """

    def __init__(self, layout: Layout, options: Options, watch: Watch) -> None:
        self._means = means(layout, options, watch)
        self._idle: Idle[Line] = Idle()

    def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it once, and wait for the answer.

        Args:
            left: the platform's time; None: nothing bounds it.

        Raises:
            ConfigurationError: asking again cannot help.
        """
        _, _, wallet, desk, _ = self._means
        try:
            credentials = wallet.at_hand(wall()) or wallet.fetch(wall())
        except Unreachable as error:
            return desk.lost(error)
        letter = desk.write(request, credentials)
        response = self._exchange(letter, self._means.until(left))
        if isinstance(response, OldCredentials):
            return desk.read_credentials(letter, response, has_others=wallet.has_others(credentials, wall()))
        return response

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

    def _exchange(self, letter: Letter, limit: Limit) -> Response | OldCredentials:
        desk, line = self._means.desk, self._idle.take()
        is_kept = line is not None
        if line is None:
            try:
                line = self._connect(limit)
            except OSError as error:
                return desk.unreachable(error)
        try:
            answer = line.exchange(letter.data, limit.for_read())
        except (OSError, BadAnswer) as error:
            line.close()
            is_stale = is_kept and line.is_silent and not isinstance(error, TimeoutError)
            if is_stale:
                self._idle.drop()
            return desk.lost(error, is_stale=is_stale)
        except BaseException:
            line.close()  # else the next one who asks reads this answer
            raise
        if answer.keeps:
            self._idle.put(line)
        else:
            line.close()
        return desk.read(letter, answer)

    def _connect(self, limit: Limit) -> Line:
        place, trust = self._means.place, self._means.trust
        if trust is None:
            return Line(_reach(place, limit.for_connect()), GONE | UNASKED)
        context = trust.context
        try:
            return Line(_secure(context, place, limit), GONE)
        except OSError as error:
            if not trust.widens(context, error):
                raise
        return Line(_secure(trust.context, place, limit), GONE)


class Line:
    """One connection."""

    __slots__ = ("_socket", "is_silent", "signs", "since")

    def __init__(self, connected: socket.socket, signs: int) -> None:
        self._socket = connected
        self.signs = signs
        self.since = 0.0
        self.is_silent = True  # nothing came yet in answer to the last request

    def exchange(self, data: bytes, seconds: float) -> Answer:
        """Write a request and read its answer, all of it in so many seconds.

        Raises:
            OSError, BadAnswer: there is none.
        """
        connected, reader = self._socket, Reader()
        end = time.monotonic() + seconds
        self.is_silent = True
        connected.settimeout(seconds)
        connected.sendall(data)
        answer = None
        while answer is None:
            answer = reader.feed(connected.recv(reader.wanted))
            self.is_silent = False
            if answer is None:
                connected.settimeout(max(0.001, end - time.monotonic()))
        return answer

    def fileno(self) -> int:
        """Its socket's number; -1: it is closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it in this process. Nothing is said to the peer: a parent or child may have it too."""
        self._socket.close()


def _reach(place: Place, seconds: float) -> socket.socket:
    """Find the host and connect, in so many seconds; each of its addresses gets its part of them."""
    end = time.monotonic() + seconds
    addresses = _look_up(place.host, place.port, seconds)
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


def _secure(context: ssl.SSLContext, place: Place, limit: Limit) -> socket.socket:
    connected = _reach(place, limit.for_connect())
    try:
        connected.settimeout(limit.for_read())
        return context.wrap_socket(connected, server_hostname=place.host)
    except BaseException:
        connected.close()
        raise


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """The host's addresses. A look-up has no time limit of its own: a thread makes it, and may be left behind."""
    if ":" in host or host[-1].isdigit():
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found: list[list[Any] | OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look_up, name="twicesafe-lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError("its name took too long to look up")
    if isinstance(found[0], list):
        return found[0]
    raise OSError(str(found[0])) from found[0]
