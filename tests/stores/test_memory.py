from __future__ import annotations

import pytest

from twicesafe.stores.base import open_store
from twicesafe.stores.memory import MemoryStore
from twicesafe.testing.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


def test_its_url_opens_a_store_of_its_own() -> None:
    store = open_store("memory://")
    assert isinstance(store, MemoryStore)
    assert store is not open_store("memory://")


def test_its_clock_is_the_hosts() -> None:
    assert MemoryStore().clock_offset() == 0


def test_its_records_outlive_its_closing() -> None:
    store = MemoryStore()
    store.close()
    store.close()
