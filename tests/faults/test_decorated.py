"""A decorated function, sync and async, behind the failing proxy: its callers and the ledger agree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.faults import APPLIED, NOT_APPLIED, arrives_late
from twicesafe.errors import NotRecorded, StoreUnavailable
from twicesafe.execution.steps import step
from twicesafe.idempotent import idempotent

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.faults.ledger import Ledger
    from tests.faults.proxy import Fault, FaultProxy
    from twicesafe.stores.dynamodb import DynamoDBStore

ALWAYS = 99
SOME = {
    name: fault
    for name, fault in {**NOT_APPLIED, **APPLIED}.items()
    if name in ("lost", "500", "answer lost", "503 once applied")
}
each_fault = pytest.mark.parametrize("fault", [*SOME.values(), arrives_late], ids=[*SOME, "late"])


@pytest.fixture(params=["sync", "async"])
def pay(
    store: DynamoDBStore,
    effects: Ledger,
    proxy: FaultProxy,
    loop: asyncio.AbstractEventLoop,
    request: pytest.FixtureRequest,
) -> Callable[[str], Any]:
    """Charge an order, in a step."""

    @idempotent(store=store, name=f"pay {os.urandom(4).hex()}")
    def pay(order: str) -> dict[str, int]:
        return {"charges": step("charge", effects.add, order)}

    @idempotent(store=store, name="pay_async")
    async def pay_async(order: str) -> dict[str, int]:
        async def charge() -> int:
            return effects.add(order)

        return {"charges": await step("charge", charge)}

    return pay if request.param == "sync" else lambda order: loop.run_until_complete(pay_async(order))


@pytest.fixture
def order() -> str:
    return f"order-{os.urandom(8).hex()}"


def test_a_first_execution_is_two_requests_a_replay_one_and_a_take_over_three(
    store: DynamoDBStore, proxy: FaultProxy, order: str
) -> None:
    declined = [ValueError("declined")]

    @idempotent(store=store, name=f"pay {os.urandom(4).hex()}")
    def pay(order: str) -> str:
        if declined:
            raise declined.pop()
        return order

    def requests(order: str) -> list[str]:
        proxy.forget()
        pay(order)
        return proxy.commands

    with pytest.raises(ValueError, match="declined"):
        pay(order)
    assert requests(order) == ["claim", "replace", "complete"]
    assert requests(order) == ["claim"]
    assert requests(f"{order}-2") == ["claim", "complete"]


@each_fault
@pytest.mark.parametrize("command", ["claim", "save", "complete"])
def test_one_fault_is_not_noticed_by_the_caller(
    pay: Callable[[str], Any], effects: Ledger, proxy: FaultProxy, order: str, command: str, fault: Fault
) -> None:
    proxy.befall(command, fault)
    assert pay(order) == {"charges": 1}
    proxy.land()
    assert pay(order) == {"charges": 1}
    assert effects.count(order) == 1


@each_fault
def test_without_a_confirmed_claim_nothing_is_charged(
    pay: Callable[[str], Any], effects: Ledger, proxy: FaultProxy, order: str, fault: Fault
) -> None:
    proxy.befall("claim", fault, ALWAYS)
    with pytest.raises(StoreUnavailable):
        pay(order)
    assert effects.count(order) == 0
    proxy.heal()
    assert pay(order) == {"charges": 1}


@each_fault
def test_without_a_recorded_reply_the_caller_still_gets_it(
    pay: Callable[[str], Any], effects: Ledger, proxy: FaultProxy, order: str, fault: Fault
) -> None:
    proxy.befall("complete", fault, ALWAYS)
    with pytest.raises(NotRecorded) as error:
        pay(order)
    assert error.value.reply == {"charges": 1}
    assert "release" not in proxy.commands
    proxy.heal()
    proxy.land()
    if fault not in NOT_APPLIED.values():
        assert pay(order) == {"charges": 1}
    assert effects.count(order) == 1


@each_fault
def test_a_step_that_could_not_be_recorded_is_not_repeated(
    pay: Callable[[str], Any], effects: Ledger, proxy: FaultProxy, order: str, fault: Fault
) -> None:
    proxy.befall("save", fault, ALWAYS)
    with pytest.raises(StoreUnavailable):
        pay(order)
    proxy.heal()
    assert pay(order) == {"charges": 1}
    assert effects.count(order) == 1
