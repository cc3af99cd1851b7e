"""The caller's key: one, however it is written, and an error where there are two."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keys import samples as s
from twicesafe.errors import MalformedEvent
from twicesafe.keys.sources import units

EVENTS = {
    name: s.SAMPLES[name][0] for name in ("rest", "http api", "function url", "alb", "lattice", "lattice 1", "appsync")
}
each_event = pytest.mark.parametrize("name", EVENTS)


def sent(name: str, *places: dict[str, Any]) -> Any:
    """The event of a source with these headers, and with these multi-value ones if there are two."""
    event = dict(EVENTS[name])
    if name == "appsync":
        return {**event, "request": dict(zip(("headers", "multiValueHeaders"), places, strict=False))}
    event.pop("multiValueHeaders", None)
    return {**event, **dict(zip(("headers", "multiValueHeaders"), places, strict=False))}


def key(event: Any) -> str | None:
    (unit,) = units(event)
    return None if unit.identity is None else unit.identity["idempotency-key"]


TWO = {
    "two spellings": ({"Idempotency-Key": "a", "idempotency-key": "b"},),
    "both names": ({"X-Idempotency-Key": "a", "Idempotency-Key": "b"},),
    "a list": ({"Idempotency-Key": ["a", "b"]},),
    "joined": ({"idempotency-key": "a,b"},),
    "joined with a blank": ({"idempotency-key": "a, b"},),
    "joined in quotes": ({"idempotency-key": '"a", "b"'},),
    "joined half in quotes": ({"idempotency-key": 'b,"a"'},),
    "joined in a list": ({"idempotency-key": ["a", "a,b"]},),
    "the last of several beside all": ({"Idempotency-Key": "b"}, {"Idempotency-Key": ["a", "b"]}),
    "both places": ({"Idempotency-Key": "a"}, {"idempotency-key": ["b"]}),
    "both names in both places": ({"Idempotency-Key": "a"}, {"x-idempotency-key": ["b"]}),
}
ONE = {
    "two spellings": ({"Idempotency-Key": "k", "idempotency-key": '"k"'},),
    "both names": ({"X-Idempotency-Key": "k", "Idempotency-Key": "k"},),
    "a list": ({"Idempotency-Key": ["k", " k "]},),
    "joined": ({"idempotency-key": "k,k"},),
    "joined in quotes": ({"idempotency-key": '"k", "k", k'},),
    "both places": ({"Idempotency-Key": "k"}, {"idempotency-key": ["k", "k"]}),
    "nothing in the other place": ({"Idempotency-Key": "k"}, {"idempotency-key": [], "x-idempotency-key": None}),
    "nothing under the other name": ({"Idempotency-Key": "k", "x-idempotency-key": None},),
}


@each_event
@pytest.mark.parametrize("way", TWO)
def test_two_different_keys_are_malformed(name: str, way: str) -> None:
    with pytest.raises(MalformedEvent, match="two keys or more"):
        units(sent(name, *TWO[way]))


@each_event
@pytest.mark.parametrize("way", ONE)
def test_the_same_key_twice_is_one(name: str, way: str) -> None:
    assert key(sent(name, *ONE[way])) == "k"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("k", "k"),
        ('"k"', "k"),
        ('"a,b"', "a,b"),
        ('"a,b", "a,b"', "a,b"),
        (r'"a\"b"', 'a"b'),
        (r'"a\\b"', r"a\b"),
        (r"a\b", r"a\b"),
        ('"', '"'),
        ('"k', '"k'),
        ('a"b"', 'a"b"'),
        ('"a"b', '"a"b'),
        ("k,", "k"),
    ],
)
def test_a_key_in_quotes_is_the_same_as_without(header: str, found: str) -> None:
    assert key(sent("http api", {"idempotency-key": header})) == found


@pytest.mark.parametrize(
    "header", ["", " ", '""', ",k", "k,,k", '"a\nb"', '"a\x00b"', "é", 7, True, ["k", 7], {"k": 1}]
)
def test_what_is_no_key_is_malformed(header: Any) -> None:
    with pytest.raises(MalformedEvent):
        units(sent("http api", {"idempotency-key": header}))


@pytest.mark.parametrize("headers", [["k"], "k", 7])
def test_headers_that_are_no_object_are_malformed(headers: Any) -> None:
    with pytest.raises(MalformedEvent, match="headers is no object"):
        units({**s.http_api(), "headers": headers})


def test_a_mutation_without_a_header_has_the_key_of_relay_with_its_commas() -> None:
    event = {**s.appsync(key=None), "arguments": {"input": {"clientMutationId": " a,b "}}}
    assert key(event) == "a,b"
    with pytest.raises(MalformedEvent):
        units({**event, "arguments": {"input": {"clientMutationId": {"a": 1}}}})
