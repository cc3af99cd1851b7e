from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twicesafe.stores.sqlite import SqliteStore
from twicesafe.testing.contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        store = SqliteStore(tmp_path / "records.db")
        yield store
        store.close()
