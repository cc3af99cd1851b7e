"""The async side: the same on asyncio's transports, with connections of its own for each event loop."""

from __future__ import annotations

import asyncio
import socket

from ....protocol.drivers import drive_async
from ..bounded import within_async
from .http1 import BadAnswer, Reader
from .idle import Idle
from .one_try import Connect, Exchange, Fetch, one_try
from .sync import look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Any

    from ....protocol.records import Millis
    from ..requests import Request, Response
    from .endpoint import Place
    from .http1 import Answer
    from .means import Means
    from .one_try import Question


class LoopsConnection:
    """Sends requests, from any event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._opened: dict[asyncio.AbstractEventLoop, tuple[Idle, AsyncGenerator[Idle, None]]] = {}

    async def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it once, and wait for the answer; see DirectConnection.send."""
        opened = self._opened.get(asyncio.get_running_loop())
        idle = await self._idle() if opened is None else opened[0]
        return await drive_async(one_try(self._means, idle, request, left), self._answer)

    def close(self) -> None:
        """Close what is idle, where its loop is not running; a running loop closes its own when it ends."""
        for loop, (_, generator) in list(self._opened.items()):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(generator.aclose())

    async def _answer(self, question: Question) -> object:
        if isinstance(question, Exchange):
            return await question.line.exchange(question.data, question.seconds)
        if isinstance(question, Connect):
            return await self._open(question)
        if isinstance(question, Fetch):
            return await within_async(question.seconds, self._means.wallet.fetch, question.now)
        return await within_async(question.seconds, self._means.wallet.has_others, question.refused, question.now)

    async def _open(self, asked: Connect) -> Line:
        place, limit = self._means.place, asked.limit
        tls: dict[str, Any] = {}
        if asked.context is not None:
            tls = {"ssl": asked.context, "server_hostname": place.host, "ssl_handshake_timeout": limit.for_read()}
        try:
            connected = await _reach(place, limit.for_connect())
            try:
                loop = asyncio.get_running_loop()
                _, line = await loop.create_connection(lambda: Line(asked.signs), sock=connected, **tls)
            except BaseException:
                connected.close()
                raise
        except asyncio.TimeoutError:
            raise TimeoutError from None  # the two are one from Python 3.11 on
        except UnicodeError as error:
            raise OSError(str(error)) from error
        return line

    async def _idle(self) -> Idle:
        """The idle connections of a running loop that is new here."""
        for ended in [loop for loop in list(self._opened) if loop.is_closed()]:
            self._opened.pop(ended, None)
        loop = asyncio.get_running_loop()
        generator = self._until_the_loop_ends(loop)
        idle = await generator.__anext__()
        self._opened[loop] = idle, generator
        return idle

    async def _until_the_loop_ends(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Idle, None]:
        """Yield a place for connections, and close them when the loop ends: a loop closes the generators that it began.

        asyncio.run and asyncio.Runner do so; one who runs a loop by hand calls its shutdown_asyncgens().
        """
        idle: Idle = Idle()
        try:
            yield idle
        finally:
            self._opened.pop(loop, None)
            idle.drop()
            await asyncio.sleep(0)  # so that they are closed


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, signs: int) -> None:
        self._reader = Reader()
        self._answer: asyncio.Future[Answer] | None = None  # to the last request; None: nothing was asked
        self._is_lost = False
        self.signs = signs
        self.poll = None
        self.since = 0.0
        self.is_silent = True  # nothing came yet in answer to the last request

    async def exchange(self, data: bytes, seconds: float) -> Answer:
        """Write a request and read its answer, all of it in so many seconds.

        Raises:
            OSError, BadAnswer: there is none.
        """
        self.is_silent = True
        if self._is_lost:
            raise ConnectionError("the connection was closed")
        loop = asyncio.get_running_loop()
        self._reader, self._answer = Reader(), loop.create_future()
        timer = loop.call_later(seconds, self._fail, TimeoutError())
        try:
            self._transport.write(data)
            return await self._answer
        finally:
            timer.cancel()
            self._answer = None

    def fileno(self) -> int:
        """Its socket's number; -1: it is closed, or about to be."""
        if self._is_lost or self._transport.is_closing():
            return -1
        number: int = self._transport.get_extra_info("socket").fileno()
        return number

    def close(self) -> None:
        """End it, at once."""
        self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked for it, and it would be taken for the next answer
            return
        self.is_silent = False
        try:
            answer = self._reader.feed(data)
        except BadAnswer as error:
            self._fail(error)
            return
        if answer is not None:
            self._answer.set_result(answer)

    def eof_received(self) -> None:
        self._is_lost = True
        try:
            self._reader.feed(b"")
        except BadAnswer as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        self._fail(error or ConnectionError("the connection was closed"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


async def _reach(place: Place, seconds: float) -> socket.socket:
    """Find the host and connect, in so many seconds; each of its addresses gets its part of them.

    asyncio's own open_connection leaves a socket behind where it is cancelled, and waits for an address that says
    nothing as long as the system does.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    if place.is_address:
        addresses = look_up(place.host, place.port)
    else:
        addresses = await within_async(seconds, look_up, place.host, place.port)
    failed: Exception = OSError("it has no address")
    for place_in_line, (family, kind, protocol, _, address) in enumerate(addresses):
        connected = socket.socket(family, kind, protocol)
        try:
            connected.setblocking(False)
            share = max(0.001, (end - loop.time()) / (len(addresses) - place_in_line))
            await asyncio.wait_for(loop.sock_connect(connected, address), share)
        except (OSError, asyncio.TimeoutError) as error:
            connected.close()
            failed = error
        except BaseException:
            connected.close()
            raise
        else:
            return connected
    raise failed
