"""One process that runs a handler once, as seen and ended by its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import marshal
from .context import variables
from .loading import NotLoadable, Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO, Literal, TypeAlias

    Ending: TypeAlias = Literal["returned", "raised", "killed", "timed out", "exited"]

INIT_LIMIT = 30.0
"""Seconds that an import may take. Lambda allows 10, of a machine that is not shared with other deliveries.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""


class Function(NamedTuple):
    """A handler as it is deployed here."""

    target: Target
    timeout: float  # seconds
    environment: Mapping[str, str] = {}


class Call(NamedTuple):
    """What a delivery gives to the handler."""

    event: str  # JSON
    request_id: str


class Delivered(NamedTuple):
    """What became of one delivery."""

    call: Call
    ending: Ending
    reply: Any  # what the platform got, an error included; None: it was killed, and the platform got nothing
    decisions: tuple[dict[str, Any], ...]  # fields of twicesafe.decisions.Decision, the error as text
    duration: float  # milliseconds
    is_async: bool
    log: str


class Sandbox:
    """A process, from its start to its end, with all that it starts itself."""

    def __init__(self, function: Function) -> None:
        """Start it, and let it import the handler."""
        self._function = function
        self._why_killed: Ending | None = None
        self._reaped = False
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at its end; it has no name
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "twicesafe.lab.child"],  # -u: what it printed is there when it is killed
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            env=self._environment(),
            start_new_session=True,  # a group of its own: it is killed with all that it started
        )
        self._sent, self._received = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        self._init_timer = self._kill_in(INIT_LIMIT, "timed out")
        self._send(function.target._asdict())

    def wait_until_ready(self) -> None:
        """Wait until it can be called.

        Raises:
            NotLoadable: it cannot.
        """
        message = self._receive()
        self._init_timer.cancel()
        if message is None and self._why_killed == "timed out":
            raise NotLoadable(
                f"The import of {self._function.target.module!r} was not over after {INIT_LIMIT:.0f} s; "
                "Lambda allows 10."
            )
        if message is None:
            raise NotLoadable(f"The import of {self._function.target.module!r} ended its process. {self._last_words()}")
        if message["kind"] == "refused":
            raise NotLoadable(message["reason"])

    def begin(self, call: Call, kill_after: float | None = None) -> None:
        """Give it the event; from now on its time runs.

        Args:
            kill_after: seconds.
        """
        self._call, self._began = call, time.monotonic()
        timeout = self._function.timeout
        self._timers = [self._kill_in(timeout, "timed out")]
        if kill_after is not None and kill_after < timeout:
            self._timers.append(self._kill_in(kill_after, "killed"))
        deadline = time.time_ns() // 1_000_000 + round(timeout * 1000)
        self._send({"event": call.event, "request_id": call.request_id, "deadline": deadline})

    def wait(self) -> Delivered:
        """Wait for its reply, or its end."""
        decisions = []
        message = self._receive()
        while message is not None and message["kind"] == "decision":
            decisions.append({name: value for name, value in message.items() if name != "kind"})
            message = self._receive()
        passed = (time.monotonic() - self._began) * 1000
        self.end()
        if message is None:
            return Delivered(self._call, *self._died(), tuple(decisions), passed, False, self._said)
        ending: Ending = "raised" if message["is_error"] else "returned"
        reply, duration, is_async = json.loads(message["payload"]), message["duration"], message["is_async"]
        return Delivered(self._call, ending, reply, tuple(decisions), duration, is_async, self._said)

    def kill(self, why: Ending = "killed") -> None:
        """Send SIGKILL to it and to all that it started, as Lambda does; from any thread."""
        with self._lock:
            if self._reaped:
                return
            self._why_killed = self._why_killed or why
            _kill(self._process)

    def end(self) -> None:
        """See to it that nothing of it is left; a second time does nothing."""
        self._init_timer.cancel()
        for timer in self._timers:
            timer.cancel()
        with self._lock:
            if not self._reaped:
                _kill(self._process)  # before the wait, which gives its number free
                self._process.wait()
                self._reaped = True
                self._said = self._read_log()
                self._close()

    def _read_log(self) -> str:
        """What it wrote to its standard output and error."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _close(self) -> None:
        self._log.close()
        self._received.close()
        with suppress(BrokenPipeError):  # what it did not read any more
            self._sent.close()

    def _environment(self) -> dict[str, str]:
        target = self._function.target
        usual = variables(target.function_name, target.lambda_handler, target.root)
        return {**usual, **self._function.environment}

    def _send(self, message: Mapping[str, object]) -> None:
        try:
            self._sent.write(json.dumps(message) + "\n")
            self._sent.flush()
        except BrokenPipeError:
            return  # it has ended already: what is received next says so

    def _receive(self) -> dict[str, Any] | None:
        line = self._received.readline()
        return json.loads(line) if line.endswith("\n") else None  # a killed process may leave half a line

    def _kill_in(self, seconds: float, why: Ending) -> threading.Timer:
        timer = threading.Timer(seconds, self.kill, [why])
        timer.daemon = True
        timer.start()
        return timer

    def _died(self) -> tuple[Ending, Any]:
        """How it ended without a reply, and what Lambda says of that."""
        if self._why_killed == "killed":
            return "killed", None
        if self._why_killed == "timed out":
            seconds = f"{self._function.timeout:.2f} seconds"
            return "timed out", self._error("Sandbox.Timedout", f"Error: Task timed out after {seconds}")
        status = self._process.returncode
        how = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return "exited", self._error("Runtime.ExitError", f"Error: Runtime exited with error: {how}")

    def _error(self, kind: str, message: str) -> Any:
        text = f"RequestId: {self._call.request_id} {message}"
        return json.loads(marshal.of_kind(kind, text, self._call.request_id).payload)

    def _last_words(self) -> str:
        lines = self._read_log().strip().splitlines()
        return f"Its last words: {lines[-1]}" if lines else "It said nothing."


def _kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the whole group, where there are groups; the process itself was not waited for yet."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        return  # nothing of it is left; macOS says the latter of a group of zombies
