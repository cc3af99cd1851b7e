"""Reading an event that may be anything: each part is looked at before it is used."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LARGEST = 2**63


class UnreadableError(Exception):
    """A part is not what the source sends; the row turns it into MalformedEvent."""


def get(value: Any, path: str) -> Any:
    """What stands at a path such as "requestContext/http/method", or None."""
    for name in path.split("/"):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def has(value: Any, *paths: str) -> bool:
    """Whether each path leads to something."""
    return all(get(value, path) is not None for path in paths)


def text(value: Any, path: str) -> str:
    """A text that is not empty, or a whole number as text: nothing less identifies anything."""
    found = get(value, path)
    if isinstance(found, str) and found:
        return found
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < LARGEST:
        return str(found)
    raise UnreadableError(f"{path} is missing or no text")


def known(value: Any, path: str) -> str:
    """Return the text, or the whole number as text, at a path; an empty text where there is none."""
    try:
        return text(value, path)
    except UnreadableError:
        return ""


def fields(value: Any, **paths: str) -> dict[str, str]:
    """An identity: each name with the text at its path; a path that ends in "?" may lead to nothing."""
    found = {}
    for name, path in paths.items():
        optional = path.endswith("?")
        if not optional or has(value, path[:-1]):
            found[name] = text(value, path.rstrip("?"))
    return found


def listed(value: Any, path: str) -> list[Any]:
    """A list."""
    found = get(value, path)
    if not isinstance(found, list):
        raise UnreadableError(f"{path} is no list")
    return found


def first(value: Any, path: str) -> str:
    """The first text of a list."""
    found = listed(value, path)
    if found and isinstance(found[0], str) and found[0]:
        return found[0]
    raise UnreadableError(f"{path} has no first text")


def parsed(source: object) -> Any:
    """What a text of JSON says; None when it is none."""
    if not isinstance(source, (str, bytes)):
        return None
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return None


def only(value: Any, *names: str) -> Mapping[str, object]:
    """Those of the fields that are there."""
    return {name: value[name] for name in names if isinstance(value, dict) and name in value}
