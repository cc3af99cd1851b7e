"""What Lambda's Python runtime can send as a handler's reply.

It marshals with simplejson: what json knows, Decimal, and tuples and NamedTuples; for all else the
invocation fails with Runtime.MarshalError, after the handler has returned.
https://github.com/aws/aws-lambda-python-runtime-interface-client (lambda_runtime_marshaller.py)
"""

from __future__ import annotations

import sys


def why_not_sent(value: object, path: str = "reply") -> str | None:
    """Why the runtime could not send this, or None if it can."""
    if value is None or isinstance(value, (str, int, float)):
        return None
    if isinstance(value, dict):
        for name, item in value.items():
            if not (name is None or isinstance(name, (str, int, float))):
                return f"{path} has a name of type {type(name).__qualname__}, which Lambda's runtime cannot send"
            if (reason := why_not_sent(item, f"{path}.{name}")) is not None:
                return reason
        return None
    if isinstance(value, (list, tuple)):
        reasons = (why_not_sent(item, f"{path}[{index}]") for index, item in enumerate(value))
        return next((reason for reason in reasons if reason is not None), None)
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return None
    return f"{path} is a {type(value).__qualname__}, which Lambda's runtime cannot send"
