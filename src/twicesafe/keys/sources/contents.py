"""What a request says, whatever bytes say it: a client that builds its retry anew writes the same in others.

JSON is compared as JSON, a form as its fields, and multipart without the boundary that each HTTP client draws.
What is not understood is compared byte by byte.
"""

from __future__ import annotations

import json
from binascii import a2b_base64

from ...errors import UnusableKey
from ...tuples import NamedTuple
from ..canonical import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LONGEST_NUMBER = 400
"""In digits: the longest double has 309 before its point, and each digit more takes 50 bytes to look at."""
DEEPEST = 4
"""A part of multipart may be multipart itself."""


class Request(NamedTuple):
    """A request as its proxy wrote it down."""

    place: Mapping[str, object]  # method, path, domain and the like
    query: Mapping[str, object]
    content_type: str
    body: object
    is_base64: bool

    def content(self) -> dict[str, object]:
        """Return what must not change under one key, alike for all that is the same request."""
        queries = {
            name: _form(_bytes(value)) if isinstance(value, str) else value for name, value in self.query.items()
        }
        kind, parameters = media_type(self.content_type)
        body = self.body
        if isinstance(body, str):
            body = _content(kind, parameters, _decoded(body) if self.is_base64 else _bytes(body), 0) if body else None
        return {**self.place, **queries, "type": [kind, sorted(_told(kind, parameters).items())], "body": body}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(body: str) -> bytes:
    try:
        return a2b_base64(body)
    except ValueError:  # it is not what it is said to be
        return _bytes(body)


def media_type(header: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into its type and its parameters, all in one spelling."""
    kind, *rest = _outside_quotes(header)
    parameters = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    if "charset" in parameters:
        parameters["charset"] = _charset(parameters["charset"])
    return kind.strip().lower(), parameters


def _outside_quotes(header: str) -> list[str]:
    parts, is_quoted = [""], False
    for character in header:
        is_quoted ^= character == '"'
        if character == ";" and not is_quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _charset(name: str) -> str:
    import codecs

    try:
        return codecs.lookup(name).name
    except LookupError:
        return name.lower()


def _told(kind: str, parameters: dict[str, str]) -> dict[str, str]:
    """Return the parameters that say something: JSON has no charset (RFC 8259, 11), and a boundary is no content."""
    left_out = {"charset"} if _is_json(kind) or parameters.get("charset") in ("utf-8", "ascii") else set()
    if kind.startswith("multipart/"):
        left_out.add("boundary")
    return {name: value for name, value in parameters.items() if name not in left_out}


def _is_json(kind: str) -> bool:
    return kind.endswith(("/json", "+json")) or kind.startswith("application/x-amz-json")


def _content(kind: str, parameters: dict[str, str], data: bytes, depth: int) -> object:
    """Return what a body says, tagged with how it was read: bytes never equal a value."""
    found: object = None
    if _is_json(kind) or (not kind and data.lstrip().startswith((b"{", b"["))):
        found = _json(data)
    elif kind == "application/x-www-form-urlencoded":
        found = _form(data)
    elif kind.startswith("multipart/") and depth < DEEPEST:
        found = _multipart(data, parameters.get("boundary", ""), depth)
    return _opaque(data) if found is None else {"says": found}


def _opaque(data: bytes) -> object:
    from hashlib import sha256

    return {"sha256": sha256(data).hexdigest()}


def _json(data: bytes) -> str | None:
    """Return the canonical text of JSON; None: it is none. Numbers keep all their digits."""
    try:
        value = json.loads(data, object_pairs_hook=_object, parse_float=_decimal, parse_constant=_refuse)
        return canonical(value)
    except (ValueError, ArithmeticError, RecursionError, UnusableKey):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice, and parsers differ in which of the two they take")
    return found


def _decimal(digits: str) -> Any:
    from decimal import Decimal

    if len(digits) > LONGEST_NUMBER:
        raise ValueError("a number of a document has fewer digits")
    return Decimal(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and the infinities are no JSON


def _form(data: bytes) -> list[list[str]]:
    """Return the fields of a form or a query by their names; two of one name stay in their order.

    Percent-encoded bytes are read as Latin-1, which has a character for each: no two texts become one.
    """
    from urllib.parse import parse_qsl

    pairs = parse_qsl(data.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return [list(pair) for pair in sorted(pairs, key=lambda pair: pair[0])]


def _multipart(data: bytes, boundary: str, depth: int) -> list[object] | None:
    """Return the parts between the boundaries (RFC 2046, 5.1.1), each read as its own type; None: there are none."""
    if not boundary:
        return None
    dashed = b"--" + _bytes(boundary)
    before, *parts = _split(b"\r\n" + data, b"\r\n" + dashed)
    if len(parts) < 2 or not parts[-1].startswith(b"--") or any(part.startswith(b"--") for part in parts[:-1]):
        return None
    if dashed in before or dashed in parts[-1]:
        return None  # a parser that is less strict may take it for a delimiter
    return [_part(part, depth) for part in parts[:-1]]


def _split(data: bytes, delimiter: bytes) -> list[bytes]:
    """Split at those delimiters behind which stands nothing else in their line than blanks, or "--" and blanks."""
    found: list[bytes] = []
    for piece in data.split(delimiter):
        if found and piece.partition(b"\r\n")[0].strip(b" \t") not in (b"", b"--"):
            found[-1] += delimiter + piece
        else:
            found.append(piece)
    return found


def _part(part: bytes, depth: int) -> object:
    lines, is_part, body = part.partition(b"\r\n")[2].partition(b"\r\n\r\n")
    if not is_part:  # it has no headers, or is none
        return _opaque(part)
    pairs = [line.partition(":") for line in lines.decode("latin-1").split("\r\n")]
    headers = sorted([name.strip().lower(), value.strip()] for name, _, value in pairs)
    header = next((value for name, value in headers if name == "content-type"), "text/plain")
    kind, parameters = media_type(header)
    told = [kind, sorted(_told(kind, parameters).items())]
    others = [pair for pair in headers if pair[0] != "content-type"]
    return [others, told, _content(kind, parameters, body, depth + 1)]
