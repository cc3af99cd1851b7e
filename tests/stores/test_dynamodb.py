"""The store against a real DynamoDB Local."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twicesafe.testing.contract import StoreContract

if TYPE_CHECKING:
    from twicesafe.stores.dynamodb import DynamoDBStore


class TestDynamoDBStore(StoreContract):
    @pytest.fixture
    def store(self, dynamodb: DynamoDBStore) -> DynamoDBStore:
        return dynamodb
