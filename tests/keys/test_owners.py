"""Methods: the object that one belongs to counts, or the call is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict

from tests.stand_ins import Clocked
from twicesafe import ConfigurationError, MissingKey, idempotent


@pytest.fixture
def store() -> Clocked:
    return Clocked()


class Plain:
    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant


@dataclass
class Changing:
    tenant: Any


class Model(BaseModel):
    tenant: Any


@dataclass(frozen=True)
class Frozen:
    tenant: Any
    cache: dict[str, Any] = field(default_factory=dict, compare=False)


class SubclassOfFrozen(Frozen):
    """It may hold more than the fields."""


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    tenant: Any


class Named(NamedTuple):
    tenant: Any


class Identified(Plain):
    def __idempotency_key__(self) -> Any:
        return self.tenant


class Region(Enum):
    NORTH = "n"
    SOUTH = "s"


def protect(kind: type, store: Clocked, **options: Any) -> Callable[[Any, str], str]:
    """A method of a class, called with its object."""

    def refund(self: Any, order: str) -> str:
        return f"{getattr(self, 'tenant', self)} {order}"

    refund.__module__, refund.__qualname__ = kind.__module__, f"{kind.__qualname__}.refund"
    protected: Callable[[Any, str], str] = idempotent(store=store, name="refund", **options)(refund)
    return protected


@pytest.mark.parametrize("kind", [Plain, Changing, Model, SubclassOfFrozen])
def test_a_method_of_an_object_that_nothing_tells_from_another_is_refused_with_the_line_to_write(
    store: Clocked, kind: type
) -> None:
    with pytest.raises(ConfigurationError, match=r"key=lambda self, order: \[self\.id, order\]"):
        protect(kind, store)(kind(tenant="red"), "o-1")
    assert store._records == {}


@pytest.mark.parametrize("kind", [Frozen, FrozenModel, Named, Identified])
def test_an_object_that_is_a_value_or_says_what_it_is_counts(store: Clocked, kind: type) -> None:
    refund = protect(kind, store)
    replies = [refund(kind(tenant=tenant), "o-1") for tenant in ("red", "blue", "red")]
    assert replies == ["red o-1", "blue o-1", "red o-1"]
    assert len(store._records) == 2


def test_a_member_of_an_enum_counts(store: Clocked) -> None:
    refund = protect(Region, store)
    assert refund(Region.NORTH, "o-1") != refund(Region.SOUTH, "o-1")


def test_what_is_not_compared_in_a_dataclass_is_not_compared_here(store: Clocked) -> None:
    refund = protect(Frozen, store)
    for cache in ({}, {"a": object()}):
        refund(Frozen("red", cache), "o-1")
    assert len(store._records) == 1


@pytest.mark.parametrize("kind", [Frozen, FrozenModel, Named, Identified])
def test_a_value_with_a_part_that_has_no_text_is_refused(store: Clocked, kind: type) -> None:
    with pytest.raises(ConfigurationError, match=r"tenant|no text"):
        protect(kind, store)(kind(tenant=object()), "o-1")


@pytest.mark.parametrize("identity", [None, "", [], ["red", None]])
def test_an_object_that_says_nothing_of_what_it_is_is_refused(store: Clocked, identity: Any) -> None:
    with pytest.raises(MissingKey, match="__idempotency_key__"):
        protect(Identified, store)(Identified(identity), "o-1")


@pytest.mark.parametrize(
    "key",
    [
        lambda self, order: [self.tenant, order],
        lambda order, self: [self.tenant, order],
        lambda me, it: [me.tenant, it],
        lambda self: self.tenant,
        lambda self, **others: [self.tenant, others["order"]],
    ],
)
def test_a_key_function_is_given_the_object_if_it_names_it(store: Clocked, key: Any) -> None:
    refund = protect(Plain, store, key=key)
    assert [refund(Plain(tenant), "o-1") for tenant in ("red", "blue", "red")] == ["red o-1", "blue o-1", "red o-1"]


@pytest.mark.parametrize("key", [lambda order: order, lambda it: it, "@", lambda *args: args, lambda **named: named])
def test_a_key_function_that_does_not_name_the_object_leaves_it_out(store: Clocked, key: Any) -> None:
    refund = protect(Plain, store, key=key)
    assert [refund(Plain(tenant), "o-1") for tenant in ("red", "blue")] == ["red o-1", "red o-1"]


def test_the_class_counts_for_methods_and_class_methods_of_subclasses(store: Clocked) -> None:
    class Base:
        @classmethod
        @idempotent(store=store, name="open")
        def open(cls, town: str) -> str:
            return f"{cls.__name__} {town}"

        @idempotent(store=store, name="close", key=lambda town: town)
        def close(self, town: str) -> str:
            return f"{type(self).__name__} {town}"

    class Sub(Base):
        pass

    assert [Base.open("Bern"), Sub.open("Bern"), Base.open("Bern")] == ["Base Bern", "Sub Bern", "Base Bern"]
    assert [Base().close("Bern"), Sub().close("Bern")] == ["Base Bern", "Sub Bern"]


def test_a_method_without_other_arguments_is_told_by_its_object_alone(store: Clocked) -> None:
    @dataclass(frozen=True)
    class Order:
        id: str

        @idempotent(store=store, name="ship")
        def ship(self) -> str:
            return self.id

    assert [Order(order).ship() for order in ("o-1", "o-2", "o-1")] == ["o-1", "o-2", "o-1"]
    assert len(store._records) == 2


def test_a_class_method_without_other_arguments_is_refused(store: Clocked) -> None:
    class Shop:
        @classmethod
        @idempotent(store=store, name="open")
        def open(cls) -> str:
            return "open"

    with pytest.raises(ConfigurationError, match="without arguments"):
        Shop.open()
