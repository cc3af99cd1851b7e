"""AWS's Signature Version 4, of a POST to "/": pure.

Source: IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hmac
import time
from functools import lru_cache
from hashlib import sha256

from ....tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....protocol.records import Millis


class Credentials(NamedTuple):
    """Whose requests they are."""

    access_key: str
    secret_key: str
    token: str | None = None  # of a session

    def __repr__(self) -> str:
        return f"Credentials({self.access_key[:4]}…)"  # the rest is nobody's business


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
    digest = hmac.digest(_key(credentials.secret_key, scope), wanted.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={digest}"


@lru_cache(maxsize=4)
def _key(secret: str, scope: str) -> bytes:
    """The same for a day."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=1)
def _stamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
