"""An audit, asked for from any process: another one does it, and this one waits."""

from __future__ import annotations

import os
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
PROGRAM = "import sys; sys.path = [p for p in sys.path if p]; from twicesafe.audit.zygote import main; main({})"
"""A module of the user's folder must not take the place of one of ours."""
GRACE = 10.0
"""Seconds that all processes may take to end once they are let go."""


class AuditFailed(TwicesafeError):
    """The audit could not be made, and that is no verdict."""


def audit(job: Job, say: Callable[[int, int], object] = max) -> Audit:
    """Find out whether a handler may be delivered to twice.

    Args:
        say: called with the schedules done, and those known so far.

    Raises:
        ConfigurationError: the set-up is wrong, or this platform has no fork.
        NotLoadable: there is no such handler.
        AuditFailed: a fault of the audit itself.
    """
    check()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="twicesafe-audit-") as folder, tempfile.TemporaryFile() as log:
        ours, theirs = Pipe()
        process = subprocess.Popen(  # noqa: S603 - this interpreter, with a program of ours
            [sys.executable, "-c", PROGRAM.format(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        theirs.close()
        try:
            ours.send((job, os.path.realpath(folder)))
            answer = _receive(ours, say)
        finally:
            ours.close()  # all of its processes end when this is closed
            _end(process)
        if answer is None:
            log.seek(0)
            raise AuditFailed(f"The audit's own process ended. {log.read().decode(errors='replace')[-2000:]}")
    whole = round(time.perf_counter() - started, 3)
    rest = round(whole - sum(answer.seconds.values()), 3)
    return answer._replace(seconds={"start": rest, **answer.seconds, "all": whole})


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


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    if process.poll() is None:
        process.kill()
        process.wait()


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
