"""What comes from the environment: the store, and whether protection is switched off."""

from __future__ import annotations

import os
import threading

from .errors import ConfigurationError
from .stores.base import on_lambda, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .stores.base import Store

STORE = "TWICESAFE_STORE"
DISABLED = "TWICESAFE_DISABLED"
LOCAL_STORE = os.path.join(".twicesafe", "records.db")
_opened: dict[str, Store] = {}
_lock = threading.Lock()


def store_opener(store: Store | str | None, beside: str | None) -> Callable[[], Store]:
    """What gives the store of a protected function: its own, else the environment's, else a local SQLite file.

    On Lambda it is opened now, so that INIT pays for it and a wrong setting shows at deploy time. Elsewhere the
    environment is read at each call: a test sets it when what it tests was imported long before.

    Args:
        beside: the file of the function's code; the local store is made in its folder.

    Raises:
        ConfigurationError: it is no store; on Lambda also when none is named, or it cannot be opened.
    """
    if store is not None and not isinstance(store, str):
        if not (hasattr(store, "apply") and hasattr(store, "apply_async")):
            raise ConfigurationError(f"store= takes a store or the URL of one, not {store!r}.")
        return lambda: store
    if on_lambda():
        opened = shared_store(store or os.environ.get(STORE) or _local_url(beside))
        return lambda: opened
    if store:
        return lambda: shared_store(store)
    local = _local_url(beside)
    return lambda: shared_store(os.environ.get(STORE) or local)


def shared_store(url: str) -> Store:
    """The store of this URL, opened once a process."""
    with _lock:
        if url not in _opened:
            _opened[url] = open_store(url)
        return _opened[url]


def _local_url(beside: str | None) -> str:
    if on_lambda():
        raise ConfigurationError(
            f"On Lambda twicesafe needs a store that all of a function's instances share. Set {STORE}, for example "
            "to dynamodb://my-table, or give @idempotent(store=...). 'twicesafe table' prints the table to deploy."
        )
    folder = os.path.dirname(os.path.abspath(beside)) if beside else os.getcwd()
    return "sqlite:///" + os.path.join(folder, LOCAL_STORE)


def is_disabled() -> bool:
    """Tell if protection is switched off for a local run.

    Raises:
        ConfigurationError: it is switched off on Lambda.
    """
    if os.environ.get(DISABLED, "").lower() not in ("1", "true", "yes", "on"):
        return False
    if on_lambda():
        raise ConfigurationError(f"{DISABLED} is for local runs, and this is Lambda. Take it out of its environment.")
    return True
