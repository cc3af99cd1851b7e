"""A small payment server with a ledger of its own, which honours an Idempotency-Key as Stripe's does.

https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Charge(NamedTuple):
    """An entry of the ledger: money that was taken."""

    id: str
    request: dict[str, Any]
    idempotency_key: str | None


class Refused(Exception):
    """The request was not honoured; nothing was charged."""


class Ledger:
    """All charges, in their order."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.requests = 0
        self._lock = threading.Lock()

    def charge(self, request: dict[str, Any], key: str | None) -> tuple[Charge, bool]:
        """Charge, unless this key was charged before.

        Returns:
            The charge, and whether it is new.

        Raises:
            Refused: the key was used with another request.
        """
        with self._lock:
            self.requests += 1
            known = next((charge for charge in self.charges if key and charge.idempotency_key == key), None)
            if known is not None and known.request != request:
                raise Refused("Keys for idempotent requests can only be used with the same parameters.")
            if known is not None:
                return known, False
            new = Charge(f"ch_{len(self.charges) + 1}", request, key)
            self.charges.append(new)
            return new, True


class PaymentServer:
    """The server, in threads of this process; a context manager."""

    def __init__(self, port: int = 0) -> None:
        """Listen on the port of this host; 0: on any that is free."""
        self.ledger = Ledger()
        self.before_answering: Callable[[Charge, bool], object] | None = None
        """Called with each charge asked for, and whether it is new: it is in the ledger, and not yet answered."""
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> PaymentServer:
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(payments: PaymentServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path != "/v1/charges":
                return self._answer(HTTPStatus.NOT_FOUND, {"error": f"There is no {self.path}."})
            try:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                charge, is_new = payments.ledger.charge(request, self.headers["Idempotency-Key"])
            except (Refused, ValueError, TypeError) as error:
                return self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            if payments.before_answering is not None:
                payments.before_answering(charge, is_new)
            return self._answer(HTTPStatus.OK, {"id": charge.id, **charge.request}, replayed=not is_new)

        def _answer(self, status: HTTPStatus, body: dict[str, Any], *, replayed: bool = False) -> None:
            content = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if replayed:
                    self.send_header("Idempotent-Replayed", "true")
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                return  # who asked was killed meanwhile: that is what this server is for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 - as in http.server
            return  # the ledger tells

    return Handler
