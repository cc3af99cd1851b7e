"""The store: the dialect, driven over a connection."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...protocol.drivers import drive, drive_async
from ..base import in_thread
from .clock import Watch
from .dialect import talk
from .layout import Layout, Names
from .patience import patiently
from .requests import Pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...protocol.commands import StoreCommand, StoreReply
    from ...protocol.records import Millis
    from .aiobotocore import AiobotocoreConnection
    from .requests import PatientTalk, Request

logger = logging.getLogger("twicesafe")

ITEM_LIMIT = 400 * 1024
"""Bytes of one item, names included (DynamoDB Developer Guide, "Constraints in Amazon DynamoDB")."""
BESIDE_THE_REPLY = 8 * 1024
"""More than all else in a final record: keys of 2,048 and 1,024 bytes, 14 names of 255 at most, numbers, hashes."""


class DynamoDBStore:
    """Records in a DynamoDB table, which all instances of a function share.

    Args:
        table: its name or ARN; 'twicesafe table' makes one.
        client: a DynamoDB client of boto3 of your own, taken as it is, with its timeouts and retries.
        async_client: one of aiobotocore, for the event loop that it belongs to.
        session: one of boto3 or botocore of your own, to make the client with.
        region: by default that of the usual AWS environment; as the endpoint.
        sort_key: the sort key's name, where the table has one. It is the same in all records.
        sort_value: what it is.
        attributes: other names for attributes: {"id": "pk"}.
        connect_timeout, read_timeout: in seconds, of one try.
        tries: how often a request without an answer is sent in all; a client of your own does that itself.

    Raises:
        ConfigurationError: boto3 is not installed, there is no region, or an argument is wrong.
    """

    reply_limit: int | None = ITEM_LIMIT - BESIDE_THE_REPLY
    transacts = True

    def __init__(
        self,
        table: str,
        *,
        client: Any = None,
        async_client: Any = None,
        session: Any = None,
        region: str | None = None,
        endpoint: str | None = None,
        sort_key: str | None = None,
        sort_value: str = "twicesafe",
        attributes: Mapping[str, str] | None = None,
        connect_timeout: float = 1.0,
        read_timeout: float = 2.0,
        tries: int = 3,
    ) -> None:
        self.layout = Layout(table, _names(attributes or {}, sort_key), sort_key, sort_value)
        self.name = self.layout.store
        self._watch = Watch(self._announce)
        try:
            from .botocore import BotocoreConnection
            from .client import Options
        except ImportError as error:
            raise ConfigurationError(
                f"The store {self.name} needs boto3 ({error}). Install it: pip install 'twicesafe[dynamodb]'."
            ) from error
        self._tries = tries if client is None and async_client is None else 1
        self._options = Options(region, endpoint, connect_timeout, read_timeout)
        self._connection = BotocoreConnection(self.layout, self._options, self._watch, client, session)
        if async_client is None:
            _ = self._connection.client  # made now: on Lambda INIT pays for it, and a wrong set-up shows at once
        self._async_client = async_client
        self._in_threads = async_client is None and (client is not None or session is not None)
        self._async_connection: AiobotocoreConnection | None = None

    def apply(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command."""
        return drive(self._talk(command), self._answer)

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command through aiobotocore; without it, or with a client of your own, in a worker thread."""
        connection = self._for_loops()
        if connection is None:
            reply: StoreReply = await in_thread(self.apply, command)
            return reply

        async def answer(question: Request | Pause) -> object:
            if isinstance(question, Pause):
                import asyncio

                await asyncio.sleep(_part_of(question))
                return None
            return await connection.send(question)

        return await drive_async(self._talk(command), answer)

    def clock_offset(self) -> Millis:
        """What to add to this host's clock to have DynamoDB's: 0 unless they are more than a second apart."""
        return self._watch.offset

    def create_table(self) -> None:
        """Make the table, with its TTL, or make sure that it is as it must be; needs the rights for that."""
        from .table import create_table

        create_table(self._connection.client, self.layout)

    def close(self) -> None:
        """Let go of connections; another command makes new ones."""
        self._connection.close()
        if self._async_connection is not None:
            self._async_connection.close()

    def _talk(self, command: StoreCommand) -> PatientTalk[StoreReply]:
        return patiently(talk(command, self.layout), self.name, self._tries)

    def _answer(self, question: Request | Pause) -> object:
        if isinstance(question, Pause):
            time.sleep(_part_of(question))
            return None
        return self._connection.send(question)

    def _for_loops(self) -> AiobotocoreConnection | None:
        if self._async_connection is None and not self._in_threads:
            try:
                from .aiobotocore import AiobotocoreConnection
            except ImportError:
                self._in_threads = True
            else:
                connection = AiobotocoreConnection(self.layout, self._options, self._watch, self._async_client)
                self._async_connection = connection
        return self._async_connection

    def _announce(self, offset: Millis) -> None:
        logger.warning(
            "This host's clock is %d ms %s DynamoDB's; times are corrected by that. Set it right, by NTP for example.",
            abs(offset),
            "behind" if offset > 0 else "ahead of",
        )


def _part_of(pause: Pause) -> float:
    """Seconds: any part of it, so that those who met do not meet again."""
    return random.uniform(0, pause.longest / 1000)  # noqa: S311 - nothing secret


def _names(attributes: Mapping[str, str], sort_key: str | None) -> Names:
    unknown = set(attributes) - set(Names._fields)
    names = Names(**{field: name for field, name in attributes.items() if field not in unknown})
    used = [*names, *([] if sort_key is None else [sort_key])]
    if unknown or "" in used or len(set(used)) < len(used) or any(len(name.encode()) > 255 for name in used):
        raise ConfigurationError(
            f"The attributes of a table are named by {', '.join(Names._fields)}, each in up to 255 bytes and none "
            f"like another or the sort key, not by {dict(attributes)!r}."
        )
    return names
