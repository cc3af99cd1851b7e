"""What editors and mypy know of a protected function: all that they knew of the function. Checked, not run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from typing_extensions import assert_type

from twicesafe import Decision, Execution, current_execution, idempotent, on_decision, open_store
from twicesafe.stores.base import Store


@dataclass
class Order:
    id: str


@dataclass
class Receipt:
    order: Order


@idempotent
def handler(event: dict[str, Any], context: object) -> None: ...


@idempotent
def charge(order: Order, amount: int = 1, *, note: str = "") -> Receipt:
    return Receipt(order)


@idempotent(
    key=lambda order, amount: order.id,
    payload=False,
    name="fulfil",
    expires_after=timedelta(days=7),
    on_conflict="wait",
    on_unknown="raise",
    final_errors=(ValueError, KeyError),
    lease=60,
    keep_statuses={409},
    retry_statuses=range(404, 411),
)
def fulfil(order: Order, amount: int) -> Receipt:
    return Receipt(order)


@idempotent
async def charge_async(order: Order) -> Receipt:
    return Receipt(order)


@idempotent(key="order.id", store="memory://", scope=lambda event: "ann", require_key=True, report_failures=True)
async def handler_async(event: dict[str, Any], context: object) -> dict[str, int]:
    return {"statusCode": 200}


@idempotent(key=lambda: "once")
def nothing() -> int:
    return 1


assert_type(handler({}, None), None)
assert_type(charge(Order("1"), note="x"), Receipt)
assert_type(charge(order=Order("1"), amount=2), Receipt)
assert_type(fulfil(Order("1"), amount=2), Receipt)
assert_type(nothing(), int)
assert_type(idempotent(partial(fulfil, Order("1")))(3), Receipt)

charge()  # type: ignore[call-arg]  # the order is missing
charge(Order("1"), "2")  # type: ignore[arg-type]  # an amount is a number
charge(Order("1"), noet="x")  # type: ignore[call-arg]  # there is no such argument
fulfil(Order("1"), amount="2")  # type: ignore[arg-type]  # as above, with options
idempotent(on_conflict="hope")  # type: ignore[call-overload]  # there is no such choice
idempotent(lease="60")  # type: ignore[call-overload]  # a number or a timedelta
idempotent(unit="half")  # type: ignore[call-overload]  # there is no such unit
idempotent(noname="x")  # type: ignore[call-overload]  # there is no such option


async def awaited() -> None:
    assert_type(await charge_async(Order("1")), Receipt)
    assert_type(await handler_async({}, None), dict[str, int])
    coroutine: Awaitable[Receipt] = charge_async(Order("1"))
    with suppress(ValueError):
        await coroutine
    charge_async(Order("1")).order  # type: ignore[attr-defined]  # noqa: B018 - a coroutine is to be awaited


callback: Callable[[Order], Coroutine[Any, Any, Receipt]] = charge_async


class Shop:
    @idempotent
    def sell(self, item: str) -> int:
        return 1

    @idempotent(key=lambda item: item)
    def sell_keyed(self, item: str) -> int:
        return 1

    @idempotent
    async def sell_async(self, item: str) -> int:
        return 1

    @classmethod
    @idempotent
    def open(cls, town: str) -> str:
        return town

    @staticmethod
    @idempotent
    def tax(amount: int) -> int:
        return amount


assert_type(Shop().sell("book"), int)
assert_type(Shop().sell_keyed(item="book"), int)
assert_type(Shop.open("Bern"), str)
assert_type(Shop().tax(3), int)
Shop().sell(3)  # type: ignore[arg-type]  # an item is a text


async def methods() -> None:
    assert_type(await Shop().sell_async("book"), int)


@on_decision
def count(decision: Decision) -> None:
    assert_type(decision.key, str | None)
    assert_type(decision.duration, float)


assert_type(current_execution(), Execution)
assert_type(current_execution().attempt, int)
assert_type(current_execution().fence, int | None)
assert_type(open_store("memory://"), Store)
