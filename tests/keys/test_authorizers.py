"""Which fields of a Lambda authorizer's context tell callers apart, and which are another in each request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.errors import MalformedEvent
from twicesafe.keys.sources import units
from twicesafe.keys.sources.authorizers import read_context
from twicesafe.keys.sources.callers import Caller


def read(context: dict[str, Any]) -> Caller:
    caller = Caller()
    read_context(caller, context, "of")
    return caller


@pytest.mark.parametrize(
    "name",
    [
        "userId",
        "user_id",
        "userid",
        "sub",
        "email",
        "username",
        "cognito:username",
        "user-name",
        "uid",
        "userARN",
        "member_id",
        "custom:uid",
        "userUuid",
    ],
)
def test_a_field_that_names_a_person_is_a_proof(name: str) -> None:
    caller = read({name: "ann"})
    assert caller.scope == {f"of.{name}": "ann"}
    assert caller.is_proven == (name not in ("userARN", "custom:uid", "userUuid"))


@pytest.mark.parametrize(
    "name",
    [
        "tenant",
        "tenantId",
        "tenantid",
        "custom:tenant_id",
        "organizationId",
        "orgName",
        "accountId",
        "customer",
        "clientId",
        "deviceId",
        "key",
        "stringKey",
        "numberKey",
        "exampleKey1",
        "name",
        "id",
        "externalRef",
    ],
)
def test_a_field_that_names_something_tells_callers_apart_and_proves_none(name: str) -> None:
    caller = read({name: "a"})
    assert (caller.scope, caller.is_proven) == ({f"of.{name}": "a"}, False)


@pytest.mark.parametrize(
    "name",
    [
        "integrationLatency",
        "principalId",
        "exp",
        "iat",
        "nbf",
        "jti",
        "origin_jti",
        "auth_time",
        "at_hash",
        "event_id",
        "nonce",
        "requestTime",
        "requesttime",
        "requestId",
        "request_id",
        "xrayTraceId",
        "traceid",
        "correlation-id",
        "spanId",
        "timestamp",
        "issuedAt",
        "expires_at",
        "expiresAt",
        "token_exp",
        "userLoginTime",
        "clientIp",
        "sourceIp",
        "ip",
        "userAgent",
        "tokenExpiration",
        "ttl",
    ],
)
def test_a_field_of_each_request_or_token_is_left_out(name: str) -> None:
    caller = read({name: "x"})
    assert (caller.scope, caller.session, caller.details) == ({}, {}, {})


@pytest.mark.parametrize(
    "name", ["token", "accessToken", "access_token", "idtoken", "jwt", "authorization", "sessionId", "sid", "cookie"]
)
def test_a_field_of_one_session_is_compared_unless_the_caller_is_proven(name: str) -> None:
    caller = read({name: "x"})
    assert (caller.scope, caller.session, caller.details) == ({}, {f"of.{name}": "x"}, {})


@pytest.mark.parametrize("name", ["plan", "role", "roles", "scope", "permissions", "color", "isAdmin", "aud", "x"])
def test_any_other_field_is_compared(name: str) -> None:
    caller = read({name: ["a"]})
    assert (caller.scope, caller.session, caller.details) == ({}, {}, {f"of.{name}": '["a"]'})


NESTED: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"user": {"id": 7, "iat": 1, "plan": "pro"}}, {"of.user.id": "7"}, True),
    ({"user": '{"sub": "ann", "exp": 1}'}, {"of.user.sub": "ann"}, True),
    ({"claims": '{"custom:tenantId": "t", "exp": 1}'}, {"of.claims.custom:tenantId": "t"}, False),
    ({"user": "{no json"}, {"of.user": "{no json"}, True),
    ({"tenant": {"id": "t", "owner": {"id": "o"}}}, {"of.tenant.id": "t", "of.tenant.owner.id": "o"}, False),
    ({"user": {}}, {}, False),
    ({"user": None, "tenant": ""}, {}, False),
    ({"tenantId": True}, {"of.tenantId": "true"}, False),
    ({"tenants": ["a", "b"]}, {}, False),
]


@pytest.mark.parametrize(("context", "scope", "is_proven"), NESTED)
def test_objects_are_read_field_by_field_and_as_json_too(context: Any, scope: Any, is_proven: bool) -> None:
    caller = read(context)
    assert (caller.scope, caller.is_proven) == (scope, is_proven)


def test_what_is_nested_deeply_is_compared_whole() -> None:
    context: Any = {"plan": 1}
    for _ in range(9):
        context = {"a": context}
    caller = read(context)
    assert list(caller.details) == ["of.a.a.a.a"]


def test_what_has_no_text_is_malformed() -> None:
    with pytest.raises(MalformedEvent):
        units(s.http_api(authorizer={"lambda": {"plan": float("nan")}}))
