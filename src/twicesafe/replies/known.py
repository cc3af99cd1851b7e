"""The types that a function's return annotation reaches: no others are made from a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..signatures import bare
from .packing import Unkeepable, is_structured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class KnownTypes:
    """Dataclasses, NamedTuples, Enums and pydantic models by name, looked up when the first one is met."""

    __slots__ = ("_function", "_problem", "_roots")

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self._function = function
        self._roots: tuple[type, ...] | None = None
        self._problem = "its return annotation does not name it"

    def name(self, kind: type) -> str:
        """The name to write for a type.

        Raises:
            Unkeepable: the annotation does not reach it, or two that it reaches have this name.
        """
        found = list(self._named(kind.__qualname__))
        if found == [kind]:
            return kind.__qualname__
        why = "two types of that name are reached" if kind in found else self._problem
        raise Unkeepable(f"it has a {kind.__qualname__}, and {why}")

    def find(self, name: str) -> type | None:
        """The type of this name, if there is just one."""
        found = list(self._named(name))
        return found[0] if len(found) == 1 else None

    def _named(self, name: str) -> Iterator[type]:
        if self._roots is None:
            self._roots = tuple(self._reach())
        return (kind for kind in subclasses(self._roots) if kind.__qualname__ == name)

    def _reach(self) -> Iterable[type]:
        from typing import get_type_hints

        function = bare(self._function)
        try:
            hint = get_type_hints(function).get("return") if function is not None else None
        except Exception as error:  # an annotation can be any expression, and fail in any way
            self._problem = f"its return annotation cannot be read here ({type(error).__name__}: {error})"
            return ()
        found: dict[type, None] = {}
        _walk(hint, found)
        return tuple(found)


def subclasses(kinds: Iterable[type]) -> Iterator[type]:
    """The types, and what is loaded of their subclasses; each once."""
    seen: dict[type, None] = dict.fromkeys(kinds)
    waiting = list(seen)
    while waiting:
        kind = waiting.pop()
        yield kind
        below: type
        for below in type.__subclasses__(kind):
            if below not in seen:
                seen[below] = None
                waiting.append(below)


def _walk(hint: Any, found: dict[type, None]) -> None:
    """Collect the types that an annotation names, and those that their fields name."""
    for argument in getattr(hint, "__args__", ()):
        _walk(argument, found)
    if not isinstance(hint, type) or hint in found or not is_structured(hint):
        return
    found[hint] = None
    from typing import get_type_hints

    try:
        fields = get_type_hints(hint)
    except Exception:  # a field's annotation that cannot be read reaches nothing further
        fields = {}
    for field in fields.values():
        _walk(field, found)
