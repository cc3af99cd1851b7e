"""The shape of a store, and how one is opened by its URL.

To add a store: (1) write its dialect, a generator that turns a command into requests and their
responses into a reply; (2) write its connection, `send` and `send_async`; (3) add a line to OPENERS
below; (4) add a line to the stores of tests/stores/conftest.py, and the contract is run against it.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from ..errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeVar

    from ..protocol.commands import StoreCommand, StoreReply
    from ..protocol.records import Millis

    T = TypeVar("T")
else:
    Protocol = object

deadline: ContextVar[Millis | None] = ContextVar("twicesafe_deadline", default=None)
"""When the platform ends the delivery that a command belongs to, by this host's clock; None: nothing bounds it."""


class Within:
    """Gives a context variable a value within a block. Each delivery has several, and contextlib's cost it more."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: object) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        try:
            self._variable.reset(self._token)
        except ValueError:  # a coroutine that is thrown away ends in another context
            return


def bounded_by(ends: Millis | None) -> Within:
    """Let stores wait for answers no longer than that, in this context."""
    return Within(deadline, ends)


class Store(Protocol):
    """Something that applies commands, each atomically; shared by threads, tasks and functions.

    Both forms raise StoreUnavailable when there was no answer, ConfigurationError when asking again
    cannot help (no such table, no permission, a read-only file), and CorruptRecord for a record that
    cannot be read.
    """

    name: str
    """What messages and logs call it; no secrets in it."""
    reply_limit: int | None
    """The longest reply that it takes, and all steps of one record together, in bytes of UTF-8; None: any."""
    transacts: bool
    """Whether it takes Transact: a change of its own and writes of the user's, all or none."""

    def apply(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command."""

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command, from an event loop."""

    def clock_offset(self) -> Millis:
        """What to add to this host's clock to have the store's: 0 where the two are one, or differ little.

        Where it can change, a claim takes nothing over that carries an offset which was shown to be wrong since.
        """

    def close(self) -> None:
        """Let go of files and connections."""


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a blocking function in a thread of our own, and stay until it has ended, cancelled or not.

    A cancelled await leaves its thread running: what it was sending may still be applied, so nothing may
    follow it before its end is known.
    """
    import asyncio

    from .workers import start

    work = start(function, *arguments)
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    value: T = work.result().get()
    return value


def open_store(url: str) -> Store:
    """Open the store that a URL names: `sqlite:///path`, `dynamodb://table`, `memory://`.

    Raises:
        ConfigurationError: there is no such store, its client is not installed, or it can't be used here.
    """
    scheme = url.partition("://")[0]
    opener = OPENERS.get(scheme)
    if opener is None:
        known = ", ".join(f"{name}://" for name in OPENERS)
        raise ConfigurationError(f"There is no store for {scheme!r}:// URLs. Those that there are: {known}.")
    return opener(url)


def on_lambda() -> bool:
    """Whether this process is run by AWS Lambda (its own reserved variables say so)."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "AWS_LAMBDA_RUNTIME_API" in os.environ


def _memory(url: str) -> Store:
    if on_lambda():
        raise ConfigurationError(
            f"The store {url} can't be used on AWS Lambda: another instance of the function would run what this one "
            "remembers. Use a shared one, for example dynamodb://my-table."
        )
    from .memory import MemoryStore

    return MemoryStore()


def _sqlite(url: str) -> Store:
    from .sqlite import open_url

    return open_url(url)


def _dynamodb(url: str) -> Store:
    from .dynamodb import open_url

    return open_url(url)


OPENERS: dict[str, Callable[[str], Store]] = {"memory": _memory, "sqlite": _sqlite, "dynamodb": _dynamodb}
