"""What an HTTP caller hears instead of an error, which replies tell them to try again, and how one is replayed.

An exception out of a handler behind HTTP is an empty 502 to the caller, so a refusal is a response of its own: problem
details (RFC 9457). The statuses are those of the Idempotency-Key draft of the IETF
(draft-ietf-httpapi-idempotency-key-header, 2.7): 400 without a key, 409 while another is running, 422 for another
payload. Other credentials are a 422 too, which its `type` tells apart.
"""

from __future__ import annotations

import json
import time

from ..errors import (
    CredentialsMismatch,
    InProgress,
    MalformedEvent,
    MissingKey,
    NotEnoughTime,
    PayloadMismatch,
    StoreUnavailable,
    UnusableKey,
)
from ..tuples import NamedTuple
from .reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..errors import TwicesafeError
    from ..protocol.records import Millis
    from .reader import Statuses


class _Problem(NamedTuple):
    status: int
    title: str
    detail: str
    type: str = ""  # none: about:blank (RFC 9457, 4.2.1)


HEADER = "the Idempotency-Key header"
REQUIRED = _Problem(400, "Idempotency-Key is missing", "Send an Idempotency-Key header, the same for each try.")
UNIDENTIFIED = _Problem(400, "Bad Request", "The request has no usable value in a field that identifies it.")
NOT_RUN = _Problem(503, "Service Unavailable", "The request was not run. Try again with the same key.")
PROBLEMS: dict[type[TwicesafeError], _Problem] = {
    MissingKey: UNIDENTIFIED,
    UnusableKey: UNIDENTIFIED,
    MalformedEvent: _Problem(
        400, "Idempotency-Key is malformed", "Send one key, of 1 to 255 printable ASCII characters."
    ),
    InProgress: _Problem(409, "A request is outstanding for this Idempotency-Key", "Try again later."),
    PayloadMismatch: _Problem(
        422, "Idempotency-Key is already used", "It was used with another request. Send a new key with a new request."
    ),
    CredentialsMismatch: _Problem(
        422,
        "Idempotency-Key was sent with other credentials",
        "The request was not run. Send it with the credentials that it was first sent with, or with a new key.",
        "urn:problem-type:twicesafe:other-credentials",
    ),
    StoreUnavailable: NOT_RUN,
    NotEnoughTime: NOT_RUN,
}
OF_ONE_ANSWER = ("set-cookie", "date")
"""Headers that are not kept: a cookie is a secret of the one who got it."""
OF_ONE_ORIGIN = ("access-control-allow-origin", "access-control-allow-credentials")
REPLAYED = "idempotency-replayed"
EXECUTED = "idempotency-executed-at"
"""When the execution began whose reply it is (RFC 3339): the record has that, and not when it was sent."""
COME_AGAIN = frozenset((401, 403, 408, 409, 423, 425, 429))
"""Below 500: not yet proven or allowed, timed out, in conflict, locked, too early, too often.

RFC 9110, 15.5.2, 15.5.4, 15.5.9 and 15.5.10; RFC 4918, 11.3; RFC 8470, 5.2; RFC 6585, 4.
"""


def _says_failed(statuses: Statuses, reply: Any) -> bool:
    """Such a request runs again when it comes again."""
    reply = _as_object(reply)
    status = _status(reply)
    if status is None or status in statuses.keep:
        return False
    if status in statuses.retry or status in COME_AGAIN or status >= 500:
        return True
    return status >= 400 and bool(_header(reply, "retry-after"))


def _as_object(value: Any) -> Any:
    """Return the dict that the runtime sends for this value; the value itself where it sends no object.

    It may have parts that cannot be sent at all: they do not matter to how it is judged.
    """
    if not isinstance(value, list) and callable(asdict := getattr(value, "_asdict", None)):
        value = asdict()
    return {_name(name): item for name, item in value.items()} if isinstance(value, dict) else value


def _name(name: Any) -> Any:
    if isinstance(name, bytes):
        return name.decode("utf-8", "replace")
    return str.__str__(name) if isinstance(name, str) else name


def _status(reply: Any) -> int | None:
    try:
        return int(reply["statusCode"]) if isinstance(reply, dict) else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _to_keep(reply: Any) -> Any:
    """Return all of a reply, as the runtime sends it, that is not for one caller alone."""
    from ..replies.runtime import as_sent
    from ..replies.text import Unkeepable

    try:
        sent = as_sent(reply)
    except (Unkeepable, RecursionError):
        return reply  # of which nothing can be kept either: the codec says so
    if not isinstance(sent, dict) or "statusCode" not in sent:
        return reply
    kept = _without({name: value for name, value in sent.items() if name != "cookies"}, OF_ONE_ANSWER)
    return reply if kept == reply else kept


def _replayed(event: Any, reply: Any, since: Millis) -> Any:
    """Return a kept reply as the answer to another event, with headers that say that it is a replay."""
    if not isinstance(reply, dict) or "statusCode" not in reply:
        return reply  # API Gateway makes a response of it: a header would be a part of its body
    allowed, asking = _header(reply, OF_ONE_ORIGIN[0]), _header(event, "origin")
    if asking is not None and allowed not in ("*", asking):
        reply = _without(reply, OF_ONE_ORIGIN)
    told = {REPLAYED: "true"}
    if since > 0:  # a record of Powertools' does not say
        told[EXECUTED] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since // 1000))
    if isinstance(reply.get("multiValueHeaders"), dict) and not reply.get("headers"):
        lists = {name: [value] for name, value in told.items()}
        return {**reply, "multiValueHeaders": {**reply["multiValueHeaders"], **lists}}
    headers = reply.get("headers") or {}
    return {**reply, "headers": {**headers, **told}} if isinstance(headers, dict) else reply


def _refused(error: TwicesafeError, _event: Any) -> dict[str, object] | None:
    """It names no key: the caller sent it, and what it is scoped by is not theirs to see."""
    problem = PROBLEMS.get(type(error))
    if problem is None:
        return None
    if isinstance(error, MissingKey) and error.part == HEADER:
        problem = REQUIRED
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if problem.status in (409, 503):
        headers["retry-after"] = str(error.retry_after if isinstance(error, InProgress) else 1)
    body: dict[str, object] = {"type": problem.type} if problem.type else {}
    body.update(title=problem.title, status=problem.status, detail=problem.detail)
    return {
        "statusCode": problem.status,
        "headers": headers,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _without(message: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A response without these headers."""
    changed = dict(message)
    for place in ("headers", "multiValueHeaders"):
        if isinstance(headers := message.get(place), dict):
            changed[place] = {name: value for name, value in headers.items() if str(name).lower() not in names}
    return changed


def _header(message: Any, wanted: str) -> str | None:
    """One header of a request or a response, where it has a value."""
    for place in ("headers", "multiValueHeaders"):
        headers = _as_object(message.get(place))
        for name, value in headers.items() if isinstance(headers, dict) else ():
            if str(name).lower() == wanted and value not in (None, "", []):
                return ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return None


HTTP = Reader(_says_failed, _to_keep, _replayed, _refused)
