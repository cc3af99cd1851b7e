"""Calls without a time limit of their own are waited for no longer than there is time."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.stand_ins import PATIENCE, until
from twicesafe.protocol.records import Millis
from twicesafe.stores.dynamodb.bounded import LEAST, seconds, within, within_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

word: ContextVar[str] = ContextVar("word", default="none")


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    if request.param == "sync":
        return within
    return lambda *arguments: asyncio.run(within_async(*arguments))


@pytest.fixture
def rest() -> Iterator[threading.Event]:
    """What a call waits for."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("limit", [None, PATIENCE])
def test_a_call_gives_what_it_returns_or_raises(call: Callable[..., Any], limit: float | None) -> None:
    def fails() -> None:
        raise ValueError("no")

    assert call(limit, divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="no"):
        call(limit, fails)


def test_a_call_has_the_context_of_its_caller(call: Callable[..., Any]) -> None:
    token = word.set("mine")
    try:
        assert call(PATIENCE, word.get) == "mine"
    finally:
        word.reset(token)


def test_a_call_that_takes_longer_is_left_behind(call: Callable[..., Any], rest: threading.Event) -> None:
    ended: list[bool] = []

    def slow() -> None:
        ended.append(rest.wait(PATIENCE))

    with pytest.raises(TimeoutError):
        call(0.01, slow)  # asyncio.run returns too: it waits for its own threads, and this is none
    assert ended == []
    rest.set()
    until(lambda: ended)


@pytest.mark.parametrize(("left", "limit"), [(None, None), (2_500, 2.5), (1, LEAST), (-700, LEAST)])
def test_however_late_it_is_a_call_has_a_little_time(left: int | None, limit: float | None) -> None:
    assert seconds(None if left is None else Millis(left)) == limit
