"""What of a request is compared, what is left out, and why: for people, in `twicesafe key`."""

from __future__ import annotations

from .credentials import API_KEYS, TOKENS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .callers import Caller
    from .credentials import Credentials

    Reasons: TypeAlias = tuple[tuple[str, str], ...]

LEFT_OUT = (
    ("requestContext.requestId", "each try of the caller has another"),
    ("x-amzn-trace-id, traceparent", "each try of the caller has another"),
    ("requestContext.identity.sourceIp, user-agent, x-forwarded-for", "a caller moves between networks"),
)
OF_AN_AUTHORIZER = (
    "times, ids of requests and tokens, integrationLatency in an authorizer's context",
    "each request or token has others",
)
CREDENTIALS = ", ".join((*TOKENS[:1], *API_KEYS[:1], "cookie"))
PROVEN = (CREDENTIALS, "tokens are renewed; the platform has proven the caller, who is in the scope")
COOKIE = ("cookie", "it changes with each visit; what else tells the caller is in the scope or compared")
REFUSED = "with another one under this key the request is refused"
UNLESS = "unless @idempotent(scope=...) tells who is calling"


def compared(what: str, caller: Caller, credentials: Credentials) -> Reasons:
    """Say what must be the same in each request under one key."""
    found = [(what, REFUSED)]
    if credentials.names:
        found.append((", ".join(credentials.names), f"nothing has proven whose it is: {REFUSED}, {UNLESS}"))
    elif not caller.is_proven:
        found.append((CREDENTIALS, f"the caller shows none: with one under this key the request is refused, {UNLESS}"))
    return tuple(found)


def left_out(caller: Caller, credentials: Credentials) -> Reasons:
    """Say what of a request tells nothing about it or its caller."""
    found = [*LEFT_OUT]
    if any(name.startswith(("authorizer.", "resolverContext.", "principalId")) for name in caller.scope):
        found.append(OF_AN_AUTHORIZER)
    if caller.is_proven:
        found.append(PROVEN)
    elif ("authorization" in credentials.names and "cookie" not in credentials.names) or caller.has_session_cookie:
        found.append(COOKIE)
    return tuple(found)
