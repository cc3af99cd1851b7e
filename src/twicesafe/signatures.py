"""What can be read off a function without `inspect`, which costs 5 ms to import."""

from __future__ import annotations

import os
import sys
from functools import partial
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARARGS, VARKEYWORDS = 0x04, 0x08
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200
"""Flags of a code object (inspect.CO_...): what it takes, and what its call makes."""


def code_of(function: object) -> CodeType | None:
    """Return a function's code object; None: it has none, or is a mock that has any attribute."""
    code = getattr(function, "__code__", None)
    return code if type(code) is CodeType else None  # a mock's says that it is one


def module_name(module: str) -> str:
    """Return the name under which a module is imported, also where it is the one that was started.

    Python calls that one __main__, and __mp_main__ in a process that multiprocessing has spawned.
    """
    started = sys.modules.get(module) if module in ("__main__", "__mp_main__") else None
    spec, file = getattr(started, "__spec__", None), getattr(started, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return module if file is None else os.path.splitext(os.path.basename(file))[0]


def bare(function: Any) -> Any:
    """The function inside of partials, bound methods, wrappers and callable objects."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif hasattr(function, "__func__"):
            function = function.__func__
        elif code_of(function) is not None or isinstance(function, type):
            return function
        elif code_of(method := type(function).__call__) is not None:
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
    if (code := code_of(function)) is not None:
        return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    method = bare(function)
    return parameters(method)[1:] if method is not function else ()


def optional_parameters(function: Any) -> frozenset[str]:
    """Return the names of those parameters that its caller may leave out."""
    if isinstance(function, partial):
        return optional_parameters(function.func) - function.keywords.keys()
    if hasattr(function, "__func__"):
        return optional_parameters(function.__func__)
    if hasattr(function, "__wrapped__"):
        return optional_parameters(function.__wrapped__)
    if (code := code_of(function)) is not None:
        positional = code.co_varnames[: code.co_argcount]
        defaults = len(function.__defaults__ or ())
        return frozenset((*positional[len(positional) - defaults :], *(function.__kwdefaults__ or ())))
    method = bare(function)
    return optional_parameters(method) if method is not function else frozenset()


def keyword_only_parameters(function: object) -> tuple[str, ...]:
    """Return the names of those parameters that can be given by their names alone."""
    code = code_of(innermost(function))
    if code is None:
        return ()
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def takes_any(function: object, flag: int) -> bool:
    """Tell if it has `*args` (VARARGS), `**kwargs` (VARKEYWORDS), or one of them (both)."""
    return _has_flag(innermost(function), flag)


def takes_nothing(function: object) -> bool:
    """Tell if it is known to take no arguments at all, a method's own object aside."""
    return (
        code_of(innermost(function)) is not None
        and not parameters(function)[is_method(function) :]
        and not takes_any(function, VARARGS | VARKEYWORDS)
    )


def innermost(function: Any) -> Any:
    """Return the function inside of all wrappers, partials and bound methods."""
    while True:
        inside = getattr(function, "__wrapped__", None)
        if inside is None:
            inside = bare(function)
        if inside is function:
            return function
        function = inside


def accepts(function: object, name: str) -> bool:
    """Whether it has a parameter of this name, and no partial has filled it in."""
    return name in parameters(function)


def _has_flag(function: object, flags: int) -> bool:
    code = code_of(bare(function))
    return code is not None and bool(code.co_flags & flags)
