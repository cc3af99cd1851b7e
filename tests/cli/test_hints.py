"""What is said to a newcomer about how deliveries ended."""

from __future__ import annotations

from typing import Any

import pytest

from twicesafe.cli.hints import hints
from twicesafe.lab.sandbox import Call, Delivered


def delivered(verdict: str | None = "ran", ending: str = "returned", **changed: Any) -> Delivered:
    key = changed.pop("key", "k")
    decisions = () if verdict is None else ({"verdict": verdict, "source": "sqs", "attempt": 1, "key": key},)
    found = Delivered(Call("{}", "r"), ending, None, decisions, 1.0, False, "")  # type: ignore[arg-type]
    return found._replace(**changed)


def said(*each: Delivered) -> str:
    return "\n".join(hints(each, "event.json"))


def test_of_what_went_as_it_should_nothing_is_said() -> None:
    assert said(delivered("ran"), delivered("replayed")) == ""
    assert said(delivered(None, "killed"), delivered("ran")) == ""
    assert said(delivered("replayed"), delivered("ran")) == ""  # at once, and the first one waited


@pytest.mark.parametrize(
    ("each", "hint"),
    [
        ([delivered("replayed")], "All were replayed"),
        ([delivered(None), delivered(None)], "it has no @idempotent, or TWICESAFE_DISABLED is set"),
        ([delivered(None, "raised")], "it has no @idempotent"),
        ([delivered("unprotected"), delivered("unprotected")], "'twicesafe key event.json' says why"),
        (
            [delivered("ran", key="a"), delivered("ran", key="b")],
            "--same-request-id delivers as Lambda's own retries do",
        ),
        ([delivered("ran", reply={"a": 1}), delivered("replayed")], "nobody reads its reply, so it is not kept"),
        ([delivered("ran", is_async=True)], "Lambda's runtime does not await"),
        ([delivered("released", "raised", log="why")], "--logs shows"),
    ],
)
def test_what_needs_a_word_gets_one(each: list[Delivered], hint: str) -> None:
    assert hint in said(*each)
    assert said(*each).count("\n") == 0


def test_the_same_key_that_ran_again_after_an_error_is_no_key_of_its_own() -> None:
    assert said(delivered("released", "raised"), delivered("ran"), delivered("replayed")) == ""


def test_a_reply_that_was_kept_needs_no_word() -> None:
    assert said(delivered("ran", reply={"a": 1}), delivered("replayed", reply={"a": 1})) == ""
