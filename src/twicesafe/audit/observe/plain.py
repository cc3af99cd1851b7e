"""Any value as JSON has it, so that it can be sent, compared and shown."""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

LARGE = 100_000
"""Bytes from which on a hash stands for them."""


def plain(value: Any) -> Any:
    """The value, with what JSON has not in other words."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, bytearray)):
        return of_bytes(bytes(value))
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if hasattr(value, "read"):
        return "<stream>"  # what is in it is seen when it is sent
    return f"<{type(value).__name__}>"


def of_bytes(content: bytes) -> Any:
    """Bytes as text, where they are text; large ones as their hash."""
    if len(content) > LARGE:
        return f"<{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}>"
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
