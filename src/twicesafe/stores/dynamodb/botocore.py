"""The sync connection: a client of botocore, or the user's own."""

from __future__ import annotations

import os
from functools import partial

import botocore.session
from botocore.config import Config

from ...errors import ConfigurationError
from .bounded import seconds, within
from .client import FAILURES, METHODS, date_of, explain, late, place, read_answer, read_failure, settings
from .clock import wall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...protocol.records import Millis
    from .aiobotocore import AiobotocoreConnection
    from .clock import Watch
    from .layout import Layout, Options
    from .requests import Request, Response


class BotocoreConnection:
    """Sends requests, from any thread.

    Args:
        client: of the user's own: taken as it is, with its timeouts and retries, and left open.
        session: of the user's own, boto3's or botocore's: the client is made with it.
    """

    def __init__(self, layout: Layout, options: Options, watch: Watch, client: Any = None, session: Any = None) -> None:
        self._layout = layout
        self._options = options
        self._watch = watch
        self._given = _checked(client)
        self._session = session
        self._own: Any = None
        self._pid = 0

    @property
    def client(self) -> Any:
        """The client. A forked child makes its own: two processes on one TLS connection spoil it for both."""
        if self._given is not None:
            return self._given
        if self._pid != os.getpid():
            self._own, self._pid = self._new_client(), os.getpid()
        return self._own

    def send(self, request: Request, left: Millis | None = None) -> Response:
        """Send it, and wait for the answer.

        Args:
            left: the platform's time, where it is less than the client's own limits; None: nothing bounds it.

        Raises:
            ConfigurationError, StoreUnavailable: it was not answered, or asking again cannot help.
        """
        call, sent = partial(getattr(self.client, METHODS[request.operation]), **request.parameters), wall()
        try:
            answer = within(seconds(left), call)
        except TimeoutError as error:
            return late(error)
        except FAILURES as error:
            self._watch.see(sent, wall(), date_of(error))
            return read_failure(error, request, self._layout)
        self._watch.see(sent, wall(), date_of(answer))
        return read_answer(answer)

    def for_loops(self, client: Any) -> AiobotocoreConnection:
        """The same for event loops.

        Args:
            client: of aiobotocore, of the user's own.

        Raises:
            ImportError: there is no aiobotocore.
        """
        from .aiobotocore import AiobotocoreConnection

        return AiobotocoreConnection(self._layout, self._options, self._watch, client)

    def close(self) -> None:
        """Close its connections; another request makes new ones."""
        if self._own is not None and self._pid == os.getpid():
            self._own.close()

    def _new_client(self) -> Any:
        session = self._session or botocore.session.Session()
        session = getattr(session, "_session", session)  # boto3's is a shell around botocore's
        try:
            config = Config(**settings(self._options))
            return session.create_client("dynamodb", **place(self._options, session), config=config)
        except FAILURES as error:
            raise explain(error, self._layout.store) from error


def _checked(client: Any) -> Any:
    if client is not None and not (hasattr(client, "update_item") and hasattr(client.meta, "service_model")):
        raise ConfigurationError(
            f"client= takes a DynamoDB client of boto3, not {type(client).__name__}. "
            "That of a resource or table is its .meta.client."
        )
    return client
