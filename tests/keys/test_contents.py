"""The same request in other bytes is the same, and another request in nearly the same bytes is not."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keys import samples as s
from twicesafe.keys.sources import fingerprint_of, units

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def request(kind: str | None = None, body: Any = None, **changed: Any) -> Any:
    headers = {"idempotency-key": "k", **({} if kind is None else {"content-type": kind})}
    return {**s.http_api(), "headers": headers, "body": body, **changed}


def encoded(kind: str | None, body: bytes) -> Any:
    return request(kind, b64encode(body).decode(), isBase64Encoded=True)


def told(event: Any) -> str:
    (unit,) = units(event)
    return fingerprint_of(unit)


def multipart(boundary: str, *parts: tuple[str, str], end: str = "\r\n", head: str = "") -> str:
    bodies = [f"--{boundary}\r\n{headers}\r\n\r\n{body}\r\n" for headers, body in parts]
    return head + "".join(bodies) + f"--{boundary}--{end}"


def mixed(boundary: str, *parts: tuple[str, str], **options: str) -> Any:
    return request(f"multipart/form-data; boundary={boundary}", multipart(boundary, *parts, **options))


FIELD = 'Content-Disposition: form-data; name="f"'
FILE = 'Content-Disposition: form-data; name="g"; filename="a.txt"\r\nContent-Type: text/plain'
NESTED = "Content-Type: multipart/mixed; boundary={}"
DEEP = "[" * 600 + "]" * 600

SAME: dict[str, list[Any]] = {
    "names in another order": [request(JSON, '{"a": 1, "b": [1, 2]}'), request(JSON, '{"b":[1,2],"a":1}')],
    "numbers": [request(JSON, "[1, 1.5, 10]"), request(JSON, "[1.0,1.50,1e1]")],
    "escapes": [request(JSON, '"\\u00e9/"'), request(JSON, '"é\\/"')],
    "blanks": [request(JSON, '{"a":\n\t1}'), request(JSON, ' {"a": 1} ')],
    "charsets": [request(f"{JSON}{charset}", "{}") for charset in ("", "; charset=utf-8", ';charset="UTF-8"')],
    "json of a vendor": [request("application/vnd.api+json", x) for x in ('{"a":1,"b":2}', '{"b":2,"a":1}')],
    "json of AWS": [request("application/x-amz-json-1.1", x) for x in ('{"a":1,"b":2}', '{"b":2,"a":1}')],
    "json without a type": [request(None, x) for x in ('{"a":1,"b":2}', '{"b":2,"a":1}')],
    "spelling of the type": [request("Application/JSON", "{}"), request(" application/json ", "{}")],
    "base64": [request(JSON, '{"a": "é"}'), encoded(JSON, '{"a": "é"}'.encode()), encoded(JSON, b'{"a":"\\u00e9"}')],
    "base64 of text": [request("text/plain", "é"), encoded("text/plain", "é".encode())],
    "charset of text": [
        request(f"text/plain; charset={name}", "a") for name in ("utf-8", "UTF8", '"utf-8"', "US-ASCII")
    ],
    "latin 1": [request(f"text/plain;charset={name}", "a") for name in ("iso-8859-1", "Latin-1", "ISO_8859-1")],
    "unknown charset": [request(f"text/plain;charset={name}", "a") for name in ("x-own", "X-Own")],
    "no body": [
        request(JSON, None),
        request(JSON, ""),
        {name: x for name, x in request(JSON).items() if name != "body"},
    ],
    "forms": [request(FORM, x) for x in ("a=1&b=x+y&c=%7E", "b=x%20y&a=1&c=~")],
    "queries": [request(rawQueryString=x) for x in ("a=1&b=2", "b=2&a=1", "b=%32&a=1")],
    "boundaries": [mixed(name, (FIELD, "hello"), (FILE, "text\r\n--x")) for name in ("x1", "x2", "----WebKit7")],
    "boundaries in quotes": [
        request(f'multipart/form-data; boundary="{n}"', multipart(n, (FIELD, "a"))) for n in ("a b", "c:d")
    ],
    "around the parts": [mixed("x", (FIELD, "a")), mixed("x", (FIELD, "a"), head="preamble\r\n", end="\r\nepilogue")],
    "blanks behind a boundary": [
        request("multipart/mixed; boundary=x", f"--x{blanks}\r\n{FIELD}\r\n\r\na\r\n--x--{blanks}")
        for blanks in ("", " ", "\t ")
    ],
    "headers of a part": [mixed("x", (FIELD + "\r\nX-A: 1", "a")), mixed("x", ("x-a:1\r\n" + FIELD, "a"))],
    "json in a part": [mixed("x", ("Content-Type: application/json", x)) for x in ('{"a":1,"b":2}', '{"b":2,"a":1}')],
    "multipart in a part": [mixed("x", (NESTED.format(n), multipart(n, (FIELD, "a")))) for n in ("y1", "y2")],
    "binary in multipart": [
        encoded(f"multipart/form-data; boundary={n}", multipart(n, (FILE, "\xff\x00")).encode("latin-1"))
        for n in ("p", "q")
    ],
}
OTHER: dict[str, list[Any]] = {
    "values": [request(JSON, x) for x in ('{"a":1}', '{"a":"1"}', '{"a":true}', '{"a":null}', "{}", "[]")],
    "repeated names": [
        request(kind, x)
        for kind in (JSON, None)
        for x in ('{"a":1,"a":2}', '{"a":2}', '{"a":2,"a":2}', '{"a":3,"\\u0061":2}', '[{"b":{"a":1,"a":2}}]')
    ],
    "order of a list": [request(JSON, "[1,2]"), request(JSON, "[2,1]")],
    "digits beyond a float": [request(JSON, "0.1"), request(JSON, "0.1000000000000000000001")],
    "whole numbers beyond a float": [request(JSON, str(2**53)), request(JSON, str(2**53 + 1))],
    "no json": [request(JSON, x) for x in ("{", "{,", "NaN", "Infinity", "1 2", "é")],
    "json that is nested deeply": [request(JSON, x) for x in (DEEP, DEEP.replace("[]", "[ ]"))],
    "json that is too deep": [request(JSON, "[" * n) for n in (100_000, 100_001)],
    "long numbers": [request(JSON, "1." + "1" * n) for n in (500, 501)],
    "json and its hash": [request(JSON, '"a"'), request("text/plain", '"a"')],
    "types": [request(kind, "{}") for kind in (JSON, "text/plain", "application/vnd.api+json", None)],
    "charsets": [request(f"text/plain{charset}", "a") for charset in ("", ";charset=latin-1", ";charset=utf-16")],
    "text": [request("text/plain", x) for x in ("1", "1.0", " 1")],
    "numbers without a type": [request(None, x) for x in ("1", "1.0")],
    "bytes": [encoded("application/octet-stream", x) for x in (b"\xff", b"\xfe", b"\xff\xfe")],
    "fields of a form": [
        request(FORM, x) for x in ("a=1&a=2", "a=2&a=1", "a=1", "a=1&b=", "a=%FF", "a=%FE", "a=%C3%BF")
    ],
    "queries": [request(rawQueryString=x) for x in ("a=1", "a=2", "a=1&a=1", "A=1", "")],
    "parts": [mixed("x", *parts) for parts in ([(FIELD, "a")], [(FIELD, "A")], [(FILE, "a")], [(FIELD, "a")] * 2)],
    "headers of parts": [mixed("x", (f"{FIELD}\r\nContent-Type: {kind}", "a")) for kind in ("text/html", "image/png")],
    "parts without headers": [mixed("x", ("", "a")), mixed("x", ("", "A"))],
    "lines that begin like the boundary": [
        request("multipart/mixed; boundary=x", f"--x\r\n\r\na\r\n--x{line}\r\n\r\nb\r\n--x--\r\n")
        for line in ("", "pay alice", "pay bob", "-", "--pay", " pay")
    ],
    "ends that begin like the boundary": [
        request("multipart/mixed; boundary=x", f"--x\r\n\r\na\r\n--x--{end}") for end in ("", "pay alice", "pay bob")
    ],
    "boundaries around the parts": [
        request("multipart/mixed; boundary=x", body)
        for name in ("alice", "bob")
        for body in (f"--x\npay {name}\r\n--x\r\n\r\na\r\n--x--", f"--x\r\n\r\na\r\n--x--\r\n--x\npay {name}")
    ],
    "order of parts": [mixed("x", (FIELD, "a"), (FILE, "b")), mixed("x", (FILE, "b"), (FIELD, "a"))],
    "kinds of multipart": [
        request(f"multipart/{k}; boundary=x", multipart("x", (FIELD, "a"))) for k in ("mixed", "related")
    ],
    "multipart without parts": [request("multipart/mixed; boundary=x", body) for body in ("a", "b", "--x--", "--x")],
    "multipart without boundary": [request("multipart/mixed", multipart(n, (FIELD, "a"))) for n in "xy"],
    "methods": [request(requestContext={"http": {"method": name}}) for name in ("POST", "PUT")],
    "paths": [request(rawPath=path) for path in ("/a", "/b")],
    "stages": [request(requestContext={"http": {"method": "POST"}, "stage": stage}) for stage in "ab"],
    "domains": [request(requestContext={"http": {"method": "POST"}, "domainName": name}) for name in ("a.io", "b.io")],
}


@pytest.mark.parametrize("way", SAME)
def test_the_same_request_in_other_bytes_is_the_same(way: str) -> None:
    assert len(set(map(told, SAME[way]))) == 1


@pytest.mark.parametrize("way", OTHER)
def test_another_request_is_told_apart(way: str) -> None:
    assert len(set(map(told, OTHER[way]))) == len(OTHER[way])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_that_is_written_anew_is_the_same(value: Any) -> None:
    anew = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    assert told(request(JSON, json.dumps(value))) == told(request(JSON, anew))


@given(st.text(), st.text())
def test_a_body_of_any_kind_has_a_fingerprint(kind: str, body: str) -> None:
    assert told(request(kind, body)) == told(request(kind, body))
    assert told(request(kind, body, isBase64Encoded=True))
    assert told(request(f"multipart/form-data; boundary={kind}", body))


@pytest.mark.parametrize(
    ("host", "alike"),
    [("a.io", "A.IO"), ("a.io", "a.io:443"), ("a.io", "a.io:80"), ("a.io", "a.io."), ("a.io", " a.io ")],
)
def test_a_host_is_the_same_in_each_spelling(host: str, alike: str) -> None:
    event = {**s.SAMPLES["lattice 1"][0]}
    first, second = ({**event, "headers": {**event["headers"], "host": name}} for name in (host, alike))
    assert told(first) == told(second)
    assert told(first) != told({**event, "headers": {**event["headers"], "host": "b.io"}})


def test_a_body_that_is_an_object_already_is_compared_as_one() -> None:
    assert told(request(None, {"a": 1, "b": 2})) == told(request(None, {"b": 2, "a": 1}))
