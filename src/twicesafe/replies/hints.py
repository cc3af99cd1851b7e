"""What types an annotation reaches: through generics, unions and aliases, and through fields.

Each annotation is resolved by itself: a parameter or a field whose type is imported for the type
checker only says nothing about the others.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, ForwardRef, Literal, get_type_hints

from ..signatures import bare
from .structures import model_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    Names = dict[str, Any]

PARTS = ("__origin__", "__supertype__", "__value__", "__bound__")
"""Where an alias, a NewType, a `type` statement and a TypeVar hold what they stand for."""


def reach(function: Any) -> tuple[list[type], str | None]:
    """The classes that a function's return annotation reaches, and what of it could not be read.

    A class that is called itself returns one of its own.
    """
    function = bare(function)
    if isinstance(function, type):
        return _classes(function, {})
    return _classes(_annotations(function).get("return"), _names_of(function))


def _classes(annotation: Any, names: Names) -> tuple[list[type], str | None]:
    found: dict[int, Any] = {}
    problem = None
    waiting = [(annotation, names)]
    while waiting:
        hint, names = waiting.pop()
        try:
            hint = _read(hint, names)
            if id(hint) not in found:
                found[id(hint)] = hint
                waiting.extend(_below(hint, names))
        except Exception as error:  # noqa: BLE001 - an annotation can be any expression, and fail in any way
            problem = f"{type(error).__name__}: {str(error)[:200]}"
    return [hint for hint in found.values() if isinstance(hint, type)], problem


def _read(hint: Any, names: Names) -> Any:
    """The type that a name in quotes stands for, or a member in a Literal; any other hint as it is."""
    if not isinstance(hint, (str, ForwardRef)):
        return type(hint) if isinstance(hint, Enum) else hint

    holder = type("holder", (), {})  # a class, so that ClassVar may stand there
    holder.__annotations__ = {"it": hint}
    return get_type_hints(holder, globalns=names)["it"]


def _below(hint: Any, names: Names) -> Iterator[tuple[Any, Names]]:
    for argument in (*(getattr(hint, "__args__", None) or ()), *getattr(hint, "__constraints__", ())):
        if not (isinstance(argument, str) and getattr(hint, "__origin__", None) is Literal):
            yield argument, names
    for part in PARTS:
        yield getattr(hint, part, None), names
    if isinstance(hint, type):
        yield from _fields(hint)


def _fields(kind: type) -> Iterator[tuple[Any, Names]]:
    """The annotations of a class: pydantic knows best those of its models, generic parameters filled in."""
    of_model = model_fields(kind)
    if of_model is not None:
        for field in of_model.values():
            yield getattr(field, "outer_type_", None) or field.annotation, {}  # pydantic 1, or 2
        return
    for base in kind.__mro__:
        if annotations := _annotations(base):
            names = _names_in(base)
            yield from ((annotation, names) for annotation in annotations.values())


def _annotations(thing: Any) -> Names:
    if sys.version_info >= (3, 14):  # they are read lazily: one unknown name would fail them all
        from annotationlib import Format, get_annotations

        return get_annotations(thing, format=Format.FORWARDREF) if callable(thing) else {}
    return getattr(thing, "__annotations__", None) or {}


def _names_of(function: Any) -> Names:
    """Where the names of a function's annotations are found: in the module of the innermost one."""
    while hasattr(function, "__wrapped__"):
        function = bare(function.__wrapped__)
    names: Names = getattr(function, "__globals__", {})
    return names


def _names_in(kind: type) -> Names:
    module = sys.modules.get(kind.__module__)
    return {**(vars(module) if module is not None else {}), **vars(kind)}
