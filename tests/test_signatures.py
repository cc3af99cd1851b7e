"""What is read off a function agrees with what `inspect` says, at less cost."""

from __future__ import annotations

import inspect
from functools import lru_cache, partial, wraps
from typing import Any

import pytest

from twicesafe.signatures import accepts, bare, is_async, is_generator, is_method, parameters


def passing(function: Any) -> Any:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def plain(order: str, /, amount: int = 1, *, note: str = "") -> None: ...


async def coroutine(order: str) -> None: ...


def generator(order: str) -> Any:
    yield order


async def async_generator(order: str) -> Any:
    yield order


class Shop:
    def sell(self, item: str) -> None: ...

    @passing
    def wrapped(self, item: str) -> None: ...

    @classmethod
    def open(cls, town: str) -> None: ...

    @staticmethod
    def tax(amount: int) -> None: ...


class Callable_:
    def __call__(self, order: str) -> None: ...


class Inherits(Callable_):
    pass


class AsyncCallable:
    async def __call__(self, order: str) -> None: ...


FUNCTIONS = [
    plain,
    coroutine,
    generator,
    lambda order, amount: None,
    passing(plain),
    passing(passing(plain)),
    lru_cache(plain),
    partial(plain, "o-1"),
    partial(plain, note="x"),
    partial(partial(plain, "o-1"), amount=2),
    Shop.sell,
    Shop().sell,
    Shop().wrapped,
    Shop.wrapped,
    Shop.open,
    Shop.tax,
    Shop().tax,
    Callable_(),
    Inherits(),
    AsyncCallable(),
    partial(Shop.sell, Shop()),
    partial(Callable_(), "o-1"),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_parameters_are_those_that_a_caller_may_still_give(function: Any) -> None:
    kept = partial_keywords(function)
    assert parameters(function) == tuple(name for name in inspect.signature(function).parameters if name not in kept)


def partial_keywords(function: Any) -> set[str]:
    """A keyword that a partial holds may be given again, and need not be."""
    return set(function.keywords) if isinstance(function, partial) else set()


def test_a_builtin_tells_no_parameters() -> None:
    assert parameters(len) == parameters(int) == ()


def test_only_what_still_takes_its_owner_is_a_method() -> None:
    assert [is_method(one) for one in (Shop.sell, Shop.wrapped, Shop.__dict__["open"].__func__)] == [True] * 3
    others = (Shop().sell, Shop.open, Shop.tax, Callable_(), partial(Shop.sell, Shop()), plain, len)
    assert [is_method(one) for one in others] == [False] * len(others)


@pytest.mark.parametrize("function", [coroutine, AsyncCallable(), partial(coroutine, "o-1"), AsyncCallable().__call__])
def test_an_async_function_is_seen_through_what_is_around_it(function: Any) -> None:
    assert is_async(function)
    assert not is_generator(function)


@pytest.mark.parametrize("function", [generator, async_generator, partial(async_generator, "o-1")])
def test_a_function_that_yields_is_no_coroutine_function(function: Any) -> None:
    assert is_generator(function)
    assert not is_async(function)


def test_what_is_around_a_function_is_no_part_of_it() -> None:
    assert bare(partial(Shop().sell, "book")) is Shop.sell
    assert bare(Inherits()) is Callable_.__call__
    assert bare(len) is len


def test_a_parameter_is_accepted_by_name() -> None:
    assert accepts(passing(plain), "note")
    assert not accepts(partial(plain, note="x"), "note")
