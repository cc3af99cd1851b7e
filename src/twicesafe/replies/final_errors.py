"""Errors that were named as final, to trees and back.

Only what was named comes back, as a class that is loaded already. It is made by the code of its
native base alone, without the user's __new__ and __init__, whose signatures no record knows.
"""

from __future__ import annotations

from types import FunctionType, GetSetDescriptorType, MemberDescriptorType

from .known import full_name, with_subclasses
from .text import Unreadable, write
from .trees import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .known import KnownTypes

    Classes = tuple[type[BaseException], ...]


def trees_of(error: BaseException, classes: Classes, types: KnownTypes) -> Iterator[Any]:
    """Yield trees for an error, the most exact one first: whole but for attributes that have no text; then its message.

    The classes are written down to the one that was named, so that the nearest one that is loaded can stand in.
    """
    names = [full_name(kind) for kind in type(error).__mro__ if issubclass(kind, classes)]
    message = _message(error)
    args, state = _state(error)
    whole = next(iter(_trees(list(args), types)), [message])
    attributes = [[name, tree] for name, value in state.items() for tree in _trees(value, types)]
    yield _tree(names, message, whole, attributes)
    yield _tree(names, message, [message], [])
    legible = message.encode("utf-8", "replace").decode()
    yield _tree(names, legible, [legible], [])


def error_of(tree: Any, classes: Classes) -> BaseException:
    """The error of a tree whose parts are values already; it raises anything for a tree that no error has."""
    kind = next((kind for name in tree["error"] if (kind := _find(name, classes))), None)
    if kind is None:
        raise Unreadable(f"its error {str(tree['error'][0])[:100]!r} is none of final_errors= any more")
    args, attributes = tree["args"], dict(tree["attributes"])
    error: BaseException = _native(kind, "__new__").__new__(kind, *args)
    _native(type(error), "__init__").__init__(error, *args)
    for name, value in attributes.items():
        if isinstance(getattr(type(error), name, None), (MemberDescriptorType, GetSetDescriptorType)):
            object.__setattr__(error, name, value)
        else:
            error.__dict__[name] = value
    return error


def _tree(names: list[str], message: str, args: list[Any], attributes: list[Any]) -> dict[str, Any]:
    return {"error": names, "message": message, "args": args, "attributes": attributes}


def _state(error: BaseException) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of the native base, and the attributes, as pickling would take them (notes are one)."""
    try:
        reduced = _native(type(error), "__reduce__").__reduce__(error)
        return reduced[1], dict(reduced[2] or {}) if len(reduced) > 2 else {}
    except Exception:  # noqa: BLE001 - a native base can refuse in any way; callers act on the error's class
        return (_message(error),), {}


def _native(kind: type, method: str) -> Any:
    """The nearest base with a method that is not written in Python."""
    return next(
        base
        for base in kind.__mro__
        if method in base.__dict__ and not isinstance(base.__dict__[method], (FunctionType, staticmethod))
    )


def _trees(value: object, types: KnownTypes) -> list[Any]:
    """Its tree, or none: a response, a connection have no text."""
    try:
        tree = pack(value, types)
        write(tree)
    except Exception:  # noqa: BLE001 - an attribute may refuse in any way; callers act on the error's class
        return []
    return [tree]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's __str__ can fail in any way, and must not cost the answer
        return ""


def _find(name: object, classes: Classes) -> type | None:
    return next((kind for kind in with_subclasses(classes) if full_name(kind) == name), None)
