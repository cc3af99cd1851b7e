"""The async connection: a client of aiobotocore for each event loop, for as long as the loop lives."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from io import BytesIO

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp.abc import AbstractResolver

from .bounded import seconds, within_async
from .client import FAILURES, METHODS, date_of, explain, late, place, read_answer, read_failure, settings
from .clock import wall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import Any

    from ...protocol.records import Millis
    from .clock import Watch
    from .layout import Layout, Options
    from .requests import Request, Response

LARGE = 512 * 1024


class AiobotocoreConnection:
    """Sends requests, from any event loop.

    Args:
        client: of the user's own: taken as it is, on the loop that it belongs to, and left open.
    """

    def __init__(self, layout: Layout, options: Options, watch: Watch, client: Any = None) -> None:
        self._layout = layout
        self._options = options
        self._watch = watch
        self._given = client
        self._session = get_session()  # one for all loops: it keeps the API's description, which is slow to read
        self._opened: dict[asyncio.AbstractEventLoop, _Opened] = {}

    async def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it, and wait for the answer; see BotocoreConnection.send."""
        try:
            return read_answer(await asyncio.wait_for(self._ask(request), seconds(left)))
        except asyncio.TimeoutError as error:
            return late(error)
        except FAILURES as error:
            return read_failure(error, request, self._layout)

    async def _ask(self, request: Request) -> Any:
        client = self._given or await self._client()
        sent = wall()
        try:
            answer = await getattr(client, METHODS[request.operation])(**request.parameters)
        except FAILURES as error:
            self._watch.see(sent, wall(), date_of(error))
            raise
        self._watch.see(sent, wall(), date_of(answer))
        return answer

    def close(self) -> None:
        """Close what belongs to loops that are not running; a running one closes its client when it ends."""
        for loop, opened in list(self._opened.items()):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(opened.close())

    async def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is None:
            self._forget_closed_loops()
            opened = self._opened[loop] = _Opened(partial(self._clients, loop))
        return await opened.client()

    async def _clients(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Any, None]:
        """Yield a client, and close it when the loop ends: a loop closes the generators that it began.

        asyncio.run and asyncio.Runner do so; one who runs a loop by hand calls its shutdown_asyncgens().
        """
        try:
            config = AioConfig(**settings(self._options), connector_args={"resolver": Resolver()})
            made = self._session.create_client("dynamodb", **place(self._options, self._session), config=config)
            async with made as client:
                client.meta.events.register("before-send.dynamodb", _stream_large_body)
                try:
                    yield client
                finally:
                    self._opened.pop(loop, None)
        except FAILURES as error:
            raise explain(error, self._layout.store) from error

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._opened if loop.is_closed()]:
            self._opened.pop(loop, None)


class Resolver(AbstractResolver):
    """Looks names up in threads that asyncio.run does not wait for, as it waits for those of aiohttp's own."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        """Return the host's addresses, as aiohttp has them."""
        kind, flags = socket.SOCK_STREAM, socket.AI_ADDRCONFIG
        found = await within_async(None, socket.getaddrinfo, host, port, family, kind, 0, flags)
        return [
            {"hostname": host, "host": address[0], "port": address[1], "family": kin, "proto": protocol, "flags": flags}
            for kin, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def _stream_large_body(request: Any, **_: object) -> None:
    """aiohttp warns of a body of bytes over 1 MB, as a full record's is once its letters are escaped."""
    if isinstance(request.body, bytes) and len(request.body) > LARGE:
        request.body = BytesIO(request.body)


class _Opened:
    """One loop's client."""

    def __init__(self, clients: Callable[[], AsyncGenerator[Any, None]]) -> None:
        self._clients = clients
        self._lock = asyncio.Lock()
        self._client: Any = None
        self._begun: AsyncGenerator[Any, None] | None = None

    async def client(self) -> Any:
        """The client, made by the first task that asks."""
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    self._begun = self._clients()
                    self._client = await self._begun.__anext__()
        return self._client

    async def close(self) -> None:
        """Close it."""
        if self._begun is not None:
            await self._begun.aclose()
