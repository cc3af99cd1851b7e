"""What the library makes of an event, for people and for programs."""

from __future__ import annotations

from typing import Any

from .sources import Unit, key_of, units

FUNCTION = "FUNCTION"
"""In the place of the function's name, which the event does not tell."""
WHY = {
    "natural": "identified by its source",
    "client": "identified by the caller, where the caller sends a key",
    "explicit": "not identified: say key=, or it is Lambda's request id, which only Lambda's own retries share",
    "never": "run each time: a repeat asks anew, or says nothing",
}


def describe(event: Any) -> list[dict[str, object]]:
    """Each delivery in an event, with its key.

    Raises:
        MalformedEvent: its source is known, and it is not what that source sends.
    """
    return [
        {
            "source": unit.source,
            "class": unit.kind,
            "key": None if unit.identity is None else key_of(FUNCTION, unit),
            "identity": None if unit.identity is None else dict(unit.identity),
            "expires_after": unit.expires_after,
            "on_conflict": unit.on_conflict,
            "reply_kept": unit.reply_kept,
        }
        for unit in units(event)
    ]


def explain(event: Any) -> str:
    """The same in words, and what was left out of the identity and why."""
    found = units(event)
    return "\n\n".join(
        "\n".join(_words(unit, f"Delivery {place} of {len(found)}")) for place, unit in enumerate(found, 1)
    )


def _words(unit: Unit, title: str) -> list[str]:
    lines = [f"{title}: {unit.source}, {WHY[unit.kind]}.", *_identity(unit)]
    return lines + [f"  Left out: {name}: {why}." for name, why in unit.left_out]


def _identity(unit: Unit) -> list[str]:
    if unit.identity is None:
        return ["  No key: as it stands, it runs unprotected."]
    running = "waits for the reply" if unit.on_conflict == "wait" else "is refused, to come again"
    return [
        *(f"  {name}: {value}" for name, value in unit.identity.items()),
        *(f"  for the caller with {name}: {value}" for name, value in unit.scope.items()),
        f"  Key: {key_of(FUNCTION, unit)}",
        f"  While it runs, another delivery {running}. Remembered for {_span(unit.expires_after)}.",
    ]


def _span(seconds: int) -> str:
    """Days where they are whole, and more than one."""
    days, rest = divmod(seconds, 86_400)
    return f"{days} days" if days > 1 and not rest else f"{seconds // 3_600} hours"
