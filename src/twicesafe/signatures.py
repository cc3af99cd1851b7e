"""What can be read off a function without `inspect`, which costs 5 ms to import."""

from __future__ import annotations

from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200
"""The flags of a code object whose call makes one (inspect.CO_...)."""


def bare(function: Any) -> Any:
    """The function inside of partials, bound methods, wrappers and callable objects."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif hasattr(function, "__func__"):
            function = function.__func__
        elif hasattr(function, "__code__") or isinstance(function, type):
            return function
        elif hasattr(method := type(function).__call__, "__code__"):
            return method
        else:
            return function


def is_async(function: object) -> bool:
    """Whether calling it makes a coroutine."""
    return _has_flag(function, COROUTINE)


def is_generator(function: object) -> bool:
    """Whether it yields, so that calling it runs nothing."""
    return _has_flag(function, GENERATOR | ASYNC_GENERATOR)


def is_method(function: object) -> bool:
    """Whether what it belongs to is still to be passed, as its first argument."""
    return parameters(function)[:1] in (("self",), ("cls",))


def parameters(function: Any) -> tuple[str, ...]:
    """The names of the parameters that its caller may give, in order; none where they cannot be told.

    What a decorator has wrapped is asked for those of the function inside.
    """
    if isinstance(function, partial):
        names = parameters(function.func)[len(function.args) :]
        return tuple(name for name in names if name not in function.keywords)
    if hasattr(function, "__func__"):
        return parameters(function.__func__)[1:]
    if hasattr(function, "__wrapped__"):
        return parameters(function.__wrapped__)
    if hasattr(function, "__code__"):
        code = function.__code__
        return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    method = bare(function)
    return parameters(method)[1:] if method is not function else ()


def accepts(function: object, name: str) -> bool:
    """Whether it has a parameter of this name, and no partial has filled it in."""
    return name in parameters(function)


def _has_flag(function: object, flags: int) -> bool:
    code = getattr(bare(function), "__code__", None)
    return code is not None and bool(code.co_flags & flags)
