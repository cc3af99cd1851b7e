"""Values that are equal become one box, so that states are compared and hashed by identity."""

from __future__ import annotations

from typing import Any


class Box:
    """One value; two boxes of one set are equal only if they are the same."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Boxes:
    """All values of one exploration."""

    def __init__(self) -> None:
        self._boxes: dict[Any, Box] = {}

    def of(self, value: Any) -> Box:
        """The value's own box."""
        key = frozen(value)
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = Box(value)
        return box


def frozen(value: Any) -> Any:
    """The value as something that can be hashed, its type included."""
    if isinstance(value, tuple):
        return (type(value).__name__, *map(frozen, value))
    if isinstance(value, dict):
        return tuple(sorted((name, frozen(each)) for name, each in value.items()))
    return value
