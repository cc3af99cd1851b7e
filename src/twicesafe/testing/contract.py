"""The contract that every store keeps, as tests that a store of your own can inherit.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self):
            store = MyStore()
            yield store
            store.close()

Each rule is checked through both forms, `apply` and `apply_async`. The time is in the commands, so no
test waits; it starts at the present and moves forward, so a server may expire records by its own clock.
Each test has a key of its own, so the tests may share a server and leave their records behind.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from .rules.at_once import AtOnceRules
from .rules.by_hand import ByHandRules
from .rules.claims import ClaimRules
from .rules.completions import CompletionRules
from .rules.leases import LeaseRules
from .rules.steps import StepRules
from .rules.values import ValueRules
from .trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..protocol.commands import StoreCommand, StoreReply
    from ..stores.base import Store

    Apply = Callable[[StoreCommand], StoreReply]


class StoreContract(ClaimRules, CompletionRules, LeaseRules, StepRules, ByHandRules, ValueRules, AtOnceRules):
    """Inherit it, and override `store`."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        """The store under test."""
        raise NotImplementedError("Override the fixture `store` of StoreContract with one that opens your store.")

    @pytest.fixture(params=["sync", "async"])
    def apply(self, store: Store, request: pytest.FixtureRequest) -> Iterator[Apply]:
        """One form of the store; the async form keeps to one event loop for a whole test."""
        if request.param == "sync":
            yield store.apply
            return
        loop = asyncio.new_event_loop()
        yield lambda command: loop.run_until_complete(store.apply_async(command))
        loop.run_until_complete(loop.shutdown_asyncgens())  # as asyncio.run does: clients are closed so
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    @pytest.fixture
    def trial(self, apply: Apply) -> Trial:
        """A key that nobody has claimed."""
        return Trial(apply)
