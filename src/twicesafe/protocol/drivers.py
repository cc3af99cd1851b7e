"""The two loops that feed a generator: they decide nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from typing import Any, TypeVar

    Q = TypeVar("Q")
    T = TypeVar("T")


def drive(talk: Generator[Q, Any, T], answer: Callable[[Q], object]) -> T:
    """Run a generator to its end: answer what it yields, throw in what fails."""
    try:
        question = next(talk)
        while True:
            try:
                told = answer(question)
            except BaseException as error:  # noqa: BLE001 - an interrupt too: the flow decides what it means
                question = talk.throw(error)
            else:
                question = talk.send(told)
    except StopIteration as end:
        value: T = end.value
        return value
    except RuntimeError as error:
        stop = _stop_in(error)
        if stop is None:
            raise
    raise stop


async def drive_async(talk: Generator[Q, Any, T], answer: Callable[[Q], Awaitable[object]]) -> T:
    """The same, with one await."""
    try:
        question = next(talk)
        while True:
            try:
                told = await answer(question)
            except BaseException as error:  # noqa: BLE001 - a cancellation too: the flow decides
                question = talk.throw(error)
            else:
                question = talk.send(told)
    except StopIteration as end:
        value: T = end.value
        return value


def _stop_in(error: RuntimeError) -> StopIteration | None:
    """The StopIteration of the user's own that Python makes a RuntimeError of, when it leaves a generator (PEP 479)."""
    is_pythons = error.args == ("generator raised StopIteration",)
    return error.__cause__ if is_pythons and isinstance(error.__cause__, StopIteration) else None
