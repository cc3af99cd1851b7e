from __future__ import annotations

from typing import Any

import botocore.auth
import botocore.credentials
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.protocol.records import Millis
from twicesafe.stores.dynamodb.direct.signing import Credentials, signature, stamp

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
names = st.from_regex(r"x-[a-z][a-z0-9-]{0,20}", fullmatch=True)
values = st.lists(printable, min_size=1, max_size=3).map(" ".join)
regions = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True)


def botocore_signature(
    headers: dict[str, str], body: bytes, credentials: Credentials, region: str, service: str = "dynamodb"
) -> str:
    signer: Any = botocore.auth.SigV4Auth(botocore.credentials.Credentials(*credentials), service, region)
    request = AWSRequest("POST", f"https://{headers['host']}/", headers, body)
    request.context["timestamp"] = headers["x-amz-date"]
    canonical = signer.canonical_request(request)
    digest = signer.signature(signer.string_to_sign(request, canonical), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.credential_scope(request)
    return f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={digest}"


@given(
    moments=st.lists(st.integers(0, 4_000_000_000_000), min_size=1, max_size=3),
    more=st.dictionaries(names, values),
    body=st.binary(max_size=2000),
    credentials=st.builds(Credentials, printable, st.text(min_size=1), st.none() | printable),
    region=regions,
)
def test_a_signature_is_botocores(
    moments: list[int], more: dict[str, str], body: bytes, credentials: Credentials, region: str
) -> None:
    for moment in moments:  # the second one finds what the first one has left
        headers = {**more, "host": f"dynamodb.{region}.amazonaws.com", "x-amz-date": stamp(Millis(moment))}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        expected = botocore_signature(headers, body, credentials, region)
        assert signature(headers, body, credentials, region) == expected


# AWS's published vectors ("aws-sig-v4-test-suite"): those that POST to "/".

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
ALWAYS = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuw"
    "thAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNV"
    "XAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
VECTORS = {
    "post-vanilla": ({}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-header-key-sort": (
        {"my-header1": "value1"},
        b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-header-value-case": (
        {"my-header1": "VALUE1"},
        b"",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    "post-x-www-form-urlencoded": (
        {"content-type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        {"x-amz-security-token": TOKEN},
        b"",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}


@pytest.mark.parametrize(("more", "body", "expected"), VECTORS.values(), ids=list(VECTORS))
def test_a_signature_is_as_aws_published_it(more: dict[str, str], body: bytes, expected: str) -> None:
    assert signature({**ALWAYS, **more}, body, EXAMPLE, "us-east-1", "service").endswith(f"Signature={expected}")


def test_no_secret_is_shown() -> None:
    shown = f"{Credentials('AKIDEXAMPLE', 'wJalr', 'token')!r} {Credentials('AKIDEXAMPLE', 'wJalr', 'token')}"
    assert "wJalr" not in shown
    assert "token" not in shown
