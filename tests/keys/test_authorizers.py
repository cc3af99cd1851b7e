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
    "name", ["token", "accessToken", "access_token", "idtoken", "jwt", "authorization", "sessionToken", "cookie"]
)
def test_a_field_of_one_session_is_compared_unless_the_caller_is_proven(name: str) -> None:
    caller = read({name: "x"})
    assert (caller.scope, caller.session, caller.details) == ({}, {f"of.{name}": "x"}, {})


@pytest.mark.parametrize(
    "name",
    [
        "plan",
        "role",
        "roles",
        "scope",
        "permissions",
        "color",
        "isAdmin",
        "aud",
        "x",
        "event",
        "eventId",
        "event_id",
        "agent",
        "agentId",
        "sid",
        "session",
        "sessionId",
        "storeTime",
        "shopNow",
        "tenantAt",
    ],
)
def test_any_other_field_is_compared(name: str) -> None:
    caller = read({name: ["a"]})
    assert (caller.scope, caller.session, caller.details) == ({}, {}, {f"of.{name}": '["a"]'})


NESTED: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"user": {"id": 7, "iat": 1, "plan": "pro"}}, {"of.user.id": "7"}, True),
    ({"user": '{"sub": "ann", "exp": 1}'}, {"of.user.sub": "ann"}, True),
    ({"claims": '{"custom:tenantId": "t", "exp": 1}'}, {"of.claims.custom:tenantId": "t"}, False),
    ({"user": "{no json"}, {"of.user": "{no json"}, False),
    ({"company": {"email": "a@b.io"}}, {"of.company.email": "a@b.io"}, False),
    ({"org": {"uid": "t"}}, {"of.org.uid": "t"}, False),
    ({"tenant": '{"uid":"t1"}'}, {"of.tenant.uid": "t1"}, False),
    ({"client": {"sub": "c"}}, {"of.client.sub": "c"}, False),
    ({"user": {"company": {"email": "a@b.io"}}}, {"of.user.company.email": "a@b.io"}, False),
    ({"company": {"user": {"id": "7"}}}, {"of.company.user.id": "7"}, False),
    ({"myOwn": {"userId": "7"}}, {"of.myOwn.userId": "7"}, False),
    ({"identity": {"claims": {"sub": "ann"}}}, {"of.identity.claims.sub": "ann"}, True),
    ({"userInfo": {"email": "ann@b.io"}}, {"of.userInfo.email": "ann@b.io"}, True),
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


@pytest.mark.parametrize(
    "value", ["ann", "7", 7, 7.5, "user-42", "0b1", "auth0|7", "anna@unknown.io", "\u674e", "root beer"]
)
def test_a_name_or_a_number_of_somebody_is_a_proof(value: Any) -> None:
    assert read({"userId": value}).is_proven


@pytest.mark.parametrize(
    "value",
    [
        *("anonymous", "Anonymous", "ANON", "anonymousUser", "anonymous user", "anonymous@example.com", "None", "null"),
        *(
            "undefined",
            "guest",
            "unknown",
            "-",
            "--",
            "n/a",
            " ",
            "\t",
            "public",
            "user",
            "not logged in",
            "nil",
            "NaN",
        ),
        *("true", "false", "0", "0.0", "00000000-0000-0000-0000-000000000000", "-1", "[object Object]", "<none>", "[]"),
        *("user:anonymous", "auth0|", "(null)", "default", "system"),
        *(True, False, 0, 0.0, -1, [], ["ann"], {"deep": {"deeper": {"deepest": {}}}}),
    ],
)
def test_a_placeholder_for_a_user_is_no_proof(value: Any) -> None:
    assert not read({"userId": value}).is_proven
    assert not read({"user": {"sub": value}}).is_proven


def test_what_is_nested_deeply_is_compared_whole() -> None:
    context: Any = {"plan": 1}
    for _ in range(9):
        context = {"a": context}
    caller = read(context)
    assert list(caller.details) == ["of.a.a.a.a"]


def test_what_has_no_text_is_malformed() -> None:
    with pytest.raises(MalformedEvent):
        units(s.http_api(authorizer={"lambda": {"plan": float("nan")}}))
