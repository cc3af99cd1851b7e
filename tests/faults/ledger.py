"""Counts effects in a process of its own: what it has counted has happened, whatever becomes of who asked for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = """
import collections, socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        word, _, name = self.rfile.readline().strip().decode().partition(" ")
        counts[name] += word == "add"
        self.wfile.write(b"%d" % counts[name])
counts = collections.Counter()
with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""


class Ledger:
    """Talks to the server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def add(self, name: str) -> int:
        """Have an effect; how often it has now been had."""
        return self._ask(f"add {name}")

    def count(self, name: str) -> int:
        """How often an effect was had."""
        return self._ask(f"count {name}")

    def _ask(self, line: str) -> int:
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(line.encode() + b"\n")
            return int(connection.makefile().read())


@contextmanager
def ledger() -> Iterator[Ledger]:
    """Start the server; stop it in the end."""
    command = [sys.executable, "-IS", "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield Ledger(int(server.stdout.readline()))
        finally:
            server.kill()
