"""A server that honours an Idempotency-Key as Stripe's API v1 does, for Stripe's own library.

The first answer is given again, an error too; other parameters are a 400 of the type idempotency_error, and a
request while the first one is running is a 409. https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Answer(NamedTuple):
    """What was answered under a key; no status: it is still running."""

    request: bytes
    status: int = 0
    body: dict[str, Any] = {}


class Stripe:
    """What it did, and what it remembers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.made: list[str] = []  # requests that had their effect
        self.headers: list[dict[str, str]] = []
        self.then: Callable[[], Any] = lambda: None  # called after the effect, before the answer
        self._known: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def ask(self, request: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], bool]:
        """Answer one POST: its status, its body, and whether it is an answer given again."""
        self.headers.append(headers)
        key = headers.get("idempotency-key")
        with self._lock:
            known = self._known.get(key) if key else None
            if known is None and key:
                self._known[key] = Answer(request)
        if known is not None:
            if known.request != request:
                return 400, _error("idempotency_error", "Keys can only be used with the same parameters."), False
            if not known.status:
                return 409, _error("invalid_request_error", "in use", "idempotency_key_in_use"), False
            return known.status, known.body, True
        status, body = self._do(request)
        if key:
            self._known[key] = Answer(request, status, body)
        return status, body, False

    def _do(self, request: bytes) -> tuple[int, dict[str, Any]]:
        self.made.append(request.decode())
        self.then()
        if b"declined" in request:
            return 402, _error("card_error", "declined", "card_declined")
        return 200, {"id": f"pi_{len(self.made)}", "object": "payment_intent"}


def _error(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "code": code}}


@contextmanager
def stripe_server() -> Iterator[Stripe]:
    """Run it, in threads of this process."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.path.encode() + b" " + self.rfile.read(int(self.headers["Content-Length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, again = stripe.ask(request, headers)
            self._answer(status, body, again)

        def do_GET(self) -> None:
            stripe.headers.append({name.lower(): value for name, value in self.headers.items()})
            self._answer(200, {}, False)

        def _answer(self, status: int, body: dict[str, Any], again: bool) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if again:
                self.send_header("Idempotent-Replayed", "true")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stripe = Stripe(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield stripe
    finally:
        server.shutdown()
        server.server_close()
