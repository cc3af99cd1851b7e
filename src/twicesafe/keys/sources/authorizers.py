"""What a Lambda authorizer says of a caller: its context, whose fields were named by whoever wrote the authorizer.

By its name, a field tells callers apart, or is another in each request or token, or nobody can tell. Those of the
first kind are a part of the key. Those of the second would make each try another caller, so they are left out. The
others are compared: where one differs, the request is refused, neither run again nor answered with another's reply.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

from ...errors import UnusableKey
from ..canonical import canonical
from .reading import UnreadableError, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from .callers import Caller

    Path: TypeAlias = tuple[str, ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALLERS = _words(
    "account app application client company customer department device email employee firm mail member merchant org "
    "organisation organization owner partner person principal project shop store sub subject subscriber subscription "
    "team tenant uid user username vendor workspace"
)
NAMES = _words("arn id key name number ref reference uuid")
"""Words that name whatever else it is; a request or a token that they name is taken out before."""
TIMES = _words(
    "at authtime date duration elapsed epoch exp expiration expires expiresat expiry iat issuedat latency nbf now "
    "requesttime time timestamp ttl"
)
"""The last word of a field that is another in each request or token."""
REQUESTS = _words("agent correlation event hash invocation ip jti nonce request span trace")
NETWORK = _words("agent ip")
"""A user's agent and a client's address are of the try, not of the caller."""
TOKENS = _words(
    "accesstoken authorization bearer cookie credential credentials idtoken jwt otp password secret session sid "
    "signature token"
)
PERSONS = _words(
    "cognitousername email employeeid memberid personid sub subject uid user useremail userid username usersub"
)
"""Fields, without capitals and signs, that name one person, whatever token they show.

A tenant has several. A principalId is often a constant: AWS's own blueprint of an authorizer writes "user".
"""
DEEPEST = 4
OF_THE_PLATFORM = ("integrationLatency", "principalId")
"""What API Gateway adds to the context of a REST API; the principal is read beside it."""


def read_context(caller: Caller, context: dict[str, Any], prefix: str) -> None:
    """Add what an authorizer's context says to what is known of the caller."""
    fields = {name: value for name, value in context.items() if name not in OF_THE_PLATFORM}
    for path, value in _leaves(fields, ()):
        kind, name = _kind(path[-1]), ".".join((prefix, *path))
        if kind == "caller":
            caller.scope[name] = value
            caller.is_proven = caller.is_proven or _names_a_person(path)
        elif kind == "token":
            caller.session[name] = value
        elif kind == "other":
            caller.details[name] = value


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each field with its text. A REST API's context has no objects, so they stand in it as JSON."""
    inner = parsed(value) if isinstance(value, str) and value.lstrip().startswith("{") else value
    if isinstance(inner, dict) and len(path) < DEEPEST:
        for name, item in inner.items():
            yield from _leaves(item, (*path, str(name)))
    elif value is not None and value != "":
        yield path, value if isinstance(value, str) else _text(value)


def _text(value: object) -> str:
    try:
        return canonical(value)
    except UnusableKey as error:
        raise UnreadableError(str(error)) from None


def _kind(name: str) -> str:
    words = _split(name)
    if words and words[-1] in TIMES:
        return "noise"
    if _has(words, CALLERS) and not _has(words, NETWORK):
        return "caller"
    if _has(words, REQUESTS):
        return "noise"
    if _has(words, TOKENS):
        return "token"
    return "caller" if _has(words, NAMES) else "other"


def _has(words: list[str], known: frozenset[str]) -> bool:
    """Whether one of the words is known: userId, user_id and userid are about the user."""
    return any(word in known or word.removesuffix("id") in known for word in words)


def _names_a_person(path: Path) -> bool:
    return any("".join(_split(name)) in PERSONS for name in (path[-1], "_".join(path[-2:])))


def _split(name: str) -> list[str]:
    """Split a name such as tenantId, tenant_id or custom:tenant-id into its words, in lower case."""
    letters = []
    for before, letter in zip(f" {name}", name, strict=False):
        if letter.isupper() and not before.isupper():
            letters.append(" ")
        letters.append(letter.lower() if letter.isalpha() else " ")
    return "".join(letters).split()
