"""Requests of a caller, who alone knows which two are the same: by the Idempotency-Key header."""

from __future__ import annotations

from ...errors import UnusableKey
from ..canonical import canonical, digest
from .reading import UnreadableError, fields, get, has, only, text
from .row import DAY, Reading, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

HEADERS = ("idempotency-key", "x-idempotency-key")
LONGEST = 255
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
LEFT_OUT = (
    ("requestContext.requestId", "each try of the caller has another"),
    ("x-amzn-trace-id, traceparent", "each try of the caller has another"),
    ("requestContext.identity.sourceIp, user-agent, x-forwarded-for", "a caller moves between networks"),
    ("authorization, cookie", "tokens are renewed; the caller that they prove to the platform is in the scope"),
)


def header(headers: Any) -> str | None:
    """The caller's key, without the quotes that draft-ietf-httpapi-idempotency-key-header puts around it."""
    named = _named(headers)
    value = next((named[name] for name in HEADERS if named.get(name) is not None), None)
    if isinstance(value, list):
        if len(set(map(str, value))) > 1:
            raise UnreadableError("the Idempotency-Key header stands there twice")
        value = value[0] if value else None
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnreadableError("the Idempotency-Key header is no text")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not 1 <= len(value) <= LONGEST or not (value.isascii() and value.isprintable()):
        raise UnreadableError(f"the Idempotency-Key header is not 1 to {LONGEST} printable ASCII characters")
    return value


def _named(headers: Any) -> dict[str, Any]:
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items() if isinstance(name, str)} if headers else {}


def _key(event: Any) -> str | None:
    for name in ("headers", "multiValueHeaders"):
        headers = get(event, name)
        if headers is not None and not isinstance(headers, dict):
            raise UnreadableError(f"{name} is no object")
        if (key := header(headers)) is not None:
            return key
    return None


def _caller(event: Any, *paths: str) -> dict[str, str]:
    """The first of what the platform has proven about the caller. No header is believed."""
    for path in paths:
        if has(event, f"requestContext/{path}"):
            return {path.rsplit("/", 1)[-1]: without_session(text(event, f"requestContext/{path}"))}
    return {}


def _credentials(event: Any) -> str:
    """What the handler itself may check. Other schemes (Digest, DPoP, HMAC) sign each try anew."""
    found = {**_named(get(event, "multiValueHeaders")), **_named(get(event, "headers"))}.get("authorization")
    shown = str(found[0] if isinstance(found, list) and found else found)
    return digest(shown) if shown.partition(" ")[0].lower() in ("basic", "bearer") else ""


def without_session(arn: str) -> str:
    """An assumed role without the name of its session, which is another in each session."""
    return arn.rsplit("/", 1)[0] if ":assumed-role/" in arn and arn.count("/") > 1 else arn


def _reads(
    method: str, path: str, query: tuple[str, ...], caller: tuple[str, ...], route: str = ""
) -> Callable[[Any, Any], Reading]:
    """How one of the proxies writes a request down."""

    def read(event: Any, _: Any) -> Reading:
        key = _key(event)
        payload = {"method": get(event, method), "path": get(event, path), **only(event, "body", *query)}
        identity = None
        if key is not None:
            identity = {**fields(event, method=method), **_place(event, path, route), "idempotency-key": key}
        scope = _caller(event, *caller)  # without a key too: the user may have one of their own
        return Reading(identity, payload, scope, credentials="" if scope else _credentials(event))

    return read


def _place(event: Any, path: str, route: str) -> Mapping[str, str]:
    """The route, which all names of a domain share; the path where one route takes everything."""
    found = get(event, route) if route else None
    if isinstance(found, str) and found and "+}" not in found and found != "$default":
        return {"route": found}
    return fields(event, path=path)


def is_safe(event: Any) -> bool:
    """Tell a request that asks for nothing but to read, by its method (RFC 9110, 9.2.1)."""
    methods = (get(event, path) for path in ("requestContext/http/method", "httpMethod", "method"))
    return next((method for method in methods if method is not None), None) in SAFE_METHODS


def is_authorizer(event: Any) -> bool:
    """An authorizer's event has all of the request that it judges."""
    return has(event, "type") and (has(event, "methodArn") or has(event, "routeArn"))


def _is_alb(event: Any) -> bool:
    return has(event, "requestContext/elb/targetGroupArn")


def _is_websocket(event: Any) -> bool:
    return has(event, "requestContext/connectionId") and not is_authorizer(event)


def _is_lattice(event: Any) -> bool:
    return has(event, "requestContext/serviceArn", "requestContext/targetGroupArn")


def _is_lattice_1(event: Any) -> bool:
    return has(event, "raw_path", "is_base64_encoded")


