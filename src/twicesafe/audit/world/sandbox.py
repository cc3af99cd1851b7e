"""A process in which deliveries run: forked from the world, killed by it, and by nobody else."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Pipe, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from ..messages import Answer, Deliver, LostAnswer


class Gone(Exception):
    """The process has ended by itself."""


class Hung(Exception):
    """The process did nothing for too long."""


class Abandoned(Exception):
    """Whoever asked for this audit is gone."""


class Process:
    """One sandbox."""

    def __init__(self, main: Callable[[Connection], None], lifeline: int) -> None:
        """Fork it.

        Args:
            main: what it does.
            lifeline: a descriptor that ends when whoever asked for the audit is gone.
        """
        ours, theirs = Pipe()
        self._lifeline = lifeline
        self.pid = os.fork()
        if self.pid == 0:
            _become(main, ours, theirs)
        theirs.close()
        self._connection = ours
        self._is_reaped = False

    def send(self, message: Answer | LostAnswer | Deliver) -> None:
        """Let it go on."""
        with suppress(BrokenPipeError):  # it is gone: what is received next says so
            self._connection.send(message)

    def receive(self, patience: float) -> Any:
        """The next that it says.

        Raises:
            Hung: it said nothing for so many seconds.
            Gone: it says nothing more.
            Abandoned: nobody wants to know.
        """
        ready = wait([self._connection, self._lifeline], patience)
        if self._lifeline in ready:
            raise Abandoned
        if not ready:
            raise Hung
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise Gone from None

    def kill(self) -> None:
        """SIGKILL to it and to all that it started; no code of its own runs any more."""
        if self._is_reaped:
            return
        with suppress(ProcessLookupError, PermissionError):  # the group may not be there yet, or be gone
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._is_reaped = True
        self._connection.close()


def _become(main: Callable[[Connection], None], ours: Connection, theirs: Connection) -> None:
    """Be the child; never returns."""
    status = 70
    try:
        os.setpgid(0, 0)
        ours.close()
        main(theirs)
        status = 0
    finally:
        os._exit(status)
