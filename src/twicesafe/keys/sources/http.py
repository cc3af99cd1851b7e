"""Requests of a caller, who alone knows which two are the same: by the Idempotency-Key header."""

from __future__ import annotations

from . import appsync, callers, reasons
from .contents import Request
from .credentials import compared
from .headers import domain_of, headers_of, joined, key_in
from .reading import fields, get, has, known, only
from .row import DAY, Reading, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .callers import Caller
    from .headers import Headers

    ReadCaller = Callable[[Any, Headers], Caller]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


class Proxy:
    """How one of the proxies writes a request down."""

    def __init__(
        self,
        method: str,
        path: str,
        query: tuple[str, ...],
        read_caller: ReadCaller,
        place: Callable[[Any, Headers], dict[str, str]],
        *,
        route: str = "",
        domain: str = "",
        base64: str = "isBase64Encoded",
    ) -> None:
        self.method, self.path, self.query = method, path, query
        self.read_caller = read_caller
        self.place = place
        self.route = route
        self.domain = domain
        self.base64 = base64

    def read(self, event: Any, _: Any) -> Reading:
        """Read what identifies a request, who sent it, and what must not change under its key."""
        headers = headers_of(event)
        key, place = key_in(headers), self.place(event, headers)
        identity = None
        if key is not None:
            route = _route(event, self.path, self.route)
            identity = {**fields(event, method=self.method), **route, **place, "idempotency-key": key}
        caller = self.read_caller(event, headers)  # without a key too: the user may have one of their own
        credentials = compared(event, headers, caller)
        return Reading(
            identity,
            self._request(event, headers, place),
            caller.scope,
            credentials=credentials,
            compared=reasons.compared("method, path, query, content type, body, domain", caller, credentials),
            left_out=reasons.left_out(caller, credentials),
        )

    def _request(self, event: Any, headers: Headers, place: dict[str, str]) -> Request:
        said = {"method": get(event, self.method), "path": get(event, self.path)}
        domain = known(event, self.domain) if self.domain else joined(headers, "host")
        query = {name: get(event, name) for name in self.query if get(event, name)}
        return Request(
            {**said, **place, "domain": domain_of(domain)},
            query,
            joined(headers, "content-type"),
            get(event, "body"),
            get(event, self.base64) is True,
        )


def _route(event: Any, path: str, route: str) -> Mapping[str, str]:
    """The route, which all names of a domain share; the path where one route takes everything."""
    found = get(event, route) if route else None
    if isinstance(found, str) and found and "+}" not in found and found != "$default":
        return {"route": found}
    return fields(event, path=path)


def _of_api_gateway(event: Any, _: Headers) -> dict[str, str]:
    """An API's stages are worlds of their own, such as a test's and the customers'."""
    context = get(event, "requestContext")
    names = {"api": "apiId", "stage": "stage", "account": "accountId"}
    return {name: value for name, path in names.items() if (value := known(context, path))}


def _of_alb(event: Any, _: Headers) -> dict[str, str]:
    """Only the account: a target group has a twin in each deployment that shifts its traffic step by step."""
    arn = str(get(event, "requestContext/elb/targetGroupArn")).split(":")
    return {"account": arn[4]} if len(arn) > 5 and arn[4] else {}


def _of_lattice(event: Any, _: Headers) -> dict[str, str]:
    """The service, whose ARN has its account."""
    return fields(event, service="requestContext/serviceArn")


def _of_lattice_1(_: Any, headers: Headers) -> dict[str, str]:
    service = callers.lattice_fields(joined(headers, "x-amzn-lattice-target")).get("ServiceArn")
    return {"service": service} if service else {}


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
    caller = callers.of_rest_api(event, {})
    caller.session["connectionId"] = known(event, "requestContext/connectionId")
    credentials = compared(event, {}, caller)
    return Reading(
        None,
        only(event, "body"),
        caller.scope,
        credentials=credentials,
        compared=reasons.compared("body", caller, credentials),
        left_out=reasons.left_out(caller, credentials),
    )


QUERIES = ("queryStringParameters", "multiValueQueryStringParameters")
REST = Proxy(
    "httpMethod",
    "path",
    QUERIES,
    callers.of_rest_api,
    _of_api_gateway,
    route="resource",
    domain="requestContext/domainName",
)
V2 = Proxy(
    "requestContext/http/method",
    "rawPath",
    ("rawQueryString",),
    callers.of_http_api,
    _of_api_gateway,
    route="routeKey",
    domain="requestContext/domainName",
)
ALB = Proxy("httpMethod", "path", QUERIES, callers.of_alb, _of_alb)
LATTICE = Proxy("method", "path", QUERIES, callers.of_lattice, _of_lattice)
LATTICE_1 = Proxy(
    "method", "raw_path", ("query_string_parameters",), callers.of_lattice_1, _of_lattice_1, base64="is_base64_encoded"
)


def _row(name: str, recognises: Callable[[Any], bool], read: Callable[[Any, Any], Reading], *, is_http: bool) -> Row:
    return Row(name, "client", recognises, DAY, "raise", True, read, left_out=reasons.LEFT_OUT, is_http=is_http)


ROWS = (
    _row("alb", _is_alb, ALB.read, is_http=True),
    _row("websocket", _is_websocket, _websocket, is_http=False),
    _row("vpc-lattice", _is_lattice, LATTICE.read, is_http=True),
    _row("vpc-lattice-v1", _is_lattice_1, LATTICE_1.read, is_http=True),
    _row("function-url", _is_url, V2.read, is_http=True),
    _row("http-api", _is_http_api, V2.read, is_http=True),
    _row("rest-api", _is_rest, REST.read, is_http=True),
    _row("appsync", appsync.is_appsync, appsync.read, is_http=False),
)
