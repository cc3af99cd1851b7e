"""What a handler returned or raised, as Lambda's Python runtime sends it on."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, NamedTuple

from ..replies.runtime import as_sent
from ..replies.text import Unkeepable

if TYPE_CHECKING:
    from decimal import Decimal


class Reply(NamedTuple):
    """A handler's end: what the platform got from it."""

    is_error: bool
    payload: str  # JSON


def of_value(value: object, request_id: str) -> Reply:
    """The reply, or the error that it cannot be one."""
    try:
        sent = as_sent(value)
        return Reply(False, _raw(sent) if isinstance(sent, bytes) else _json(sent))
    except (Unkeepable, ValueError, RecursionError) as error:
        return of_kind("Runtime.MarshalError", f"Unable to marshal response: {error}", request_id)


def of_error(error: BaseException, request_id: str) -> Reply:
    """The error as the caller sees it; the frames of this lab are left out, as the runtime leaves out its own."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if os.path.dirname(frame.filename) != _HERE]
    return of_kind(type(error).__name__, str(error), request_id, traceback.format_list(frames))


def of_kind(kind: str, message: str, request_id: str, stack: list[str] | None = None) -> Reply:
    """An error in the shape that Lambda's callers know."""
    fields = {"errorMessage": message, "errorType": kind, "requestId": request_id}
    return Reply(True, json.dumps({**fields, "stackTrace": stack} if stack is not None else fields))


def _raw(sent: bytes) -> str:
    """Bytes go out as they are; the caller reads JSON in them, if they are that."""
    text = sent.decode(errors="replace")
    try:
        json.loads(text)
    except ValueError:
        return _json(text)
    return text


def _json(value: object) -> str:
    return json.dumps(value, default=_number)


def _number(value: Decimal) -> int | float:
    """What is no type of JSON's is a Decimal here: as_sent lets nothing else pass."""
    return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)


_HERE = os.path.dirname(__file__)
