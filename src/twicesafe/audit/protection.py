"""The decorator as it must be written for an event: one that says nothing of itself needs a key. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..keys.sources import Unit

OWN = re.compile(r"(?i)(idempotency_?key|request_?id|(event|message)_?id)")
"""Names of what identifies the request itself."""
PEOPLE = re.compile(r"(?i)(account|client|customer|device|member|org|organi[sz]ation|owner|session|tenant|user)_?id")
"""Names of what many requests have in common."""
ID = re.compile(r"id|\w+(_id|Id|ID)")
NAME = re.compile(r"[A-Za-z_]\w*")
DEPTH = 3


def decorator_for(event: Any, unit: Unit) -> str:
    """What stands above a handler of such events.

    Args:
        unit: the first delivery that is in it.
    """
    if unit.identity is not None:
        return "@idempotent"
    found = min(_candidates(event, unit), default=None)
    return f'@idempotent(key="{found[-1]}")' if found is not None else "@idempotent(key=…)"


def _candidates(event: Any, unit: Unit) -> Iterator[tuple[int, int, str]]:
    """How little a name says, how deep it lies, and its path; in what the user's own callers write."""
    if unit.source == "direct":
        yield from _named(event, "", 1)
    elif unit.kind == "client" and isinstance(event, dict):
        try:
            yield from _named(json.loads(event.get("body") or "null"), "json(body).", 1)
        except (TypeError, ValueError):
            return


def _named(value: Any, path: str, depth: int) -> Iterator[tuple[int, int, str]]:
    for name, each in value.items() if isinstance(value, dict) else ():
        if not NAME.fullmatch(name):
            continue
        if isinstance(each, dict) and depth < DEPTH:
            yield from _named(each, f"{path}{name}.", depth + 1)
        elif isinstance(each, (str, int)) and each and ID.fullmatch(name) and not PEOPLE.fullmatch(name):
            yield (0 if OWN.fullmatch(name) else 1, depth, f"{path}{name}")
