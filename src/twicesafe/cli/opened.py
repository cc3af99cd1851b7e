"""The store that a command looks into."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import click

from ..configuration import LOCAL_STORE, STORE
from ..errors import ConfigurationError
from ..execution.current import instant
from ..protocol.commands import Now
from ..protocol.drivers import drive
from ..stores.base import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.commands import Command, Flow
    from ..protocol.records import Millis
    from ..stores.base import Store

    T = TypeVar("T")


def with_store(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command an open store, and the option to name it."""

    @click.option("--store", "url", envvar=STORE, metavar="URL", help=f"[default: {STORE}, else {LOCAL_STORE} here]")
    @wraps(command)
    def opened(url: str | None, **arguments: Any) -> None:
        store = _open(url or f"sqlite:///{LOCAL_STORE}")
        try:
            command(store, **arguments)
        finally:
            store.close()

    return opened


def carry_out(flow: Flow[T], store: Store) -> T:
    """Run a flow that asks for the time and the store only."""

    def answer(command: Command) -> object:
        return instant(store) if isinstance(command, Now) else store.apply(command)  # type: ignore[arg-type]

    return drive(flow, answer)


def now(store: Store) -> Millis:
    """The time, as the store has it."""
    return instant(store).wall


def _open(url: str) -> Store:
    """Open a store that is there: looking must not make one.

    Raises:
        ConfigurationError: it is not there.
    """
    scheme, _, location = url.partition("://")
    if scheme == "memory":
        raise ConfigurationError("Records in memory:// can't be seen from another process.")
    file = unquote(location.partition("?")[0].partition("/")[2])
    if scheme == "sqlite" and file and not os.path.exists(file):
        raise ConfigurationError(
            f"There is no store at {url}: no such file. Name another with --store; "
            f"without a store of its own a function keeps its records in {LOCAL_STORE} beside its code."
        )
    return open_store(url)
