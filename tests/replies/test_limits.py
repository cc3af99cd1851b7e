from __future__ import annotations

import base64
import json
import random
import tracemalloc
import zlib

import pytest

from twicesafe.errors import CorruptRecord, ReplyTooLarge
from twicesafe.replies import Codec
from twicesafe.replies.text import LONGEST

KEY = "shop#1"
codec = Codec()
noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=10_000))


def compressed(data: bytes) -> str:
    return "z:" + base64.b64encode(zlib.compress(data)).decode()


def test_a_reply_within_the_limit_is_not_compressed():
    text = json.dumps("x" * 98)
    assert len(text) == 100
    assert codec.keep("x" * 98, KEY, 100).text == text


def test_the_limit_is_in_bytes_and_not_in_characters():
    assert codec.keep("é" * 49, KEY, 100).text == '"' + "é" * 49 + '"'
    assert codec.keep("é" * 50, KEY, 100).text.startswith("z:")


def test_a_reply_over_the_limit_is_compressed_if_that_brings_it_under():
    value = {"items": [{"name": "x", "n": n} for n in range(1000)]}
    kept = codec.keep(value, KEY, 10_000)
    assert kept.error is None
    assert len(kept.text) <= 10_000
    assert codec.decode(kept.text, KEY) == value


def test_a_compressed_reply_is_type_exact():
    kept = codec.keep(({1: "é" * 1000},), KEY, 500)
    assert kept.text.startswith("z:")
    assert kept.value == codec.decode(kept.text, KEY) == ({1: "é" * 1000},)


def test_a_reply_that_stays_over_the_limit_is_done_all_the_same():
    kept = codec.keep(noise, KEY, 1000)
    assert isinstance(kept.error, ReplyTooLarge)
    assert kept.value is noise
    assert 1000 < kept.error.size < len(noise)  # as it would have been stored
    assert len(kept.text) < 100
    with pytest.raises(ReplyTooLarge) as again:
        codec.decode(kept.text, KEY)
    assert str(again.value) == str(kept.error)
    assert (again.value.key, again.value.size, again.value.limit) == (KEY, kept.error.size, 1000)


def test_a_reply_that_compresses_to_more_is_measured_as_it_is():
    assert codec.keep(noise[:200], KEY, 100).error.size < 204
    assert codec.keep("q8", KEY, 3).error.size == 4


def test_without_a_limit_nothing_is_too_large():
    assert codec.keep(noise * 100, KEY).text == f'"{noise * 100}"'


def test_a_reply_longer_than_can_be_read_back_is_too_large():
    assert isinstance(codec.keep("x" * (LONGEST + 1), KEY, 400_000).error, ReplyTooLarge)


def test_a_bomb_is_not_unpacked():
    bomb = compressed(b'"' + b"x" * (LONGEST + 10) + b'"')
    assert len(bomb) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(CorruptRecord, match="longer than"):
            codec.decode(bomb, KEY)
        assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "z:",
        "z:!",
        "z:AAAA",
        "z:eJw=",
        "z:é",
        compressed(b'"x"')[:-6],
        compressed(b"\xff\xfe"),
        compressed(b"no json"),
        compressed(b"z:" + compressed(b"1").encode()),
        compressed('"x"'.encode("utf-16")),
        "Z:eJw=",
    ],
)
def test_damaged_compressed_text_is_corrupt(text):
    with pytest.raises(CorruptRecord):
        codec.decode(text, KEY)
