"""What each platform says of a caller is in the scope, all of it together, and no more of it than is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.keys.sources import units
from twicesafe.keys.sources.callers import lattice_fields, without_session

ROLE = "arn:aws:sts::111122223333:assumed-role"
POOL = f"{ROLE}/pool/CognitoIdentityCredentials"
CERTIFICATE = {"subjectDN": "CN=ann", "issuerDN": "CN=ca", "serialNumber": "1", "validity": {"notBefore": "t"}}
OF_THE_CERTIFICATE = {"certificateSubject": "CN=ann", "certificateIssuer": "CN=ca"}
HEADERS = {"idempotency-key": "k-1"}
NOBODY = {"claims": None, "scopes": None}
"""What HTTP APIs write in their format 1.0 where nobody was authorized."""


def rest(**context: Any) -> Any:
    return s.rest(HEADERS, **context)


def alb(**headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {**s.SAMPLES["alb"][0], "multiValueHeaders": {name: [value] for name, value in named.items()}}


def lattice(**identity: Any) -> Any:
    event = s.SAMPLES["lattice"][0]
    return {**event, "requestContext": {**event["requestContext"], "identity": identity}}


def lattice_1(identity: str) -> Any:
    return {**s.SAMPLES["lattice 1"][0], "headers": {**HEADERS, "x-amzn-lattice-identity": identity}}


def appsync(identity: Any, **headers: str) -> Any:
    return {**s.appsync(), "identity": identity, "request": {"headers": {**HEADERS, **headers}}}


SCOPES: dict[str, tuple[Any, dict[str, str]]] = {
    "all of a REST API": (
        rest(
            authorizer={"principalId": "me", "integrationLatency": 7, "tenantId": "t", "userId": 7, "plan": "pro"},
            identity={
                "apiKeyId": "a",
                "apiKey": "secret",
                "userArn": POOL,
                "cognitoIdentityId": "c",
                "sourceIp": "1",
                "clientCert": CERTIFICATE,
            },
        ),
        {
            "principalId": "me",
            "authorizer.tenantId": "t",
            "authorizer.userId": "7",
            "apiKeyId": "a",
            "cognitoIdentityId": "c",
            "userArn": f"{ROLE}/pool",
            **OF_THE_CERTIFICATE,
        },
    ),
    "Cognito": (
        rest(authorizer={"claims": {"sub": "ann", "iss": "i", "exp": "1", "client_id": "c", "email": "e"}}),
        {"sub": "ann", "iss": "i"},
    ),
    "claims without a subject": (rest(authorizer={"claims": {"sub": "", "client_id": "c"}}), {"client_id": "c"}),
    "claims of nobody": (rest(authorizer={"claims": {"aud": "a"}}), {}),
    "a context called claims": (rest(authorizer={"claims": '{"sub": "ann"}'}), {"authorizer.claims.sub": "ann"}),
    "nobody": (rest(authorizer=NOBODY, identity={"userArn": None, "apiKeyId": None, "clientCert": None}), {}),
    "nothing in it": (rest(authorizer={"principalId": "", "user": "", "tenant": None}, identity={"userArn": ""}), {}),
    "no object": (rest(authorizer="ann", identity=["ann"]), {}),
    "JWT": (s.http_api(authorizer={"jwt": {"claims": {"sub": "a", "iss": "i", "jti": "j"}}}), {"sub": "a", "iss": "i"}),
    "JWT with a number": (s.http_api(authorizer={"jwt": {"claims": {"sub": 7}}}), {"sub": "7"}),
    "JWT of a program": (s.http_api(authorizer={"jwt": {"claims": {"client_id": "c"}}}), {"client_id": "c"}),
    "JWT of a program's user": (
        s.http_api(authorizer={"jwt": {"claims": {"client_id": "c", "username": "ann", "exp": "1"}}}),
        {"client_id": "c", "username": "ann"},
    ),
    "JWT of a pool's user": (
        rest(authorizer={"claims": {"client_id": "c", "cognito:username": "ann", "email": "a@b.io"}}),
        {"client_id": "c", "cognito:username": "ann", "email": "a@b.io"},
    ),
    "IAM": (s.http_api(authorizer={"iam": {"userArn": f"{ROLE}/app/s", "accessKey": "A"}}), {"userArn": f"{ROLE}/app"}),
    "IAM of a pool": (
        s.http_api(authorizer={"iam": {"userArn": POOL, "cognitoIdentity": {"identityId": "c", "amr": ["a"]}}}),
        {"cognitoIdentityId": "c", "userArn": f"{ROLE}/pool"},
    ),
    "IAM without a name": (s.http_api(authorizer={"iam": {"accessKey": "A", "userArn": None}}), {"accessKey": "A"}),
    "a context": (
        s.http_api(authorizer={"lambda": {"user": {"id": 7, "exp": 1}, "orgs": ["a"], "isAdmin": True}}),
        {"authorizer.user.id": "7"},
    ),
    "a simple response": (s.http_api(authorizer={"lambda": None}), {}),
    "a certificate": (s.http_api(authentication={"clientCert": CERTIFICATE}), OF_THE_CERTIFICATE),
    "a certificate without names": (s.http_api(authentication={"clientCert": {"serialNumber": "1"}}), {}),
    "ALB": (
        alb(
            x_amzn_oidc_identity="ann",
            x_amzn_oidc_data="jwt",
            x_amzn_oidc_accesstoken="secret",
            X_Amzn_Mtls_Clientcert_Subject="CN=ann",
            X_Amzn_Mtls_Clientcert_Issuer="CN=ca",
        ),
        {
            "x-amzn-oidc-identity": "ann",
            "x-amzn-mtls-clientcert-subject": "CN=ann",
            "x-amzn-mtls-clientcert-issuer": "CN=ca",
        },
    ),
    "Lattice": (
        lattice(
            principal=f"{ROLE}/app/s",
            sessionName="s",
            type="AWS_IAM",
            sourceVpcArn="vpc",
            x509SanDns="a.io",
            x509IssuerOu="",
        ),
        {"principal": f"{ROLE}/app", "x509sandns": "a.io"},
    ),
    "Lattice of nobody": (lattice(sourceVpcArn="vpc"), {}),
    "Lattice 1": (
        lattice_1(f"Principal={ROLE}/app/s; PrincipalOrgID=; SessionName=s; X509SAN/DNS=a.io; Type=AWS_IAM"),
        {"principal": f"{ROLE}/app", "x509sandns": "a.io"},
    ),
    "Lattice 1 of nobody": (lattice_1("Principal=;SessionName="), {}),
    "AppSync with a pool of users": (
        appsync({"sub": "ann", "issuer": "i", "username": "a", "claims": {"iss": "i", "exp": 1}}),
        {"sub": "ann", "iss": "i"},
    ),
    "AppSync with OIDC": (appsync({"sub": "ann", "claims": {"iss": "i"}}), {"sub": "ann", "iss": "i"}),
    "AppSync with IAM": (
        appsync({"userArn": POOL, "cognitoIdentityId": "c", "username": "AROA:s", "accountId": "1"}),
        {"cognitoIdentityId": "c", "userArn": f"{ROLE}/pool"},
    ),
    "AppSync with a username": (appsync({"username": "ann"}), {"username": "ann"}),
    "AppSync with an authorizer": (appsync({"resolverContext": {"tenant": "t"}}), {"resolverContext.tenant": "t"}),
    "AppSync with nothing": (appsync(None), {}),
    "a frame": (
        {
            **s.websocket("MESSAGE"),
            "requestContext": {**s.websocket("MESSAGE")["requestContext"], "authorizer": {"principalId": "ann"}},
        },
        {"principalId": "ann"},
    ),
}


@pytest.mark.parametrize("name", SCOPES)
def test_a_scope_has_what_the_platform_says_of_the_caller(name: str) -> None:
    event, scope = SCOPES[name]
    (unit,) = units(event)
    assert unit.scope == scope


def test_a_mutation_with_an_api_key_has_no_readable_key_in_its_scope() -> None:
    scopes = [units(appsync(None, **{"x-api-key": key}))[0].scope for key in ("da2-secret", "da2-other", "da2-secret")]
    assert scopes[0] == scopes[2] != scopes[1]
    assert "secret" not in str(scopes)


def test_an_api_key_beside_a_user_of_appsync_is_not_theirs() -> None:
    (unit,) = units(appsync({"sub": "ann"}, **{"x-api-key": "a"}))
    assert unit.scope == {"sub": "ann"}


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (f"{ROLE}/app/session", f"{ROLE}/app"),
        (f"{ROLE}/path/app/session", f"{ROLE}/path/app"),
        (f"{ROLE}/app/ann@example.com", f"{ROLE}/app/ann@example.com"),
        (f"{ROLE}/AWSReservedSSO_Dev_1/ann", f"{ROLE}/AWSReservedSSO_Dev_1/ann"),
        (f"{ROLE}/app", f"{ROLE}/app"),
        ("arn:aws:iam::1:user/path/ann", "arn:aws:iam::1:user/path/ann"),
        ("arn:aws:sts::1:federated-user/ann", "arn:aws:sts::1:federated-user/ann"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
        ("arn:aws-us-gov:sts::1:assumed-role/app/s", "arn:aws-us-gov:sts::1:assumed-role/app"),
    ],
)
def test_a_session_is_left_out_where_it_is_no_persons_name(arn: str, found: str) -> None:
    assert without_session(arn) == found


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {"": ""}),
        ("a=1;b=2;", {"a": "1", "b": "2", "": ""}),
        (" a = 1 ; b=x=y", {"a": "1", "b": "x=y"}),
        (r"a=x\;b=y;c=z", {"a": "x;b=y", "c": "z"}),
        ("Principal=first;Principal=second", {"Principal": "first"}),
    ],
)
def test_lattices_fields_are_told_apart(header: str, found: dict[str, str]) -> None:
    assert lattice_fields(header) == found
