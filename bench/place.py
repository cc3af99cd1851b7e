"""Where it is measured: DynamoDB Local, and what stands before it to count, or to speak TLS."""

from __future__ import annotations

import json
import os
import select
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.bare import Written, recorded
from bench.ways import CONTEXT, TABLE, event, twicesafe
from tests.servers.dynamodb import dynamodb_local

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


class Tls(NamedTuple):
    """DynamoDB Local behind TLS."""

    endpoint: str
    root: str  # a file with the certificate of its authority, and nothing else
    bundle: str  # a file with that and all those of the system


class Tap:
    """Passes on what comes, and keeps it."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.partition("://")[2].partition(":")
        self.upstream = host, int(port)
        self.sent: list[bytearray] = []  # by connection
        self.endpoint = ""

    @property
    def requests(self) -> list[bytes]:
        """All that came."""
        return [b"POST / " + part for sent in self.sent for part in bytes(sent).split(b"POST / ")[1:]]

    def forget(self) -> None:
        """Count anew."""
        for sent in self.sent:
            sent.clear()


class Bench:
    """What the subjects share, each part made when it is first asked for."""

    def __init__(self, *, is_quick: bool) -> None:
        self.is_quick = is_quick
        self._undo = ExitStack()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def rounds(self, usually: int, quick: int) -> int:
        return quick if self.is_quick else usually

    @cached_property
    def folder(self) -> Path:
        return Path(self._undo.enter_context(tempfile.TemporaryDirectory(prefix="twicesafe-bench-")))

    @cached_property
    def endpoint(self) -> str:
        """DynamoDB Local with the table, and warm."""
        endpoint = self._undo.enter_context(dynamodb_local())
        self.store(endpoint).create_table()
        handler = twicesafe(self.store(endpoint))
        for _ in range(300):
            handler(event(), CONTEXT)
        return endpoint

    @cached_property
    def tls(self) -> Tls:
        """The same behind a certificate of an own authority, as DynamoDB's an RSA one; this process believes it."""
        import trustme

        authority = trustme.CA(key_type=trustme.KeyType.RSA)
        certificate, root, bundle = (self.folder / f"{name}.pem" for name in ("certificate", "root", "bundle"))
        issued = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA)
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        authority.cert_pem.write_to_path(str(root))
        system = ssl.get_default_verify_paths().cafile
        bundle.write_bytes((Path(system).read_bytes() if system else b"") + b"\n" + root.read_bytes())
        command = [sys.executable, "-m", "bench.tls", self.endpoint, str(certificate)]
        server = self._undo.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        assert server.stdout is not None
        endpoint = server.stdout.readline().strip()
        os.environ["AWS_CA_BUNDLE"] = str(root)
        return Tls(endpoint, str(root), str(bundle))

    @cached_property
    def written(self) -> Written:
        """The requests of a first execution, in a process that has had another: there a claim is a shorter one."""
        with tapped(self.endpoint) as tap:
            store = self.store(tap.endpoint)
            handler = twicesafe(store)
            handler(event(), CONTEXT)
            tap.forget()
            handler(event(), CONTEXT)
            store.close()
            return recorded(*tap.requests)

    def written_file(self) -> str:
        """That in a file, for another key."""
        path = self.folder / "written.json"
        anew = self.written.anew()
        path.write_text(json.dumps([[one.target, one.parameters] for one in (anew.claim, anew.completion)]))
        return str(path)

    def store(self, endpoint: str) -> Any:
        """A store at the endpoint; the machine may be busy."""
        from twicesafe.stores.dynamodb import DynamoDBStore

        return DynamoDBStore(TABLE, endpoint=endpoint, connect_timeout=30, read_timeout=30)

    def client(self, endpoint: str, connections: int = 10) -> Any:
        """A client of boto3's."""
        import boto3
        from botocore.config import Config

        return boto3.client("dynamodb", endpoint_url=endpoint, config=Config(max_pool_connections=connections))


@contextmanager
def tapped(upstream: str, context: ssl.SSLContext | None = None) -> Iterator[Tap]:
    """Listen before a server, by TLS with a context."""
    tap = Tap(upstream)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                _pass_on(self.request, tap, context)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        port = server.server_address[1]
        tap.endpoint = f"https://localhost:{port}" if context else f"http://127.0.0.1:{port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield tap
        finally:
            server.shutdown()


def _pass_on(client: socket.socket, tap: Tap, context: ssl.SSLContext | None) -> None:
    """Until one of the two ends. What comes by TLS is not kept: it would be much, and nobody asks for it."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        client = context.wrap_socket(client, server_side=True)
    sent = bytearray()
    tap.sent.append(sent)
    with client, socket.create_connection(tap.upstream) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            for one in select.select([client, server], [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                if one is client and context is None:
                    sent += data
                (server if one is client else client).sendall(data)


def environment(**others: str) -> dict[str, str]:
    """That of a fresh process: a function's on Lambda, and nothing of the person who measures."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "x" * 20,
        "AWS_SECRET_ACCESS_KEY": "x" * 40,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "TWICESAFE_STORE": f"dynamodb://{TABLE}",
        **others,
    }