def _is_v2(event: Any) -> bool:
    return get(event, "version") == "2.0" and has(event, "requestContext/http") and not is_authorizer(event)


def _is_url(event: Any) -> bool:
    return _is_v2(event) and ".lambda-url." in str(get(event, "requestContext/domainName"))


def _is_http_api(event: Any) -> bool:
    return _is_v2(event) and not _is_url(event)


def _is_rest(event: Any) -> bool:
    found = has(event, "httpMethod", "resource", "requestContext")
    return found and not (is_authorizer(event) or _is_websocket(event) or _is_alb(event))


def _websocket(event: Any, _: Any) -> Reading:
    """A frame that the caller sends again is a new message: only its own key in the body would tell."""
    names = {"api": "requestContext/apiId", "connection": "requestContext/connectionId"}
    if get(event, "requestContext/eventType") in ("CONNECT", "DISCONNECT"):
        return Reading(fields(event, **names, event="requestContext/eventType"), kind="natural")
    return Reading(None, only(event, "body"))


def _is_appsync(event: Any) -> bool:
    found = event[0] if isinstance(event, list) and event else event
    return has(found, "arguments") and (has(found, "info/fieldName") or has(found, "fieldName"))


def _appsync(event: Any, _: Any) -> Reading:
    """A mutation under the request's header, or Relay's clientMutationId. Several elements are one batch resolver."""
    elements = event if isinstance(event, list) else [event]
    found = elements[0]
    if (get(found, "info/parentTypeName") or get(found, "typeName")) != "Mutation":
        return Reading(None, kind="never")
    payload = [only(element, "arguments", "source") for element in elements]
    headers = get(found, "request/headers")
    key = header(headers if isinstance(headers, dict) else None)
    if key is None:
        key = header({HEADERS[0]: get(found, "arguments/input/clientMutationId")})
    scope = _identity(get(found, "identity"))
    if key is None:
        return Reading(None, payload, scope)
    field = text(found, "info/fieldName" if has(found, "info/fieldName") else "fieldName")
    identity = {"field": field, "idempotency-key": key}
    if isinstance(event, list):  # one request may be cut into several batches
        identity["elements"] = _hash(payload)
    return Reading(identity, payload, scope)


def _hash(payload: object) -> str:
    try:
        return digest(canonical(payload))
    except UnusableKey as error:
        raise UnreadableError(str(error)) from None


def _identity(identity: Any) -> dict[str, str]:
    for name in ("sub", "username", "userArn"):
        if has(identity, name):
            return {name: without_session(text(identity, name))}
    if isinstance(context := get(identity, "resolverContext"), dict):
        pairs = sorted((str(name), str(value)) for name, value in context.items())
        return {"resolverContext": digest(*(part for pair in pairs for part in pair))}
    return {}


REST_CALLER = (
    "authorizer/claims/sub",
    "authorizer/principalId",
    "identity/cognitoIdentityId",
    "identity/userArn",
    "identity/apiKeyId",
)
V2_CALLER = ("authorizer/jwt/claims/sub", "authorizer/iam/userArn", "authorizer/iam/accessKey")
QUERIES = ("queryStringParameters", "multiValueQueryStringParameters")
REST = _reads("httpMethod", "path", QUERIES, REST_CALLER, "resource")
V2 = _reads("requestContext/http/method", "rawPath", ("rawQueryString",), V2_CALLER, "routeKey")
ALB = _reads("httpMethod", "path", QUERIES, ())
LATTICE = _reads("method", "path", QUERIES, ("identity/principal",))
LATTICE_1 = _reads("method", "raw_path", ("query_string_parameters",), ())

ROWS = (
    Row("alb", "client", _is_alb, DAY, "raise", True, ALB, left_out=LEFT_OUT, is_http=True),
    Row("websocket", "client", _is_websocket, DAY, "raise", True, _websocket, left_out=LEFT_OUT),
    Row("vpc-lattice", "client", _is_lattice, DAY, "raise", True, LATTICE, left_out=LEFT_OUT, is_http=True),
    Row("vpc-lattice-v1", "client", _is_lattice_1, DAY, "raise", True, LATTICE_1, left_out=LEFT_OUT, is_http=True),
    Row("function-url", "client", _is_url, DAY, "raise", True, V2, left_out=LEFT_OUT, is_http=True),
    Row("http-api", "client", _is_http_api, DAY, "raise", True, V2, left_out=LEFT_OUT, is_http=True),
    Row("rest-api", "client", _is_rest, DAY, "raise", True, REST, left_out=LEFT_OUT, is_http=True),
    Row("appsync", "client", _is_appsync, DAY, "raise", True, _appsync, left_out=LEFT_OUT),
)
