"""What an HTTP caller hears instead of a reply: problem details (RFC 9457).

An exception out of a handler behind HTTP is an empty 502 to the caller. The statuses are those of the
Idempotency-Key draft of the IETF (draft-ietf-httpapi-idempotency-key-header, 2.7): 400 without a key,
409 while another is running, 422 for another payload.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from .errors import InProgress, MalformedEvent, MissingKey, NotEnoughTime, PayloadMismatch, StoreUnavailable

if TYPE_CHECKING:
    from .errors import TwicesafeError


class _Problem(NamedTuple):
    status: int
    title: str
    detail: str


REQUIRED = _Problem(400, "Idempotency-Key is missing", "Send an Idempotency-Key header, the same for each try.")
PROBLEMS: dict[type[TwicesafeError], _Problem] = {
    MissingKey: REQUIRED,
    MalformedEvent: _Problem(400, "Idempotency-Key is malformed", "Send 1 to 255 printable ASCII characters."),
    InProgress: _Problem(409, "A request is outstanding for this Idempotency-Key", "Try again later."),
    PayloadMismatch: _Problem(
        422, "Idempotency-Key is already used", "It was used with another request. Send a new key with a new request."
    ),
    StoreUnavailable: _Problem(503, "Service Unavailable", "The request was not run. Try again with the same key."),
    NotEnoughTime: _Problem(503, "Service Unavailable", "The request was not run. Try again with the same key."),
}


def says_failed(reply: object) -> bool:
    """Whether a proxy response tells its caller to try again, so that it must not be kept (rule 10)."""
    status = reply.get("statusCode") if isinstance(reply, dict) else None
    try:
        return status is not None and (int(status) >= 500 or int(status) in (401, 403, 429))
    except (TypeError, ValueError):
        return False


def to_http(error: TwicesafeError) -> dict[str, object] | None:
    """The proxy response for an error that a caller can act on; None for any other.

    It names no key: the caller sent it, and what it is scoped by is not theirs to see.
    """
    problem = PROBLEMS.get(type(error))
    if problem is None:
        return None
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if problem.status in (409, 503):
        headers["retry-after"] = str(error.retry_after if isinstance(error, InProgress) else 1)
    body = {"title": problem.title, "status": problem.status, "detail": problem.detail}
    return {
        "statusCode": problem.status,
        "headers": headers,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
