"""What is neither an AWS call nor HTTP: other processes, native clients, and ways around the sockets.

Audit hooks don't see C libraries: psycopg's connect raises no event at all. So there is a table of them.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .files import Files
    from .link import Link

PROCESSES = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)
HARMLESS = ("platform.py", os.path.join("ctypes", "util.py"), "sysconfig.py")
"""The standard library asks `uname` and `ldconfig` by itself."""
NATIVE = {
    "psycopg": "PostgreSQL",
    "psycopg2": "PostgreSQL",
    "asyncpg": "PostgreSQL",
    "oracledb": "Oracle",
    "cx_Oracle": "Oracle",
    "MySQLdb": "MySQL",
    "mysql.connector": "MySQL",
    "pyodbc": "ODBC",
    "pymssql": "SQL Server",
    "confluent_kafka": "Kafka",
    "grpc": "gRPC",
    "pycurl": "curl",
    "curl_cffi": "curl",
    "pyreqwest": "HTTP",
    "uvloop": "an event loop of its own",
    "duckdb": "DuckDB",
    "snowflake.connector": "Snowflake",
    "couchbase": "Couchbase",
    "aerospike": "Aerospike",
    "pulsar": "Pulsar",
    "ibm_db": "Db2",
    "awscrt": "the AWS Common Runtime",
    "zmq": "ZeroMQ",
}
"""Modules that speak to the outside from C, Rust or the like."""


SYSTEM_CALLS = frozenset({"connect", "send", "sendto", "sendmsg", "sendmmsg", "write", "writev", "system", "popen"})
SYSTEM_CALLS |= {"execv", "execve", "execvp", "fork", "vfork", "posix_spawn", "fopen", "creat", "unlink", "rename"}
"""What a library of C is asked for by who wants to reach the outside."""


class Hooks:
    """Watches this process by its audit events."""

    def __init__(self, link: Link, files: Files) -> None:
        self._link = link
        self._files = files
        self._before: frozenset[str] = frozenset()
        self._busy = threading.local()  # what one thread notes must not blind the others

    def install(self) -> None:
        """Begin; there is no end."""
        self._before = frozenset(name for name in NATIVE if name in sys.modules)
        sys.addaudithook(self._hear)
        patched: Any = importlib.import_module("_posixsubprocess")  # multiprocessing starts processes without an event
        patched.fork_exec = lambda words, *_: self._refuse_process("subprocess.Popen", (None, words))

    def note_native(self) -> None:
        """Say which clients were loaded that nothing is seen of."""
        for name, system in NATIVE.items():
            if name in sys.modules and name not in self._before:
                self._link.note(f"what {name} does ({system}): it is native code")

    def _hear(self, event: str, arguments: Any) -> None:
        if getattr(self._busy, "now", False):
            return
        if event in PROCESSES:
            self._refuse_process(event, arguments)
        elif event == "socket.connect" and not _is_local(arguments[1]):
            self._note(f"a connection to {arguments[1]!r}")
            raise ConnectionRefusedError("the audit lets nothing out of this machine")
        elif event in ("socket.sendto", "socket.sendmsg") and not _is_local(arguments[1]):
            self._note(f"datagrams to {arguments[1]!r}")
            raise ConnectionRefusedError("the audit lets nothing out of this machine")
        elif event == "ctypes.dlsym" and arguments[1] in SYSTEM_CALLS:
            self._note(f"the call of {arguments[1]} through ctypes")
        else:
            self._files.hear(event, arguments)

    def _note(self, what: str) -> None:
        self._busy.now = True
        try:
            self._link.note(what)
        finally:
            self._busy.now = False

    def _refuse_process(self, event: str, arguments: Any) -> None:
        frame = sys._getframe(2)  # noqa: SLF001 - whoever starts it
        while frame is not None:
            if frame.f_code.co_filename.endswith(HARMLESS):
                return
            frame = frame.f_back  # type: ignore[assignment]  # the outermost has none
        what = arguments[1] if event == "subprocess.Popen" else arguments[0] if arguments else event
        words = " ".join(map(str, what)) if isinstance(what, (list, tuple)) else str(what)
        self._note(f"another process: {words[:120]}")
        raise PermissionError(f"The audit starts no other process: {words[:120]}")


def _is_local(address: Any) -> bool:
    """Whether nothing leaves this machine for it."""
    if not isinstance(address, tuple):
        return True  # a path, or None on a connected socket
    return str(address[0]).startswith(("127.", "240.0.")) or address[0] in ("::1", "localhost")
