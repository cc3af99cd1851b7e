"""Keys and fingerprints never change unnoticed: after an update of twicesafe, another key is a second charge."""

from __future__ import annotations

import json

import pytest

from tests.keys.golden import CALLS, FILE, made

GOLDEN = json.loads(FILE.read_text())
"""By the name of a call: its records now; `was` and `why`, where the keys of 0.1.0's first drafts were others."""


def test_each_call_is_in_the_file() -> None:
    assert sorted(GOLDEN) == sorted(CALLS)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_call_has_the_key_and_the_fingerprint_that_it_always_had(name: str) -> None:
    assert made(name) == GOLDEN[name]["records"]


def test_a_key_that_was_another_says_why() -> None:
    for call in GOLDEN.values():
        assert call.keys() == {"records"} or (call["why"] and call["was"] != call["records"])
