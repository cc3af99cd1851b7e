"""The store: the dialect, driven over a connection."""

from __future__ import annotations

import logging
import os
import time
from functools import partial

from ...errors import ConfigurationError
from ...protocol.drivers import drive, drive_async
from ..base import in_thread
from ..limits import Limits
from .clock import Watch, wall
from .dialect import talk
from .layout import Layout, Names, Options
from .patience import patiently
from .requests import Pause, Unanswered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from ...protocol.commands import StoreCommand, StoreReply
    from ...protocol.records import Millis
    from ..limits import TimeLeft
    from .aiobotocore import AiobotocoreConnection
    from .botocore import BotocoreConnection
    from .direct.loops import LoopsConnection
    from .direct.sync import DirectConnection
    from .requests import PatientTalk, Request, Response

logger = logging.getLogger("twicesafe")

ITEM_LIMIT = 400 * 1024
"""Bytes of one item, names included (DynamoDB Developer Guide, "Constraints in Amazon DynamoDB")."""
PROOF_LASTS = 60.0
"""Seconds after an UpdateItem that passed, a completion mostly, in which a claim need not be one too. A role that lost
the right, or a table that was made again, is met by the first claim after a minute without deliveries, before any
effect; within the minute by one completion."""
PATIENT = 30.0
"""Seconds that an answer may take to a person, who makes a table."""
BESIDE_THE_REPLY = 8 * 1024
"""More than all else in a final record: keys of 2,048 and 1,024 bytes, 14 names of 255 at most, numbers, hashes."""


