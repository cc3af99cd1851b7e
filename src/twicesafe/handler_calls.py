"""Calls of handlers: where the event and the context stand, and what a stand-in for the context says."""

from __future__ import annotations

from math import isnan

from .keys.event_objects import json_of, parsed_event
from .keys.sources import is_identified
from .tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

A_YEAR = 365 * 86_400_000
"""Milliseconds. A stand-in for a context may say more, such as infinity."""


class HandlerCall(NamedTuple):
    """A call of a handler: its event, its context, and all that it was called with."""

    event: Any
    context: Any
    place: int | str  # where the event stands among the arguments: its index, or its name
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    is_record: bool  # it was given one record of a batch, without the event around it
    is_helper: bool  # a handler called it with its event, and reads its reply

    def with_event(self, event: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of the same call with another event."""
        if isinstance(self.place, str):
            return self.args, {**self.kwargs, self.place: event}
        return (*self.args[: self.place], event, *self.args[self.place + 1 :]), self.kwargs


def handler_call(
    names: tuple[str, ...], own: int, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_handler: bool
) -> HandlerCall | None:
    """Return a handler's call; None: this is a call of some other function.

    A function that is not a handler by its parameters' names is one when it is called with Lambda's context, or with
    an event, or a record of one, whose source says what identifies it.

    Args:
        names: of the function's parameters.
        own: how many of them are self or cls.
        is_handler: it is one by their names.
    """
    event_name, context_name = (*names[own : own + 2], None, None)[:2]
    if len(args) > own:
        place: int | str = own
        event = args[own]
    elif event_name in kwargs:
        place, event = event_name, kwargs[event_name]
    else:
        return None
    context = args[own + 1] if len(args) > own + 1 else kwargs.get(context_name or "")
    content = json_of(event)
    event_around = around(content)
    is_record = event_around is not None and not is_identified(content) and is_identified(event_around)
    is_called_by_lambda = is_handler or is_context(context)
    if is_called_by_lambda or is_record or is_identified(content):
        return HandlerCall(event, context, place, args, kwargs, is_record, not is_called_by_lambda)
    parsed = parsed_event(event)
    if parsed is not None and is_identified(around(parsed)):
        return HandlerCall(event, context, place, args, kwargs, is_record=True, is_helper=True)
    if parsed is not None and is_identified(parsed):
        return HandlerCall(event, context, place, args, kwargs, is_record=False, is_helper=True)
    return None


def around(record: Any) -> Any:
    """Return the event that a record comes in; None: it does not look like a record."""
    is_record = isinstance(record, dict) and ("eventSource" in record or "EventSource" in record)
    return {"Records": [record]} if is_record else None


def is_context(value: Any) -> bool:
    """Tell Lambda's context, or a stand-in with the same fields, from an argument that accepts any attribute."""
    try:
        has_time = hasattr(value, "get_remaining_time_in_millis")
        return has_time and isinstance(getattr(value, "aws_request_id", ""), str)
    except Exception:  # noqa: BLE001 - a proxy of another library may raise anything when it is looked at
        return False


def remaining_time(context: Any) -> int | None:
    """Return the milliseconds that the platform leaves; None: the context of a test says nothing that is a number."""
    get_remaining = getattr(context, "get_remaining_time_in_millis", None)
    remaining = get_remaining() if callable(get_remaining) else None
    if isinstance(remaining, bool) or not isinstance(remaining, (int, float)):
        return None
    if isinstance(remaining, float) and isnan(remaining):
        return None
    return int(max(-A_YEAR, min(remaining, A_YEAR)))


def text_of(context: Any, name: str) -> str | None:
    """Return a field of the context; None: a stand-in for it has something else there."""
    value = getattr(context, name, None)
    return value if isinstance(value, str) else None
