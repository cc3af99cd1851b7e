"""HTTP/1.1 (RFC 9112), as much as one needs who asks one server: pure.

A reader is fed what comes, in pieces of any size, and gives the answer when it is whole. Nothing that is not whole
is an answer: not one that ends with the connection, for nobody can tell where it was meant to end.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ....tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 16 * 1024 * 1024
A_PIECE, LARGEST_PIECE = 16 * 1024, 256 * 1024

VERSIONS = ("HTTP/1.0", "HTTP/1.1")
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What the name of a header is made of."""
SIZE_LINE = rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?"


class BadAnswer(Exception):
    """What came is no whole answer."""


class Answer(NamedTuple):
    """One that is whole."""

    status: int
    headers: dict[str, str]  # names in small letters
    body: bytes
    keeps: bool  # the connection can carry another exchange


def get(path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a request for what is at the path."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


class Reader:
    """Reads one answer."""

    __slots__ = ("_body_at", "_buffer", "_end", "_head", "_keeps", "_pieces", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: tuple[int, dict[str, str]] | None = None
        self._keeps = True
        self._body_at = 0
        self._end: int | None = None  # of the body, where its length was said; None: it is chunked
        self._pieces: list[bytes] = []

    @property
    def wanted(self) -> int:
        """How many bytes to read next, at most."""
        if self._end is None:
            return A_PIECE
        return min(max(self._end - len(self._buffer), A_PIECE), LARGEST_PIECE)

    def feed(self, data: bytes) -> Answer | None:
        """Take what came; the answer, once it is whole.

        Args:
            data: b"" says that no more will come.

        Raises:
            BadAnswer: it is cut short, no HTTP, or too large.
        """
        if not data:
            raise BadAnswer(
                "the connection was closed " + ("within the answer" if self._buffer else "without an answer")
            )
        self._buffer += data
        if self._head is None:
            self._read_heads()
            if self._head is None:
                return None
        if self._end is None:
            return self._read_chunks()
        if len(self._buffer) < self._end:
            return None
        return self._answer(bytes(memoryview(self._buffer)[self._body_at : self._end]), self._end)

    def _read_heads(self) -> None:
        """Read up to the final answer's head; those that come before it (1xx) say nothing."""
        buffer = self._buffer
        while self._head is None:
            end = buffer.find(b"\r\n\r\n", self._searched)
            if (end if end >= 0 else len(buffer)) > LONGEST_HEAD:
                raise BadAnswer(f"its head is longer than {LONGEST_HEAD} bytes")
            if end < 0:
                self._searched = max(0, len(buffer) - 3)
                return
            first, *lines = buffer[:end].decode("latin-1").split("\r\n")
            status, is_current = _status(first)
            if status < 200:
                del buffer[: end + 4]
                self._searched = 0
                continue
            self._body_at = end + 4
            self._begin(status, _headers(lines), is_current=is_current)

    def _begin(self, status: int, headers: dict[str, str], *, is_current: bool) -> None:
        connection = headers.get("connection", "").lower()
        self._keeps = "close" not in connection and (is_current or "keep-alive" in connection)
        self._head = status, headers
        coding = headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise BadAnswer(f"its transfer-encoding is {coding!r}")
            return
        length = headers.get("content-length")
        if length is None and status not in (204, 304):
            raise BadAnswer(f"its length is not said (status {status})")
        self._end = self._body_at + _bounded(length or "0")

    def _read_chunks(self) -> Answer | None:
        """Read the chunks that are whole; `_body_at` moves on to the first that is not."""
        buffer = self._buffer
        while (line_end := buffer.find(b"\r\n", self._body_at)) >= 0:
            found = re.compile(SIZE_LINE).fullmatch(buffer, self._body_at, line_end)
            if found is None:
                raise BadAnswer("a chunk has no size")
            size = int(found[1], 16)
            if not size:
                return self._read_trailers(line_end)
            end = line_end + 2 + size
            if end > LONGEST_BODY + LONGEST_HEAD:
                raise BadAnswer(f"its body is longer than {LONGEST_BODY} bytes")
            if len(buffer) < end + 2:
                return None
            if buffer[end : end + 2] != b"\r\n":
                raise BadAnswer("a chunk is longer than its size")
            self._pieces.append(bytes(buffer[line_end + 2 : end]))
            self._body_at = end + 2
        if len(buffer) - self._body_at > LONGEST_HEAD:
            raise BadAnswer("a chunk has no size")
        return None

    def _read_trailers(self, line_end: int) -> Answer | None:
        """What follows the last chunk says nothing; it ends with an empty line."""
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            if len(self._buffer) - line_end > LONGEST_HEAD:
                raise BadAnswer("its trailers are too long")
            return None
        return self._answer(b"".join(self._pieces), end + 4)

    def _answer(self, body: bytes, end: int) -> Answer:
        """The answer. After one that is followed by something that nobody asked for, the connection is done."""
        status, headers = self._head or (0, {})
        return Answer(status, headers, body, self._keeps and len(self._buffer) == end)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = _key(name)
        if key is None or not colon:
            raise BadAnswer(f"a header is none: {line[:80]!r}")
        text = value.strip(" \t")
        if headers.setdefault(key, text) is not text:
            if key in ("content-length", "transfer-encoding") and headers[key] != text:
                raise BadAnswer(f"it has two of {key}")
            headers[key] = text
    return headers


@lru_cache(maxsize=8)
def _status(line: str) -> tuple[int, bool]:
    """The status, and whether the version is 1.1."""
    version, _, rest = line.partition(" ")
    status = rest.partition(" ")[0]
    if not (version in VERSIONS and len(status) == 3 and _is_digits(status) and status >= "100"):
        raise BadAnswer(f"it is no HTTP: {line[:80]!r}")
    return int(status), version == VERSIONS[1]


@lru_cache(maxsize=64)  # an answer's headers are called as those of the one before it
def _key(name: str) -> str | None:
    return name.lower() if name and TOKEN.issuperset(name) else None


def _bounded(length: str) -> int:
    if not (_is_digits(length) and len(length) <= 16):
        raise BadAnswer(f"its length is {length[:80]!r}")
    if int(length) > LONGEST_BODY:
        raise BadAnswer(f"its body is longer than {LONGEST_BODY} bytes")
    return int(length)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
