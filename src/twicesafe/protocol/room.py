"""The bytes that steps take in their record, of those that its store allows."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Step, Steps

BESIDE = 8
"""More than a store adds to a step's name and text: DynamoDB adds one byte for a member of a map, and we one."""


class Room:
    """A part for each step, and what they take together.

    Args:
        limit: of all parts; None: there is none.
        steps: what is in the record already.
    """

    __slots__ = ("_parts", "limit", "taken")

    def __init__(self, limit: int | None, steps: Steps) -> None:
        self.limit = limit
        self._parts = {name: size_of(name, step) for name, step in steps.items()}
        self.taken = sum(self._parts.values())

    def take(self, name: str, size: int) -> bool:
        """Make a step's part so large; False: there is no room for that, and it stays as it was."""
        before = self._parts.get(name, 0)
        taken = self.taken - before + size
        if self.limit is not None and taken > self.limit and size > before:
            return False
        self._parts[name], self.taken = size, taken
        return True


def size_of(name: str, step: Step | None) -> int:
    """Return the bytes of a step in its record, with its name."""
    return 0 if step is None else _bytes(name) + _bytes(step.data) + BESIDE


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
