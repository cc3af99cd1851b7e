"""Headers of a request, as each proxy writes them, and the caller's key among them."""

from __future__ import annotations

from .reading import UnreadableError, get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Headers: TypeAlias = "dict[str, list[Any]]"
    """By their names in lower case; of each, the different values that the request has."""

KEYS = ("idempotency-key", "x-idempotency-key")
LONGEST = 255
PLACES = ("multiValueHeaders", "headers")
"""API Gateway's REST APIs write both: in `headers` stands the last value of each."""


def headers_of(event: Any) -> Headers:
    """Return all headers of a request."""
    found: Headers = {}
    for place in PLACES:
        headers = get(event, place)
        if headers is None:
            continue
        if not isinstance(headers, dict):
            raise UnreadableError(f"{place} is no object")
        for name, value in headers.items():
            if value is not None:
                _add(found.setdefault(str(name).lower(), []), value)
    return found


def _add(values: list[Any], value: Any) -> None:
    for item in value if isinstance(value, list) else (value,):
        if item is not None and item not in values:
            values.append(item)


def joined(headers: Headers, name: str) -> str:
    """Return all values of a header as one text; none: an empty one."""
    return ", ".join(str(value) for value in headers.get(name, ()))


def domain_of(host: str) -> str:
    """Return the name in a Host header: in lower case, and without a port that is its scheme's own."""
    name = host.strip().lower()
    for port in (":443", ":80"):
        name = name.removesuffix(port)
    return name.removesuffix(".")


def key_in(headers: Headers) -> str | None:
    """Return the caller's key; it stands there once, or several times alike."""
    values = [value for name in KEYS for value in headers.get(name, ())]
    keys = {key for value in values for key in _members(value)}
    if len(keys) > 1:
        raise UnreadableError("the Idempotency-Key header has two keys or more; one with a comma stands in quotes")
    return keys.pop() if keys else None


def checked(key: object) -> str:
    """Return a key that can be one: text that every proxy hands on as it is."""
    if not isinstance(key, str):
        raise UnreadableError("the Idempotency-Key is no text")
    if not 1 <= len(key) <= LONGEST or not (key.isascii() and key.isprintable()):
        raise UnreadableError(f"the Idempotency-Key is not 1 to {LONGEST} printable ASCII characters")
    return key


def _members(value: object) -> list[str]:
    """Split a header's value where two were joined: HTTP lets any proxy do so (RFC 9110, 5.3), and HTTP APIs do.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    ("Duplicate headers are combined with commas"). In quotes, as draft-ietf-httpapi-idempotency-key-header
    writes a key, a comma is a part of it.
    """
    if not isinstance(value, str):
        raise UnreadableError("the Idempotency-Key is no text")
    members: list[str] = []
    rest = value.strip()
    while rest or not members:
        member, rest = _quoted(rest) or _plain(rest)
        members.append(checked(member))
    return members


def _plain(text: str) -> tuple[str, str]:
    member, _, rest = text.partition(",")
    return member.strip(), rest.strip()


def _quoted(text: str) -> tuple[str, str] | None:
    """Return the string that a text begins with, and what follows its comma; None: it does not begin with one.

    A backslash hides the next character (RFC 8941, 3.3.3).
    """
    if not text.startswith('"'):
        return None
    characters, place = [], 1
    while place < len(text) and text[place] != '"':
        place += text[place] == "\\"
        characters.append(text[place : place + 1])
        place += 1
    after = text[place + 1 :].lstrip()
    if place >= len(text) or (after and not after.startswith(",")):
        return None
    return "".join(characters), after[1:].lstrip()
