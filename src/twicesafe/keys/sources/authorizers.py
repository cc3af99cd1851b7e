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
TENANTS = CALLERS - _words("email mail person principal sub subject uid user username")
NAMES = _words("arn id key name number ref reference uuid")
"""Words that name whatever else it is; a request or a token that they name is taken out before."""
TIMES = _words(
    "at authtime date duration elapsed epoch exp expiration expires expiresat expiry iat issuedat latency nbf now "
    "requesttime time timestamp ttl"
)
"""The last word of a field that is another in each request or token."""
REQUESTS = _words("correlation hash invocation ip jti nonce request span trace")
DOUBTFUL = _words("agent event session sid")
"""A session of one login or of a course, an event of a login or of a concert: in the key, the first of each two would
run a retry again; left out, the second would merge two tenants. So they are compared, also of a proven caller.
"""
TOKENS = _words(
    "accesstoken authorization bearer cookie credential credentials idtoken jwt otp password secret signature token"
)
PERSONS = _words(
    "cognitousername email employeeid memberid personid sub subject uid user useremail userid username usersub"
)
"""Fields, without capitals and signs, that name one person, whatever token they show.

A tenant has several. A principalId is often a constant: AWS's own blueprint of an authorizer writes "user".
"""
PARENTS = _words(
    "authuser claims currentuser customclaims identity idtokenclaims jwt jwtclaims member payload person principal "
    "profile subject tokenclaims user userclaims usercontext userdata userinfo userprofile"
)
"""Objects that are about one person, or about their token. A tenant has an email address too, and an id."""
PLACEHOLDERS = _words(
    "access admin allow an anon anonymous anonymoususer any anybody anyone api app application authenticated "
    "authorized backend client consumer customer default defaultuser demo dummy empty everybody everyone external "
    "false frontend generic guest guestuser id in internal invalid is logged machine me missing na nan name nil no "
    "nobody none not null nulluser object of person placeholder principal public publicuser root self service shared "
    "some someone somebody subject system test testuser the token true unauthenticated unauthorized undefined "
    "unidentified unknown unknownuser unnamed unregistered unset user userid username visitor web website"
)
"""Words that authorizers write where they know nobody, or the same for everybody."""
DEEPEST = 4
OF_THE_PLATFORM = ("integrationLatency", "principalId")
"""What API Gateway adds to the context of a REST API; the principal is read beside it."""


def read_context(caller: Caller, context: dict[str, Any], prefix: str) -> None:
    """Add what an authorizer's context says to what is known of the caller."""
    fields = {name: value for name, value in context.items() if name not in OF_THE_PLATFORM}
    for path, found in _leaves(fields, ()):
        value = found if isinstance(found, str) else _text(found)
        kind, name = _kind(path[-1]), ".".join((prefix, *path))
        if kind == "caller":
            caller.scope[name] = value
            caller.is_proven = caller.is_proven or (_names_a_person(path) and names_one(found))
        elif kind == "token":
            caller.session[name] = value
        elif kind == "other":
            caller.details[name] = value


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield each field with its value. A REST API's context has no objects, so they stand in it as JSON."""
    inner = parsed(value) if isinstance(value, str) and value.lstrip().startswith("{") else value
    if isinstance(inner, dict) and len(path) < DEEPEST:
        for name, item in inner.items():
            yield from _leaves(item, (*path, str(name)))
    elif value is not None and value != "":
        yield path, value


def _text(value: object) -> str:
    try:
        return canonical(value)
    except UnusableKey as error:
        raise UnreadableError(str(error)) from None


def _kind(name: str) -> str:
    words = _split(name)
    if words and words[-1] in TIMES:
        return "other" if _has(words, TENANTS) else "noise"
    if "useragent" in "".join(words) or "ip" in words:
        return "noise"  # of the try, not of the caller
    if _has(words, CALLERS):
        return "caller"
    if _has(words, REQUESTS):
        return "noise"
    if _has(words, TOKENS):
        return "token"
    return "caller" if _has(words, NAMES) and not _has(words, DOUBTFUL) else "other"


def _has(words: list[str], known: frozenset[str]) -> bool:
    """Whether one of the words is known: userId, user_id and userid are about the user."""
    return any(word in known or word.removesuffix("id") in known for word in words)


def _names_a_person(path: Path) -> bool:
    """Tell a field of a person from one of their tenant, which has an id and an email address as well."""
    *parents, name = path
    return (is_person(name) or is_person("_".join(path[-2:]))) and all(
        "".join(_split(parent)) in PARENTS for parent in parents
    )


def is_person(name: str) -> bool:
    """Return whether a field or a claim of this name names one person."""
    return "".join(_split(name)) in PERSONS


def names_one(value: object) -> bool:
    """Tell a name or a number of somebody from a placeholder, which stands for all of whom nothing is known."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    text = str(value).strip().casefold()
    if text.startswith(("-", "{", "[", "<", "(")):  # no number of anybody, or a value that was printed
        return False
    words = "".join(letter if letter.isalnum() else " " for letter in text.rpartition("|")[2].partition("@")[0]).split()
    is_told = any(word.strip("0") and word not in PLACEHOLDERS for word in words)
    return is_told and "".join(words) not in PLACEHOLDERS  # such as "n/a"


def _split(name: str) -> list[str]:
    """Split a name such as tenantId, tenant_id or custom:tenant-id into its words, in lower case."""
    letters = []
    for before, letter in zip(f" {name}", name, strict=False):
        if letter.isupper() and not before.isupper():
            letters.append(" ")
        letters.append(letter.lower() if letter.isalpha() else " ")
    return "".join(letters).split()
