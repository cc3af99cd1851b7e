"""What types an annotation reaches: through generics, unions and aliases, and through fields.

Each annotation is resolved by itself: a parameter or a field whose type is imported for the type
checker only says nothing about the others.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..signatures import bare
from .structures import field_types

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = ("__origin__", "__supertype__", "__value__", "__bound__")
"""Where an alias, a NewType, a `type` statement and a TypeVar hold what they stand for."""


def reach(function: Any) -> tuple[list[type], str | None]:
    """The classes that a function's return annotation reaches, and what could not be read of it.

    A class that is called itself returns one of its own.
    """
    function = bare(function)
    if isinstance(function, type):
        return _classes(function), None
    annotation = _annotations(function).get("return")
    if annotation is None:
        return [], None
    try:
        return _classes(_resolved(annotation, _namespace(function))), None
    except Exception as error:  # noqa: BLE001 - an annotation can be any expression, and fail in any way
        return [], f"its return annotation cannot be read here ({type(error).__name__}: {str(error)[:200]})"


def _classes(hint: Any) -> list[type]:
    found: dict[int, Any] = {}
    waiting = [hint]
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, Enum):  # in a Literal
            hint = type(hint)
        if id(hint) not in found:
            found[id(hint)] = hint
            waiting.extend(_below(hint))
    return [hint for hint in found.values() if isinstance(hint, type)]


def _below(hint: Any) -> Iterator[Any]:
    yield from getattr(hint, "__args__", None) or ()
    yield from getattr(hint, "__constraints__", ())
    for part in PARTS:
        yield getattr(hint, part, None)
    if isinstance(hint, type) and hint.__module__ != "builtins":
        yield from field_types(hint)
        for base in hint.__mro__:
            yield from _fields(base)


def _fields(kind: type) -> Iterator[Any]:
    """What the annotations of a class stand for, as far as they can be read."""
    module = sys.modules.get(kind.__module__)
    names = {**vars(module), **vars(kind)} if module is not None else dict(vars(kind))
    for annotation in _annotations(kind).values():
        with suppress(Exception):  # one that cannot be read reaches nothing, and its type is refused when it is met
            yield _resolved(annotation, names)


def _annotations(thing: Any) -> dict[str, Any]:
    if sys.version_info >= (3, 14):  # read lazily: one unknown name would fail them all
        from annotationlib import Format, get_annotations

        return get_annotations(thing, format=Format.FORWARDREF) if callable(thing) else {}
    return getattr(thing, "__annotations__", None) or {}


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    from typing import get_type_hints

    def holder() -> None: ...

    holder.__annotations__ = {"return": annotation}
    return get_type_hints(holder, globalns=names)["return"]


def _namespace(function: Any) -> dict[str, Any]:
    """Where the names of a function's annotations are found: in the module of the innermost one."""
    while hasattr(function, "__wrapped__"):
        function = bare(function.__wrapped__)
    names: dict[str, Any] = getattr(function, "__globals__", {})
    return names
