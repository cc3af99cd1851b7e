"""AWS's Signature Version 4, of a POST to "/": pure.

Source: IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import time
from functools import lru_cache
from hashlib import sha256

from ....tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....protocol.records import Millis


BLOCK = 64
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Credentials(NamedTuple):
    """Whose requests they are."""

    access_key: str
    secret_key: str
    token: str | None = None  # of a session

    def __repr__(self) -> str:
        return f"Credentials({self.access_key[:4]}…)"  # the rest is nobody's business


class Unreachable(Exception):
    """Who has the credentials did not give them."""


def stamp(now: Millis) -> str:
    """The time as `x-amz-date` has it."""
    return _stamp(now // 1000)


def signature(
    headers: Mapping[str, str], body: bytes, credentials: Credentials, region: str, service: str = "dynamodb"
) -> str:
    """The `authorization` header.

    Args:
        headers: all that are to be signed, `host` and `x-amz-date` among them: names in small letters, values trimmed.
    """
    names = sorted(headers)
    signed = ";".join(names)
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    canonical = f"POST\n/\n\n{lines}\n{signed}\n{sha256(body).hexdigest()}"
    at = headers["x-amz-date"]
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    wanted = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    digest = _key(credentials.secret_key, scope).digest(wanted.encode()).hex()
    return f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={digest}"


class _Key:
    """HMAC-SHA256 under one key (RFC 2104), as far as the key alone tells it: hmac.digest begins anew each time."""

    def __init__(self, key: bytes) -> None:
        padded = (key if len(key) <= BLOCK else sha256(key).digest()).ljust(BLOCK, b"\0")
        self._inner = sha256(padded.translate(INNER))
        self._outer = sha256(padded.translate(OUTER))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=4)
def _key(secret: str, scope: str) -> _Key:
    """The same for a day."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _Key(key).digest(part.encode())
    return _Key(key)


@lru_cache(maxsize=1)
def _stamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
