"""Audits, asked for from any process: another one makes them, and this one waits."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, TwicesafeError
from ..lab.loading import NotLoadable
from .messages import Failed, Progress, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from .results import Audit
    from .settings import Job

NEEDED = {"moto": "moto", "time_machine": "time-machine", "h11": "h11", "boto3": "boto3", "yaml": "PyYAML"}
if sys.version_info < (3, 11):
    NEEDED["tomli"] = "tomli"
PROGRAM = "import sys; sys.path = [p for p in sys.path if p]; from twicesafe.audit.nursery import main; main({})"
"""A module of the user's folder must not take the place of one of ours."""
GRACE = 10.0
"""Seconds that all processes may take to end once they are let go."""


class AuditFailed(TwicesafeError):
    """The audit could not be made, and that is no verdict."""


class Auditor:
    """A process that makes audits, one after the other: what they share is loaded once.

    Raises:
        ConfigurationError: the set-up is wrong, or this platform has no fork.
    """

    def __init__(self) -> None:
        check()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with a program of ours
                [sys.executable, "-c", PROGRAM.format(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                start_new_session=True,
            )

    def __enter__(self) -> Auditor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and all that it started."""
        self._orders.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        if self._process.poll() is None:
            self._kill()
        self._log.close()

    def audit(self, job: Job, say: Callable[[int, int], object] = max) -> Audit:
        """Find out whether a handler may be delivered to twice; see `audit`."""
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="twicesafe-audit-") as folder:
            ours, theirs = Pipe()
            try:
                with theirs, suppress(BrokenPipeError, ConnectionResetError):  # it has ended: no answer comes
                    socket.send_fds(self._orders, [b"."], [theirs.fileno()])
                    ours.send((job, os.path.realpath(folder), dict(os.environ), os.getcwd()))
                answer = _receive(ours, say)
            finally:
                ours.close()  # all of the audit's processes end when this is closed
                self._wait()
        if answer is None:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace")[-2000:]
            raise AuditFailed(f"The audit's own process ended. {said}")
        whole = round(time.perf_counter() - started, 3)
        rest = round(whole - sum(answer.seconds.values()), 3)
        return answer._replace(seconds={"start": rest, **answer.seconds, "all": whole})

    def _wait(self) -> None:
        """Until all processes of the audit have ended."""
        self._orders.settimeout(GRACE)
        with suppress(ConnectionResetError):
            try:
                self._orders.recv(1)
            except TimeoutError:
                self._kill()  # no audit can follow one that does not end

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def audit(job: Job, say: Callable[[int, int], object] = max) -> Audit:
    """Find out whether a handler may be delivered to twice.

    Args:
        say: called with the schedules done, and those known so far.

    Raises:
        ConfigurationError: the set-up is wrong, or this platform has no fork.
        NotLoadable: there is no such handler.
        AuditFailed: a fault of the audit itself.
    """
    with Auditor() as auditor:
        return auditor.audit(job, say)


def _receive(connection: Connection, say: Callable[[int, int], object]) -> Audit | None:
    done = known = 0
    while True:
        try:
            message: Any = connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(message, Progress):
            done, known = done + 1, max(done + 1, known, message.known)
            say(done, known)
        elif isinstance(message, Refused):
            raise (NotLoadable if message.is_of_handler else ConfigurationError)(message.reason)
        elif isinstance(message, Failed):
            raise AuditFailed(f"The audit failed; this is a fault of twicesafe, please report it.\n{message.trace}")
        else:
            answer: Audit = message
            return answer


def check() -> None:
    """See that an audit can be made here.

    Raises:
        ConfigurationError: this platform has no fork, or a package is missing.
    """
    from importlib.util import find_spec

    if not hasattr(os, "fork"):
        raise ConfigurationError(
            "The audit forks processes, and this platform cannot. On Windows, run it in WSL: "
            "https://learn.microsoft.com/windows/wsl/install"
        )
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ConfigurationError(f"The audit needs {', '.join(missing)}: pip install 'twicesafe[audit]'")
