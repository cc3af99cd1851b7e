"""Deliveries at the same moment: as many processes, ready before the first of them begins."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .sandbox import Call, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .sandbox import Delivered, Function


def call(event: str, request_id: str | None = None) -> Call:
    """A delivery of this event, under a request id of its own unless one is given."""
    return Call(event, request_id or str(uuid.uuid4()))


class Round:
    """Some calls that truly overlap: every process has imported the handler before any is called.

    A context manager: on its exit, by whatever way, no process of it is left.
    """

    def __init__(self, function: Function, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._function = function
        self._sandboxes: list[Sandbox] = []
        self._is_killed = False

    def __enter__(self) -> Round:
        """Start the processes, and wait until all are ready.

        Raises:
            NotLoadable: the handler cannot be imported.
        """
        with ExitStack() as undo:
            for _ in self._calls:
                self._sandboxes.append(Sandbox(self._function))
                undo.callback(self._sandboxes[-1].end)
                if self._is_killed:
                    self.kill()
            for sandbox in self._sandboxes:
                sandbox.wait_until_ready()
            undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        for sandbox in self._sandboxes:
            sandbox.end()

    def run(
        self, kill_after: float | None = None, when_over: Callable[[int, Delivered], object] = lambda *_: None
    ) -> list[Delivered]:
        """Make the calls, and wait for all of them.

        Args:
            kill_after: seconds.
            when_over: called in this thread with each one as it ends, and its place in the calls.

        Returns:
            What became of them, in the order of the calls.
        """
        for sandbox, each in zip(self._sandboxes, self._calls, strict=True):
            sandbox.begin(each, kill_after)
        with ThreadPoolExecutor(len(self._sandboxes)) as pool:
            try:
                waits = {pool.submit(sandbox.wait): place for place, sandbox in enumerate(self._sandboxes)}
                for wait in as_completed(waits):
                    when_over(waits[wait], wait.result())
            except BaseException:  # an interrupt: the pool's threads end only when the processes do
                self.kill()
                raise
            return [wait.result() for wait in waits]

    def kill(self) -> None:
        """Send SIGKILL to all of it, what is still to start too; from any thread."""
        self._is_killed = True
        for sandbox in self._sandboxes:
            sandbox.kill()
