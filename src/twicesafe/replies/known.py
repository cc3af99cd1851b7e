"""The types that a function's return annotation reaches: no others are made from a record."""

from __future__ import annotations

from .text import Unkeepable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any


class KnownTypes:
    """Dataclasses, NamedTuples, Enums and pydantic models by name, looked up when the first one is met.

    A type that the annotation reaches brings those subclasses along that are loaded.
    """

    __slots__ = ("_found", "_function", "_problem", "_roots")

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self._function = function
        self._roots: tuple[type, ...] | None = None
        self._problem: str | None = None
        self._found: dict[str, type] = {}

    def name(self, kind: type) -> str:
        """The name to write for a type.

        Raises:
            Unkeepable: the annotation does not reach it, or another type of this name.
        """
        name = full_name(kind)
        found = self.find(name)
        if found is kind:
            return name
        if found is not None:
            raise Unkeepable(f"it has a {name}, and another type has that name")
        why = f" (a part of it cannot be read here: {self._problem})" if self._problem else ""
        raise Unkeepable(f"it has a {name}, and its return annotation does not name it{why}")

    def find(self, name: object) -> type | None:
        """The type of this name; one that the annotation itself reaches comes before a subclass."""
        if not isinstance(name, str):
            return None
        if name not in self._found:
            found = next((kind for kind in with_subclasses(self._reached()) if full_name(kind) == name), None)
            if found is None:
                return None
            self._found[name] = found
        return self._found[name]

    def _reached(self) -> tuple[type, ...]:
        if self._roots is None:
            from .hints import reach
            from .structures import structure_of

            kinds, self._problem = reach(self._function)
            self._roots = tuple(kind for kind in kinds if structure_of(kind) is not None)
        return self._roots


def full_name(kind: type) -> str:
    """Its module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def with_subclasses(kinds: Iterable[type]) -> Iterator[type]:
    """The types, then their loaded subclasses, level by level."""
    level = list(kinds)
    while level:
        yield from level
        below: list[type] = []
        for parent in level:
            below += type.__subclasses__(parent)
        level = list(dict.fromkeys(below))
