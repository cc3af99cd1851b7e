"""What the platform gets of a handler's reply or error."""

from __future__ import annotations

import json
from collections import namedtuple
from decimal import Decimal

import pytest

from twicesafe.lab.marshal import of_error, of_kind, of_value

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, "null"),
        ({"a": [1, 2.5, "é", True, None]}, '{"a": [1, 2.5, "\\u00e9", true, null]}'),
        ((1, 2), "[1, 2]"),
        ({1: "one"}, '{"1": "one"}'),
        (Decimal(3), "3"),
        (Decimal("1.50"), "1.5"),
        (Point(1, 2), '{"x": 1, "y": 2}'),
        (b'{"ready": "made"}', '{"ready": "made"}'),
        (b"no json", '"no json"'),
        ([b"inside"], '["inside"]'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_a_reply_is_sent_as_the_runtime_sends_it(value: object, sent: str) -> None:
    assert of_value(value, "r-1") == (False, sent)


class Unknown:
    pass


@pytest.mark.parametrize("value", [{1, 2}, Unknown(), {(1, 2): 3}, [b"\xff"], {"deep": [Unknown()]}])
def test_what_the_runtime_cannot_send_is_a_marshal_error(value: object) -> None:
    reply = of_value(value, "r-1")
    error = json.loads(reply.payload)
    assert reply.is_error
    assert (error["errorType"], error["requestId"]) == ("Runtime.MarshalError", "r-1")
    assert error["errorMessage"].startswith("Unable to marshal response: it has ")


def test_a_reply_that_contains_itself_is_a_marshal_error() -> None:
    value: list[object] = []
    value.append(value)
    assert json.loads(of_value(value, "r-1").payload)["errorType"] == "Runtime.MarshalError"


def test_an_error_has_its_class_its_message_and_the_handlers_own_frames() -> None:
    def handler() -> None:
        raise ValueError("no money")

    try:
        handler()
    except ValueError as error:
        reply = of_error(error, "r-1")
    found = json.loads(reply.payload)
    assert reply.is_error
    assert list(found) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (found["errorMessage"], found["errorType"], found["requestId"]) == ("no money", "ValueError", "r-1")
    assert "in handler" in found["stackTrace"][-1]


def test_an_error_of_the_platform_has_no_frames() -> None:
    assert json.loads(of_kind("Sandbox.Timedout", "too late", "r-1").payload) == {
        "errorMessage": "too late",
        "errorType": "Sandbox.Timedout",
        "requestId": "r-1",
    }
