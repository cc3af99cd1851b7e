"""All other hosts: what they answer is what the user says, or what most would say."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..messages import Answer
from .effects import body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..messages import HttpRequest
    from ..results import Key

JSON = {"Content-Type": "application/json"}


class Web:
    """Every host there is, in one world."""

    def __init__(self, declared: Sequence[Mapping[str, Any]], new_id: Callable[[], str], *, tokens: bool) -> None:
        """Begin without memory.

        Args:
            declared: method, url (with stars), status and reply of what is known.
            new_id: gives an id that no other answer has.
            tokens: whether hosts that honour a key do so.
        """
        self._declared = declared
        self._new_id = new_id
        self._tokens = tokens
        self._by_key: dict[tuple[str, str], tuple[str, Any, Answer]] = {}

    def answer(self, request: HttpRequest, key: Key | None) -> Answer:
        """Answer a request; the same key gets the same answer where the host honours it."""
        body = body_of(request)
        if key is None or not key.is_honoured or not self._tokens:
            return self._fresh(request, body)
        known = self._by_key.get((key.system, key.value))
        if known is None:
            answer = self._fresh(request, body)
            self._by_key[key.system, key.value] = (request.url, body, answer)
            return answer
        if known[:2] != (request.url, body):
            return _json(400, {"error": {"type": "idempotency_error", "message": "Keys need the same parameters."}})
        return known[2]._replace(headers={**known[2].headers, "Idempotent-Replayed": "true"})

    def _fresh(self, request: HttpRequest, body: Any) -> Answer:
        for row in self._declared:
            if _matches(row, request):
                return _declared(row)
        if urlsplit(request.url).path.endswith("/token") or b"grant_type=" in request.body:
            return _json(200, {"access_token": "token", "token_type": "bearer", "expires_in": 3600})
        if request.method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            return _json(200, {})
        fields = body if isinstance(body, dict) else {}
        made = {"id": self._new_id()} if request.method == "POST" else {}
        return _json(200, {**fields, **made})


def _matches(row: Mapping[str, Any], request: HttpRequest) -> bool:
    method = str(row.get("method", "*")).upper()
    return fnmatch.fnmatchcase(request.method.upper(), method) and fnmatch.fnmatchcase(
        request.url, str(row.get("url", "*"))
    )


def _declared(row: Mapping[str, Any]) -> Answer:
    reply, status = row.get("reply", {}), int(row.get("status", 200))
    if isinstance(reply, str):
        return Answer(status, {"Content-Type": "text/plain; charset=utf-8"}, reply.encode())
    return _json(status, reply)


def _json(status: int, value: Any) -> Answer:
    return Answer(status, JSON, json.dumps(value).encode())
