"""What is compared of a caller, and where it stands; what comes of a difference is in tests/answers/test_http.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.keys.sources import fingerprint_of, units
from twicesafe.keys.sources.credentials import Credentials

PROVEN = {"authorizer": {"jwt": {"claims": {"sub": "ann"}}}}


def shown(headers: dict[str, Any], **changed: Any) -> Credentials:
    context = changed.pop("context", {})
    event = {**s.http_api(**context), "headers": {"idempotency-key": "k-1", **headers}, **changed}
    (unit,) = units(event)
    assert unit.credentials is not None
    return unit.credentials


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ({}, ()),
        ({"authorization": "Bearer a"}, ("authorization",)),
        ({"authorization": "Bearer a", "cookie": "a=1"}, ("authorization",)),
        ({"authorization": "Bearer a", "x-api-key": "b"}, ("authorization", "x-api-key")),
        ({"authorization": "DPoP a", "dpop": "proof"}, ("authorization", "dpop")),
        ({"authorization": "Bearer a", "dpop": "proof"}, ("authorization",)),
        ({"x-auth-token": "a", "apikey": "b"}, ("x-auth-token", "apikey")),
        ({"x-api-key": "a", "cookie": "b=1"}, ("x-api-key", "cookie")),
        ({"cookie": "AWSALB=1; _ga=2"}, ()),
        ({"authorization": " ", "cookie": "a=1"}, ("cookie",)),
        ({"authorization": "Basic a", "cookie": "a=1"}, ("authorization", "cookie")),
        ({"authorization": "ApiKey a", "cookie": "a=1"}, ("authorization", "cookie")),
        ({"x-access-token": "a", "cookie": "b=1"}, ("x-access-token", "cookie")),
        ({"x-token": "a", "cookie": "b=1"}, ("x-token", "cookie")),
    ],
)
def test_credentials_are_named(headers: Any, names: tuple[str, ...]) -> None:
    assert shown(headers).names == names
    assert bool(shown(headers).shown) == bool(names)
    assert shown(headers, context=PROVEN) == Credentials()


@pytest.mark.parametrize(
    "name",
    [
        *("x-token", "token", "private-token", "x-session-token", "x-id-token", "x-api-token", "x-apikey", "api_key"),
        *("x-authorization", "proxy-authorization", "cf-access-jwt-assertion", "x-forwarded-access-token"),
        *("x-forwarded-client-cert", "X-Session-Id", "x_auth_token", "x-secret", "x-credential", "x-my-api-key"),
        *("x-user-id", "x-forwarded-user", "x-forwarded-email", "x-tenant-id", "x-ms-client-principal"),
    ],
)
def test_a_header_whose_name_says_that_it_shows_a_caller_is_compared(name: str) -> None:
    assert shown({name: "a"}).names == (name.lower(),)
    assert shown({name: "a"}).shown != shown({name: "b"}).shown
    assert shown({name: "a"}, context=PROVEN) == Credentials()


@pytest.mark.parametrize(
    "name",
    [
        *("x-csrf-token", "x-xsrf-token", "csrf-token", "x-amz-security-token", "x-amz-user-agent", "user-agent"),
        *("x-amzn-oidc-data", "x-amzn-trace-id", "sec-fetch-user", "x-idempotency-token", "x-trace-token"),
        *("x-recaptcha-token", "x-auth-timestamp", "content-type", "accept", "x-request-id", "tokens", "author"),
    ],
)
def test_a_header_of_each_request_shows_no_caller(name: str) -> None:
    assert shown({name: "a"}) == Credentials()


@pytest.mark.parametrize(
    ("identity", "names"),
    [
        ({"apiKeyId": "i"}, ()),
        ({"apiKeyId": "i", "apiKey": "a"}, ()),
        ({"apiKeyId": "i", "apiKey": "other"}, ("x-api-key",)),
        ({}, ("x-api-key",)),
    ],
)
def test_an_api_key_that_the_platform_knows_is_in_the_scope_alone(identity: Any, names: tuple[str, ...]) -> None:
    (unit,) = units(s.rest({"idempotency-key": "k", "x-api-key": "a"}, identity=identity))
    assert unit.credentials is not None
    assert unit.credentials.names == names


@pytest.mark.parametrize(
    ("authorization", "scheme"),
    [
        ("AWS4-HMAC-SHA256 Credential=a", "aws4"),
        ("aws4-ecdsa-p256-sha256 Credential=a", "aws4"),
        ("AWS AKID:signature", "aws"),
        ("DPoP a", "dpop"),
        ("Digest username=a", "digest"),
        ("OAuth realm=a", "oauth"),
        ("HMAC-SHA512 a", "hmac"),
        ("HMAC-anything a", "hmac"),
        ("Bearer digest", ""),
        ("digest", ""),
        ("Basic a", ""),
        ("OAuth2 a", ""),
        ("", ""),
    ],
)
def test_a_scheme_that_signs_each_request_is_told(authorization: str, scheme: str) -> None:
    assert shown({"authorization": authorization}).scheme == scheme
    assert shown({"authorization": authorization}, context=PROVEN).scheme == ""


def test_a_fingerprint_has_no_hash_of_credentials_that_another_key_shares() -> None:
    units_of = [
        units({**s.http_api(key), "headers": {"idempotency-key": key, "authorization": "a"}})[0] for key in "kl"
    ]
    first, second = (fingerprint_of(unit).split(":") for unit in units_of)
    assert (first[0], first[1]) == (second[0], second[1]) == ("2", first[1])
    assert first[2] != second[2]
    assert len(first[2]) == 32


def test_a_caller_who_shows_nothing_has_a_fingerprint_that_can_be_compared() -> None:
    (unit,) = units(s.http_api())
    assert fingerprint_of(unit._replace(payload=None)) == "2::"


def test_what_comes_of_no_caller_has_a_fingerprint_of_its_payload_alone() -> None:
    (unit,) = units(s.SAMPLES["sqs"][0])
    assert fingerprint_of(unit).count(":") == 1
    assert fingerprint_of(unit._replace(payload=None)) == ""
