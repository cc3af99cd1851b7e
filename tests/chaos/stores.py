"""A store of each kind, by its URL, patient enough for a frozen process that has it locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twicesafe.stores.dynamodb import DynamoDBStore

if TYPE_CHECKING:
    from pathlib import Path


def sqlite_url(folder: Path) -> str:
    """A file of its own."""
    return f"sqlite:///{folder}/records.db?patience=60000"


def dynamodb_url(endpoint: str, table: str) -> str:
    """A table of its own."""
    store = DynamoDBStore(table, endpoint=endpoint, read_timeout=60)
    store.create_table()
    store.close()
    return f"dynamodb://{table}?endpoint={endpoint}&connect_timeout=60&read_timeout=60"
