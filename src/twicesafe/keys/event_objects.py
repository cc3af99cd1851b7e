"""Events that a handler is given as an object: which JSON they stand for, and parts of them in the same form."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PUT_ABOVE = (
    "Put @idempotent above the decorator that parses the event, so that it is the outermost one; or say what "
    "identifies a delivery: @idempotent(key=...)."
)
RAW = "raw_event"
"""Attribute of Powertools' data classes, and of others in their style, that holds the event that came."""
TELLTALE_FIELDS = ("Records", "eventSource", "EventSource", "requestContext")
"""Fields of which a model of an event or of a record has one."""
JSON_SCALARS = (str, int, float, bool, type(None))


def json_of(event: Any) -> Any:
    """Return the JSON that an event stands for: that of a mapping or of an object with `raw_event`, else itself."""
    kind = type(event)
    if kind is dict or kind is list:
        return event
    # Looked up in the class: a proxy or a mock has any attribute that it is asked for.
    raw = getattr(event, RAW) if hasattr(kind, RAW) else None
    if isinstance(raw, dict):
        return raw
    return dict(event) if issubclass(kind, Mapping) and not issubclass(kind, dict) else event


def parsed_event(event: Any) -> dict[str, Any] | None:
    """Return what a parser made a model from; None: it is not a model, or not one of an event or a record."""
    fields = getattr(type(event), "model_fields", None)
    if not isinstance(fields, dict) or fields.keys().isdisjoint(TELLTALE_FIELDS):
        return None
    dumped: dict[str, Any] = event.model_dump(by_alias=True)
    return dumped


def part_of(event: Any, part: Any) -> Any:
    """Return a part of an event, such as one of its records, in the form in which the event came.

    Raises:
        ConfigurationError: its class does not make an object of a part.
    """
    kind = type(event)
    if kind is dict or kind is list:
        return part
    try:
        made = kind(part)
        is_whole = json_of(made) == part
    except Exception:  # noqa: BLE001 - the class may refuse in any way, before any effect
        is_whole = False
    if not is_whole:
        raise ConfigurationError(
            f"A {kind.__qualname__} cannot be made of one record of the event that it holds. {PUT_ABOVE}"
        )
    return made


def is_json(value: object) -> bool:
    """Tell if a value has nothing in it but what Lambda's runtime makes of JSON."""
    if isinstance(value, JSON_SCALARS):
        return True
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_json(item) for name, item in value.items())
    return isinstance(value, list) and all(map(is_json, value))


def require_object(event: object, function: str) -> None:
    """Refuse what is not a JSON object, and so has been through a parser, where only the event would identify it.

    Raises:
        ConfigurationError: it is a model, a dataclass, text or the like, or has such a thing in it.
    """
    if isinstance(event, dict) and is_json(event):
        return
    inside = f"a {type(event).__qualname__}"
    if isinstance(event, dict):
        inside += " with values that JSON does not have"
    raise ConfigurationError(
        f"The handler {function!r} was given {inside}, where Lambda gives a dict, so that its source is not known, and "
        f"a redelivery could not be recognised. Nothing has run. {PUT_ABOVE} If it is not a handler, do not call its "
        "parameters event and context."
    )
    raise ConfigurationError(
        f"The handler {function!r} was given {inside} and not the event, so that its source is not known, and a "
        f"redelivery could not be recognised. Nothing has run. {PUT_ABOVE}"
    )
