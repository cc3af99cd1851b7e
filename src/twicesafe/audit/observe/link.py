"""The pipe to the world, and where in the user's code we are."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from ...execution.current import current_step
from ..messages import Answer, LostAnswer, Noted, Supplied
from ..results import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import FrameType

    from ..messages import Deliver, Ended, Request

FOREIGN = ("site-packages", "dist-packages", "dependencies", "layers", "layer", "vendor", "vendored")
"""Folders inside the user's own that hold other people's code."""
OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Link:
    """One pipe; threads of the handler take turns at it."""

    def __init__(self, connection: Connection, folders: Sequence[str]) -> None:
        self._connection = connection
        self._folders = tuple(folders)
        self._lock = threading.RLock()

    def receive(self) -> Deliver:
        """The next event; without a world there is no delivery."""
        try:
            return self._connection.recv()  # type: ignore[no-any-return]  # the world sends nothing else here
        except (EOFError, OSError):
            os._exit(0)

    def ask(self, request: Request) -> Answer | LostAnswer:
        """Send an operation, and wait for its answer: here the world decides who goes on."""
        step = current_step.get()
        with self._lock:
            self._send(request._replace(step=step[1] if step else ""))
            try:
                return self._connection.recv()  # type: ignore[no-any-return]  # the world sends nothing else here
            except (EOFError, OSError):
                os._exit(0)

    def note(self, what: str) -> None:
        """Say what is not observed."""
        with self._lock:
            self._send(Noted(what, self.line()))

    def supplied(self, what: str) -> None:
        """Say what was made up."""
        with self._lock:
            self._send(Supplied(what))

    def end(self, ended: Ended) -> None:
        """Say how it ended."""
        with self._lock:
            self._send(ended)

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            os._exit(0)

    def line(self) -> Line | None:
        """The innermost line of the user's own code; in a library's thread, where the main thread is."""
        found = self._first(_outwards(sys._getframe(1)))  # noqa: SLF001 - there is no other way
        if found is None and threading.current_thread() is not threading.main_thread():
            main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - as above
            found = self._first(_outwards(main))
        return found

    def is_own(self, frame: FrameType) -> bool:
        """Whether it runs the user's own code."""
        return self._place(frame.f_code.co_filename) is not None

    def line_of(self, error: BaseException) -> Line | None:
        """Where in the user's code it was raised."""
        frames = []
        traceback: Any = error.__traceback__
        while traceback is not None:
            frames.append((traceback.tb_frame, traceback.tb_lineno))
            traceback = traceback.tb_next
        return self._first(reversed(frames))

    def _first(self, frames: Iterator[tuple[FrameType, int]]) -> Line | None:
        for frame, number in frames:
            place = self._place(frame.f_code.co_filename)
            if place is not None:
                return Line(place, number, frame.f_code.co_name)
        return None

    def _place(self, file: str) -> str | None:
        for folder in self._folders:
            is_ours = _is_in(file, OURS) and not _is_in(folder, OURS)  # where the demo's handler is installed
            if _is_in(file, folder) and not is_ours:
                place = os.path.relpath(file, folder)
                parts = place.split(os.sep)
                return None if any(part in FOREIGN or part.startswith(".venv") for part in parts) else place
        return None


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)


def _outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back
