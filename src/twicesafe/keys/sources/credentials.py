"""What a caller shows, and no platform has proven: it is compared, so that nobody reads another's reply by a guess.

A duplicate under the same key that shows other credentials, or none where there were some, is refused.
"""

from __future__ import annotations

from ...tuples import NamedTuple
from ..canonical import digest
from .headers import joined
from .reading import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .callers import Caller
    from .headers import Headers

TOKENS = ("authorization", "x-auth-token", "x-access-token")
"""Headers that show who is calling."""
API_KEYS = ("x-api-key", "api-key", "apikey")
"""Headers that show which program is calling."""
WORDS = frozenset(
    """
    access accesstoken account apikey apitoken assertion auth authentication authorization authtoken bearer cert
    certificate clientcert credential credentials email idtoken jwt oidc password passwd principal saml secret session
    sessionid sessiontoken sso sub subject tenant tenantid token user userid username
    """.split()  # noqa: SIM905 - a list of it would be longer
)
"""Words of other headers that show who is calling."""
NOISE = frozenset(
    """
    agent captcha challenge csrf csrftoken date expires hcaptcha idempotency nonce recaptcha time timestamp
    trace traceid turnstile xsrf xsrftoken
    """.split()  # noqa: SIM905 - a list of it would be longer
)
"""Words of headers that are others in each request, although they have one of those."""
NOISE_FAMILIES = ("access-control-", "sec-", "x-amz-", "x-amzn-")
"""Headers of browsers, of SigV4 (its session token is renewed), and of AWS, of which callers.py reads some."""
SHARED_SCHEMES = ("basic", "apikey", "api-key", "key")
"""Schemes of an Authorization that mostly shows which program is calling: a cookie beside may tell its users apart."""
SIGNING = frozenset(("aws", "dpop", "digest", "oauth", "signature", "hawk", "hmac", "mac", "negotiate", "ntlm"))
SIGNING_FAMILIES = ("aws4-", "hmac-")
"""Schemes that sign or negotiate each request: SigV4, RFC 9449, RFC 7616, RFC 5849 and their like."""
OF_BALANCERS = ("AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS", "AWSELB", "AWSELBCORS")
"""Cookies of stickiness, which each response renews.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
"""
OF_VISITS = ("_ga", "_gid", "_gat", "_fbp")
OF_VISITS_FAMILIES = ("_ga_", "_gat_", "_gcl_", "__utm")
"""Cookies that count what a browser visits, and change from one request to the next."""


class Credentials(NamedTuple):
    """What must be the same in each request of one caller under one key."""

    shown: str = ""  # its hash, which is stored with a salt only; empty: there is nothing
    names: tuple[str, ...] = ()  # where it stands
    scheme: str = ""  # the Authorization scheme, where that signs each request


UNCOMPARED = Credentials()
"""Of a caller who is proven, or shows nothing."""


def compared(event: Any, headers: Headers, caller: Caller) -> Credentials:
    """Return what tells this caller from another beside the scope."""
    found = dict(caller.details)
    if not caller.is_proven:
        found.update(caller.session)
        found.update(_headers(event, headers, caller))
    if not found:
        return UNCOMPARED
    flat = [part for pair in sorted(found.items()) for part in pair]
    return Credentials(digest(*flat), tuple(found), _signing_scheme(found.get("authorization", "")))


def _signing_scheme(authorization: str) -> str:
    """Return one of a few names, whatever a caller writes: each is warned of once."""
    scheme, _, signature = authorization.partition(" ")
    family = next((name.rstrip("-") for name in SIGNING_FAMILIES if scheme.startswith(name)), scheme)
    return family if signature and (family in SIGNING or family != scheme) else ""


def _headers(event: Any, headers: Headers, caller: Caller) -> dict[str, str]:
    tokens = {name: _normal(joined(headers, name)) for name in TOKENS if joined(headers, name).strip()}
    if caller.is_signed and tokens.get("authorization", "").startswith("aws4-"):
        tokens.pop("authorization")
    if tokens.get("authorization", "").startswith("dpop "):
        tokens["dpop"] = joined(headers, "dpop")  # without its proof the token is anybody's who saw it
    others = sorted(name for name in headers if name not in TOKENS and _shows_a_caller(name))
    keys = {name: joined(headers, name) for name in (*API_KEYS, *others) if joined(headers, name)}
    if caller.has_api_key and caller.api_key in ("", keys.get("x-api-key")):
        keys.pop("x-api-key", None)
    scheme = tokens.get("authorization", "basic").partition(" ")[0]
    are_compared = scheme in SHARED_SCHEMES and not caller.has_session_cookie
    return {**tokens, **keys, **(_cookies(event, headers) if are_compared else {})}


def _shows_a_caller(name: str) -> bool:
    """Tell by the words of a header's name whether it shows who is calling: x-session-id, private_token."""
    words = name.replace("_", "-").split("-")
    if name.startswith(NOISE_FAMILIES) or not NOISE.isdisjoint(words):
        return False
    return "-api-key-" in f"-{'-'.join(words)}-" or not WORDS.isdisjoint(words)


def _normal(value: str) -> str:
    """Write an Authorization in one way: the case of its scheme tells nothing (RFC 9110, 11.1)."""
    scheme, *rest = value.split()
    return " ".join((scheme.lower(), *rest)) if rest else scheme


def _cookies(event: Any, headers: Headers) -> dict[str, str]:
    """Return the cookies, in any order. API Gateway's format 2.0 has them beside the headers."""
    beside = get(event, "cookies")
    texts = [str(cookie) for cookie in beside] if isinstance(beside, list) else []
    cookies = {cookie.strip() for text in (*texts, *map(str, headers.get("cookie", ()))) for cookie in text.split(";")}
    told = sorted(cookie for cookie in cookies if cookie and not _is_noise(cookie.partition("=")[0]))
    return {"cookie": "; ".join(told)} if told else {}


def _is_noise(name: str) -> bool:
    return name in OF_BALANCERS or name in OF_VISITS or name.startswith(OF_VISITS_FAMILIES)
