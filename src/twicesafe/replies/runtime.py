"""What Lambda's Python runtime sends as a handler's reply.

It marshals with simplejson: what json knows, their subclasses as their bases, Decimal as a number,
NamedTuples as objects, bytes as text, and bytes alone as they are. For all else the invocation fails
with Runtime.MarshalError, after the handler has returned.
https://github.com/aws/aws-lambda-python-runtime-interface-client (lambda_runtime_marshaller.py)
"""

from __future__ import annotations

import sys

from .text import Unkeepable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def as_sent(reply: Any) -> Any:
    """The reply in types that can be kept, such that the runtime sends the same.

    Raises:
        Unkeepable: the runtime could not send it.
    """
    return bytes(reply) if isinstance(reply, bytes) else _sent(reply)


def _sent(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, int, float)):
        return _scalar(value)
    if isinstance(value, list):
        return [_sent(item) for item in value]
    if callable(getattr(value, "_asdict", None)):
        return _sent(value._asdict())
    if isinstance(value, tuple):
        return tuple(_sent(item) for item in value)
    if isinstance(value, dict):
        return {_name(name): _sent(item) for name, item in value.items()}
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return decimal.Decimal(str(value))
    raise Unkeepable(f"it has a {type(value).__qualname__}, which Lambda's runtime cannot send")


def _scalar(value: Any) -> Any:
    """As the built-in type that it is a kind of; simplejson asks a number for its value, and a str for nothing."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return _text(value)
    return int(value) if isinstance(value, int) else float(value)


def _name(name: Any) -> Any:
    if name is None or isinstance(name, (str, bytes, int, float)):
        return _scalar(name)
    raise Unkeepable(f"it has a name of type {type(name).__qualname__}, which Lambda's runtime cannot send")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unkeepable("it has bytes that are not UTF-8, which Lambda's runtime cannot send") from None
