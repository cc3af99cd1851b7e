"""Warnings of calls that run without protection although they may change something: once for each function."""

from __future__ import annotations

from .decisions import logger

WITHOUT_KEY = (
    "%s runs a request from %s without protection: its caller sent no Idempotency-Key, so that the same request sent "
    "again runs again. Insist on a key with @idempotent(require_key=True), or take one out of the event with key=..."
)
OWN_RETRIES = (
    "%s is protected against Lambda's own retries only: an event from %s says nothing that identifies it, and whoever "
    "calls a second time has another request id. Take what identifies it out of the event: @idempotent(key=...)."
)
UNIDENTIFIED = (
    "%s runs an event from %s without protection: neither the event nor its context says what identifies it. Take that "
    "out of the event: @idempotent(key=...)."
)
FAIL_OPEN = (
    "%s runs an event from %s without protection, as fail_open asks, because its store did not answer (%s). It may run "
    "twice. Leave fail_open out where that is worse than an error."
)
DISABLED = (
    "%s runs %s without protection: TWICESAFE_DISABLED is set, so nothing is protected and every duplicate runs again. "
    "Take it out of the environment to protect it."
)
_warned: set[tuple[str, ...]] = set()


def warn_once(function: str, source: str, reason: str, *details: str) -> None:
    """Log a WARNING, the first time in this process that it is about this function, source and reason."""
    if (function, source, reason) not in _warned:
        _warned.add((function, source, reason))
        logger.warning(reason, function, source, *details)
