"""What can be read off a function without `inspect`, which costs 5 ms to import."""

from __future__ import annotations

from functools import partial
from typing import Any

COROUTINE = 0x80
"""The flag of a code object whose call makes a coroutine (inspect.CO_COROUTINE)."""


def bare(function: Any) -> Any:
    """The function inside of partials, bound methods, wrappers and callable objects."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif hasattr(function, "__func__"):
            function = function.__func__
        elif hasattr(function, "__code__") or isinstance(function, type):
            return function
        elif hasattr(method := vars(type(function)).get("__call__"), "__code__"):
            return method
        else:
            return function


def is_async(function: object) -> bool:
    """Whether calling it makes a coroutine."""
    code = getattr(bare(function), "__code__", None)
    return code is not None and bool(code.co_flags & COROUTINE)


def parameters(function: object) -> tuple[str, ...]:
    """The names of its parameters in order, `self` and `cls` included."""
    code = getattr(bare(function), "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def accepts(function: object, name: str) -> bool:
    """Whether it has a parameter of this name."""
    return name in parameters(getattr(function, "__wrapped__", function))
