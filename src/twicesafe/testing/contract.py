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
from contextlib import contextmanager
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


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop, which ends as one of asyncio.run does: clients that belong to it are closed so."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class StoreContract(ClaimRules, CompletionRules, LeaseRules, StepRules, ByHandRules, ValueRules, AtOnceRules):
    """Inherit it, and override `store`."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        """The store under test."""
        raise NotImplementedError("Override the fixture `store` of StoreContract with one that opens your store.")

    @pytest.fixture
    def loop(self) -> Iterator[asyncio.AbstractEventLoop]:
        """The loop of the async form. Override it with a wider scope where a client for each loop is slow to make."""
        with event_loop() as loop:
            yield loop

    @pytest.fixture(params=["sync", "async"])
    def apply(self, store: Store, request: pytest.FixtureRequest) -> Apply:
        """One form of the store."""
        if request.param == "sync":
            return store.apply
        loop: asyncio.AbstractEventLoop = request.getfixturevalue("loop")
        return lambda command: loop.run_until_complete(store.apply_async(command))

    @pytest.fixture
    def trial(self, apply: Apply) -> Trial:
        """A key that nobody has claimed."""
        return Trial(apply)
