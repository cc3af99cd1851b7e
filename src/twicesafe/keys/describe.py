"""What the library makes of an event, for people and for programs."""

from __future__ import annotations

from .sources import Unit, key_of, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FUNCTION = "FUNCTION"
"""In the place of the function's name, which the event does not tell."""
WHY = {
    "natural": "identified by its source",
    "client": "identified by its caller, by the key that the caller sends",
    "explicit": "not identified by anything in it",
    "never": "run each time, on purpose: a repeat asks anew, or says nothing",
}
NO_KEY = {
    "natural": "It runs unprotected.",
    "client": (
        "None was sent, so it runs unprotected. @idempotent(require_key=True) insists on one; "
        "@idempotent(key=...) takes one out of the event."
    ),
    "explicit": (
        "It runs under Lambda's request id, which only Lambda's own retries share. "
        "@idempotent(key=...) takes a key out of it."
    ),
    "never": "It runs unprotected, unless @idempotent(key=...) gives it one.",
}


def describe(event: Any, function: str = FUNCTION) -> list[dict[str, object]]:
    """Each delivery in an event, with its key.

    Raises:
        MalformedEvent: its source is known, and it is not what that source sends.
    """
    return [
        {
            "source": unit.source,
            "class": unit.kind,
            "key": None if unit.identity is None else key_of(function, unit),
            "identity": None if unit.identity is None else dict(unit.identity),
            "scope": dict(unit.scope),
            "compared": dict(unit.compared),
            "left_out": dict(unit.left_out),
            "expires_after": unit.expires_after,
            "on_conflict": unit.on_conflict,
            "reply_kept": unit.reply_kept,
        }
        for unit in units(event)
    ]


def explain(event: Any, function: str = FUNCTION) -> str:
    """The same in words: what identifies each delivery, what is compared, what was left out, and why."""
    found = units(event)
    paragraphs = [_words(unit, f"Delivery {place} of {len(found)}", function) for place, unit in enumerate(found, 1)]
    if function == FUNCTION and any(unit.identity is not None for unit in found):
        paragraphs.append([f"{FUNCTION} stands for the function's name; the hash is another for each name."])
    first = found[0]  # what is compared and left out is the same for all records of a batch
    paragraphs += [
        _duplicate(found),
        _reasons("Compared under a key:", first.compared),
        _reasons("Left out of the identity:", first.left_out),
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def _words(unit: Unit, title: str, function: str) -> list[str]:
    first = f"{title}: {unit.source}, {WHY[unit.kind]}."
    scope = [f"  for the caller with {name}: {value}" for name, value in unit.scope.items()]
    if unit.identity is None:
        return [first, f"  No key. {NO_KEY[unit.kind]}", *scope]
    return [
        first,
        *(f"  {name}: {value}" for name, value in unit.identity.items()),
        *scope,
        f"  Key: {key_of(function, unit)}",
        f"  Remembered for {_span(unit.expires_after)}.",
    ]


def _duplicate(found: Sequence[Unit]) -> list[str]:
    """What a duplicate gets, which is the same for all records of a batch."""
    unit = next((unit for unit in found if unit.identity is not None), None)
    if unit is None:
        return []
    running = "waits for it" if unit.on_conflict == "wait" else "is refused, to come again"
    gets = "gets the first reply" if unit.reply_kept else "does nothing; nobody reads the reply, so none is kept"
    return [f"A duplicate {gets}. While the first is still running, it {running}."]


def _reasons(title: str, fields: Sequence[tuple[str, str]]) -> list[str]:
    return [title, *(f"  {name}: {why}." for name, why in fields)] if fields else []


def _span(seconds: int) -> str:
    """Whole days where there are several, and the hours that are left."""
    days, rest = divmod(seconds, 86_400)
    hours = rest // 3_600
    if days < 2:
        return f"{seconds // 3_600} hours"
    return f"{days} days" + (f" and {hours} hour{'s' * (hours > 1)}" if hours else "")