class DynamoDBStore:
    """Records in a DynamoDB table, which all instances of a function share.

    Args:
        table: its name or ARN; 'twicesafe table' makes one.
        connection: "direct" needs no AWS SDK, and costs a cold start and each call a fraction of one; "botocore"
            is what botocore's instrumentation, stubs and mocks see. By default direct, and botocore with a client
            or session of your own.
        client: a DynamoDB client of boto3 of your own, taken as it is, with its timeouts and retries.
        async_client: one of aiobotocore, for the event loop that it belongs to.
        session: one of boto3 or botocore of your own, to make the client with.
        region: by default that of the usual AWS environment; as the endpoint.
        sort_key: the sort key's name, where the table has one. It is the same in all records.
        sort_value: what it is.
        attributes: other names for attributes: {"id": "pk"}.
        connect_timeout, read_timeout: in seconds, of one try; less where the platform leaves less.
        tries: how often a request without an answer is sent in all; a client of your own does that itself.
        ca_bundle: a file of the certificates to believe, and no others. By default AWS_CA_BUNDLE, else the system's.

    Raises:
        ConfigurationError: boto3 is needed and not installed, there is no region, or an argument is wrong.
    """

    reply_limit: int | None = ITEM_LIMIT - BESIDE_THE_REPLY
    transacts = True

    def __init__(
        self,
        table: str,
        *,
        connection: Literal["direct", "botocore"] | None = None,
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
        ca_bundle: str | None = None,
    ) -> None:
        self.layout = Layout(table, _names(attributes or {}, sort_key), sort_key, sort_value)
        self.name = self.layout.store
        self._watch = Watch(self._announce)
        self._limits = Limits(self.name)
        self._proven_at = 0.0  # when an UpdateItem passed last, by the wall clock
        self._tries = tries if client is None and async_client is None else 1
        self._options = Options(region, endpoint, connect_timeout, read_timeout, ca_bundle)
        self._client, self._session = client, session
        is_theirs = client is not None or async_client is not None or session is not None
        self._connection: DirectConnection | BotocoreConnection
        if self._is_direct(connection, is_theirs=is_theirs):
            from .direct.sync import DirectConnection

            self._connection = DirectConnection(self.layout, self._options, self._watch)
        else:
            self._connection = opened = self._botocore(self._options)
            if async_client is None:
                _ = opened.client  # made now: on Lambda INIT pays, and a wrong set-up shows at once
        self._async_client = async_client
        self.is_of_a_loop = async_client is not None and client is None and session is None  # other threads have none
        self._in_threads = async_client is None and is_theirs
        self._async_connection: LoopsConnection | AiobotocoreConnection | None = None

    def apply(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command."""
        left = self._limits.begin(command, wall())
        return drive(self._talk(command, left), partial(self._answer, left))

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command; in a worker thread where botocore is asked and there is no aiobotocore."""
        connection = self._for_loops()
        if connection is None:
            reply: StoreReply = await in_thread(self.apply, command)
            return reply
        left = self._limits.begin(command, wall())

        async def answer(question: Request | Pause) -> object:
            if isinstance(question, Pause):
                import asyncio

                await asyncio.sleep(_part_of(question))
                return None
            response = await connection.send(question, left())
            self._see(question, response)
            return response

        return await drive_async(self._talk(command, left), answer)

    def clock_offset(self) -> Millis:
        """What to add to this host's clock to have DynamoDB's: 0 unless they are more than a second apart."""
        return self._watch.offset

    def create_table(self) -> None:
        """Make the table, with its TTL, or make sure that it is as it must be; needs the rights for that."""
        connection = self._botocore(self._options._replace(connect_timeout=PATIENT, read_timeout=PATIENT))
        from .table import create_table

        create_table(connection.client, self.layout)

    def close(self) -> None:
        """Let go of connections; another command makes new ones."""
        self._connection.close()
        if self._async_connection is not None:
            self._async_connection.close()

    def _talk(self, command: StoreCommand, left: TimeLeft) -> PatientTalk[StoreReply]:
        conversation = talk(command, self.layout, self._watch, proves=not self._is_proven())
        return patiently(conversation, self.name, self._tries, left)

    def _answer(self, left: TimeLeft, question: Request | Pause) -> object:
        if isinstance(question, Pause):
            time.sleep(_part_of(question))
            return None
        response = self._connection.send(question, left())
        self._see(question, response)
        return response

    def _see(self, request: Request, response: Response) -> None:
        is_silent = isinstance(response, Unanswered)
        self._limits.hear(is_silent=is_silent)
        if request.operation == "UpdateItem":
            self._proven_at = 0.0 if is_silent else time.time()

    def _is_proven(self) -> bool:
        return 0 <= time.time() - self._proven_at < PROOF_LASTS

    def _for_loops(self) -> LoopsConnection | AiobotocoreConnection | None:
        if self._async_connection is None and not self._in_threads:
            try:
                self._async_connection = self._connection.for_loops(self._async_client)
            except ImportError:
                self._in_threads = True
        return self._async_connection

    def _is_direct(self, connection: str | None, *, is_theirs: bool) -> bool:
        if connection not in (None, "direct", "botocore"):
            raise ConfigurationError(f'connection= takes "direct" or "botocore", not {connection!r}.')
        if connection == "direct" and is_theirs:
            raise ConfigurationError("A client or session of your own is botocore's: leave connection='direct' out.")
        if connection == "botocore" or is_theirs:
            return False
        from .direct.detours import reason

        why = reason(self._options, self.layout.table)
        if why is not None:
            logger.info("The store %s goes to DynamoDB through botocore: %s.", self.name, why)
        return why is None

    def _botocore(self, options: Options) -> BotocoreConnection:
        try:
            from .botocore import BotocoreConnection
        except ImportError as error:
            raise ConfigurationError(
                f"The store {self.name} needs boto3 ({error}). Install it: pip install 'twicesafe[dynamodb]'."
            ) from error
        return BotocoreConnection(self.layout, options, self._watch, self._client, self._session)

    def _announce(self, offset: Millis) -> None:
        logger.warning(
            "This host's clock is %d ms %s DynamoDB's; times are corrected by that. Set it right, by NTP for example.",
            abs(offset),
            "behind" if offset > 0 else "ahead of",
        )


def _part_of(pause: Pause) -> float:
    """Seconds: any part of it, so that those who met do not meet again. A module for chance would cost a cold start."""
    return pause.longest / 1000 * int.from_bytes(os.urandom(2), "big") / 0xFFFF


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
