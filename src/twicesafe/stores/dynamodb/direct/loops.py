"""The async side: the same on asyncio's streams, with connections of its own for each event loop."""

from __future__ import annotations

import asyncio
import socket

from ....protocol.drivers import drive_async
from ...base import in_thread
from .http1 import BadAnswer, Reader
from .idle import Idle
from .one_try import Connect, Exchange, Fetch, one_try

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

BUFFER = 1024 * 1024
"""Bytes that a stream holds before it stops reading: more than an item."""


class LoopsConnection:
    """Sends requests, from any event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._opened: dict[asyncio.AbstractEventLoop, tuple[Idle, AsyncGenerator[Idle, None]]] = {}

    async def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it once, and wait for the answer; see DirectConnection.send."""
        return await drive_async(one_try(self._means, await self._idle(), request, left), self._answer)

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
            return await in_thread(self._means.wallet.fetch, question.now)
        return await in_thread(self._means.wallet.has_others, question.refused, question.now)

    async def _open(self, asked: Connect) -> Line:
        place, limit = self._means.place, asked.limit
        tls: dict[str, Any] = {}
        if asked.context is not None:
            tls = {"ssl": asked.context, "server_hostname": place.host, "ssl_handshake_timeout": limit.for_read()}
        try:
            connected = await _reach(place, limit.for_connect())
            try:
                reader, writer = await asyncio.open_connection(sock=connected, limit=BUFFER, **tls)
            except BaseException:
                connected.close()
                raise
        except asyncio.TimeoutError:
            raise TimeoutError from None  # the two are one from Python 3.11 on
        except UnicodeError as error:
            raise OSError(str(error)) from error
        return Line(reader, writer, asked.signs)

    async def _idle(self) -> Idle:
        """The idle connections of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            for ended in [loop for loop in list(self._opened) if loop.is_closed()]:
                self._opened.pop(ended, None)
            generator = self._until_the_loop_ends(loop)
            self._opened[loop] = await generator.__anext__(), generator
        return self._opened[loop][0]

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


class Line:
    """One connection."""

    __slots__ = ("_is_late", "_reader", "_socket", "_writer", "is_silent", "poll", "signs", "since")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, signs: int) -> None:
        self._reader = reader
        self._writer = writer
        self._socket = writer.get_extra_info("socket")
        self._is_late = False
        self.signs = signs
        self.poll = None
        self.since = 0.0
        self.is_silent = True  # nothing came yet in answer to the last request

    async def exchange(self, data: bytes, seconds: float) -> Answer:
        """Write a request and read its answer, all of it in so many seconds.

        Raises:
            OSError, BadAnswer: there is none.
        """
        reader, answer = Reader(), None
        self.is_silent = True
        timer = asyncio.get_running_loop().call_later(seconds, self._give_up)
        try:
            self._writer.transport.resume_reading()  # type: ignore[attr-defined] # a stream's transport reads
            self._writer.write(data)
            while answer is None:
                answer = reader.feed(await self._reader.read(reader.wanted))
                self.is_silent = False
            self._writer.transport.pause_reading()  # type: ignore[attr-defined] # unasked bytes stay where they show
        except (OSError, BadAnswer) as error:
            if self._is_late:
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
        return answer

    def fileno(self) -> int:
        """Its socket's number; -1: it is closed, or about to be."""
        return -1 if self._writer.is_closing() or self._reader.at_eof() else self._socket.fileno()

    def close(self) -> None:
        """End it, at once: what is waited for on it fails."""
        self._writer.transport.abort()

    def _give_up(self) -> None:
        self._is_late = True
        self.close()


async def _reach(place: Place, seconds: float) -> socket.socket:
    """Find the host and connect, in so many seconds; each of its addresses gets its part of them.

    asyncio's own open_connection leaves a socket behind where it is cancelled, and waits for an address that says
    nothing as long as the system does.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    looking_up = loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = await asyncio.wait_for(looking_up, seconds)
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
