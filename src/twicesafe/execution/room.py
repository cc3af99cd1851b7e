"""Room for steps, shared by the threads of an execution."""

from __future__ import annotations

import threading

from ..protocol.room import Room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..protocol.records import Steps


class SharedRoom(Room):
    """Room of which one thread at a time takes its part."""

    __slots__ = ("_lock",)

    def __init__(self, limit: int | None, steps: Steps) -> None:
        super().__init__(limit, steps)
        self._lock = threading.RLock()  # a signal's handler may come back to it, on top of its own thread

    def take(self, name: str, size: int) -> bool:
        """Make a step's part so large, if there is room for that."""
        with self._lock:
            return super().take(name, size)
