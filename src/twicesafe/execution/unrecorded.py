"""Commands that a store did not take: they are asked again before this process runs anything more.

Where a store takes claims and no completions (a right was taken away, a disk is full), each delivery would run, and
none be recorded. So the first that could not be recorded is the last that runs, until the store takes what it
did not take. To ask again is safe at any time: a command is its owner's, as a copy of it that arrives late is.
"""

from __future__ import annotations

import os
from itertools import count

from ..errors import ConfigurationError, CorruptRecord, StoreUnavailable
from ..protocol.commands import ask
from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..protocol.commands import Flow
    from ..stores.base import Store

MOST = 16
"""How many commands are kept. More than one is left only by deliveries that ran at once."""


class Unrecorded(NamedTuple):
    """A command that a store did not take."""

    store: Store
    command: Any
    pid: int  # of the process whose it is: a forked child records nothing of its parent's


unrecorded: dict[int, Unrecorded] = {}
"""By a number of their order; threads only ever add and remove one."""
_numbers = count()


def keep(store: Store, command: Any) -> None:
    """Have a command asked again before this store is asked for anything else."""
    unrecorded[next(_numbers)] = Unrecorded(store, command, os.getpid())
    for oldest in list(unrecorded)[:-MOST]:
        unrecorded.pop(oldest, None)


def after_recording(store: Store, key: str, flow: Flow[Any]) -> Flow[Any]:
    """Ask again for all that the store did not take, and go on with the flow then.

    Args:
        key: of the delivery that comes next; its error names it.

    Raises:
        ConfigurationError, StoreUnavailable: the store still does not take it; nothing has run.
    """
    for number, entry in list(unrecorded.items()):
        if entry.store is store and entry.pid == os.getpid():
            yield from _record(entry, key)
            unrecorded.pop(number, None)
    return (yield from flow)


def _record(entry: Unrecorded, key: str) -> Flow[None]:
    try:
        yield from ask(entry.command)
    except CorruptRecord:
        return  # somebody spoiled it, which is no other delivery's matter
    except StoreUnavailable as error:
        raise StoreUnavailable(error.store, f"{error.reason}. {_why(entry)}", key) from error
    except ConfigurationError as error:
        if not error.is_lasting:
            return
        raise ConfigurationError(f"{error} {_why(entry)}.") from error


def _why(entry: Unrecorded) -> str:
    return (
        f"An earlier delivery in this process, {entry.command.key!r}, could not be recorded for such a reason, and "
        "nothing more is run until it is"
    )
