"""The async side: the same on asyncio's streams, with connections of its own for each event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ...base import in_thread
from ..clock import wall
from .credentials import Unreachable
from .exchange import OldCredentials
from .http1 import BadAnswer, Reader
from .idle import GONE, UNASKED, Idle

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from ....protocol.records import Millis
    from ..requests import Request, Response
    from .exchange import Letter
    from .http1 import Answer
    from .means import Limit, Means

BUFFER = 1024 * 1024
"""Bytes that a stream holds before it stops reading: more than an item."""


class LoopsConnection:
    """Sends requests, from any event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._opened: dict[asyncio.AbstractEventLoop, tuple[Idle[Line], AsyncGenerator[Idle[Line], None]]] = {}

    async def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it once, and wait for the answer; see DirectConnection.send."""
        _, _, wallet, desk, _ = self._means
        try:
            found = wallet.at_hand(wall())
            credentials = await in_thread(wallet.fetch, wall()) if found is None else found
        except Unreachable as error:
            return desk.lost(error)
        letter = desk.write(request, credentials)
        response = await self._exchange(letter, self._means.until(left))
        if isinstance(response, OldCredentials):
            has_others = await in_thread(wallet.has_others, credentials, wall())
            return desk.read_credentials(letter, response, has_others=has_others)
        return response

    def close(self) -> None:
        """Close what is idle, where its loop is not running; a running loop closes its own when it ends."""
        for loop, (_, generator) in list(self._opened.items()):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(generator.aclose())

    async def _exchange(self, letter: Letter, limit: Limit) -> Response | OldCredentials:
        desk, idle = self._means.desk, await self._idle()
        line = idle.take()
        is_kept = line is not None
        if line is None:
            try:
                line = await self._connect(limit)
            except OSError as error:
                return desk.unreachable(error)
        try:
            answer = await line.exchange(letter.data, limit.for_read())
        except (OSError, BadAnswer) as error:
            line.close()
            is_stale = is_kept and line.is_silent and not isinstance(error, TimeoutError)
            if is_stale:
                idle.drop()
            return desk.lost(error, is_stale=is_stale)
        except BaseException:
            line.close()  # else the next one who asks reads this answer
            raise
        if answer.keeps:
            idle.put(line)
        else:
            line.close()
        return desk.read(letter, answer)

    async def _connect(self, limit: Limit) -> Line:
        trust = self._means.trust
        if trust is None:
            return await self._open(None, limit)
        context = trust.context
        try:
            return await self._open(context, limit)
        except OSError as error:
            if not trust.widens(context, error):
                raise
        return await self._open(trust.context, limit)

    async def _open(self, context: ssl.SSLContext | None, limit: Limit) -> Line:
        place, seconds = self._means.place, limit.for_connect()
        tls: dict[str, Any] = {}
        if context is not None:
            tls = {"ssl": context, "server_hostname": place.host, "ssl_handshake_timeout": limit.for_read()}
            seconds += limit.for_read()
        try:
            opening = asyncio.open_connection(place.host, place.port, limit=BUFFER, **tls)
            reader, writer = await asyncio.wait_for(opening, seconds)
        except asyncio.TimeoutError:
            raise TimeoutError from None  # the two are one from Python 3.11 on
        except UnicodeError as error:
            raise OSError(str(error)) from error
        return Line(reader, writer, GONE if tls else GONE | UNASKED)

    async def _idle(self) -> Idle[Line]:
        """The idle connections of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            for ended in [loop for loop in self._opened if loop.is_closed()]:
                self._opened.pop(ended, None)
            generator = self._until_the_loop_ends(loop)
            self._opened[loop] = await generator.__anext__(), generator
        return self._opened[loop][0]

    async def _until_the_loop_ends(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Idle[Line], None]:
        """Yield a place for connections, and close them when the loop ends: a loop closes the generators that it began.

        asyncio.run and asyncio.Runner do so; one who runs a loop by hand calls its shutdown_asyncgens().
        """
        idle: Idle[Line] = Idle()
        try:
            yield idle
        finally:
            self._opened.pop(loop, None)
            idle.drop()
            await asyncio.sleep(0)  # so that they are closed


class Line:
    """One connection."""

    __slots__ = ("_is_late", "_reader", "_socket", "_writer", "is_silent", "signs", "since")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, signs: int) -> None:
        self._reader = reader
        self._writer = writer
        self._socket = writer.get_extra_info("socket")
        self._is_late = False
        self.signs = signs
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
            self._writer.write(data)
            while answer is None:
                answer = reader.feed(await self._reader.read(reader.wanted))
                self.is_silent = False
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
