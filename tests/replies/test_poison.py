"""Whatever a record says, nothing but a value or an error of ours comes out of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replies.samples import known, values
from twicesafe.errors import CorruptRecord, UnkeptReply
from twicesafe.replies import Codec
from twicesafe.replies.scalars import READERS
from twicesafe.replies.structures import STRUCTURES
from twicesafe.replies.trees import MAKERS

KEY = "shop#1"
codec = Codec(known, final_errors=(Exception,))
tags = st.sampled_from([*READERS, *MAKERS, *STRUCTURES, "$dict", "$", "$$", "$$tuple", "$no"])
names = st.sampled_from(
    [f"tests.replies.samples.{name}" for name in ("Color", "Level", "Point", "Line", "Order", "Buyer", "Open", "Names")]
    + ["builtins.dict", "os.system", ""]
)
words = names | st.sampled_from(
    ["NaN", "1_0", "2026-01-02", "2026-01-02T03:04:05", "Europe/Berlin", "Europe", "../x", "/etc/passwd", "RED", "eA=="]
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda items: (
        st.lists(items, max_size=4)
        | st.dictionaries(st.text() | tags | st.sampled_from(["x", "y", "lines", "__dict__"]), items, max_size=3)
        | st.builds(lambda tag, item: {tag: item}, tags, items)
        | st.builds(lambda tag, name, item: {tag: [name, item]}, tags, names, items)
    ),
    max_leaves=12,
)


def read(text):
    """Decode it, as a reply and as an error."""
    for decode in (codec.decode, codec.decode_error):
        problem = trouble(decode, text)
        assert problem is None or (problem.key, bool(str(problem))) == (KEY, True)


def trouble(decode, text):
    try:
        decode(text, KEY)
    except (CorruptRecord, UnkeptReply) as error:
        return error


@given(st.text())
def test_any_text_is_read_or_corrupt(text):
    read(text)
    read("z:" + text)
    read("unkept:" + text)


@given(trees)
def test_any_tree_is_read_or_corrupt(tree):
    read(json.dumps(tree))


@given(names, trees, trees)
def test_any_error_is_read_or_corrupt(name, args, attributes):
    read(json.dumps({"error": [name, "builtins.OSError"], "args": args, "attributes": attributes}))


@given(values, st.data())
def test_a_text_with_a_piece_changed_is_read_or_corrupt(value, data):
    text = codec.keep(value, KEY).text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    read(text[:start] + data.draw(st.text(max_size=3) | st.sampled_from('"[]{},:$0')) + text[end:])


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"$tuple":[', '{"$dict":[[1,'])
@pytest.mark.parametrize("depth", [500, 100_000])
def test_a_deep_text_is_read_or_corrupt(opening, depth):
    read(opening * depth)
    closing = "".join({"[": "]", "{": "}"}.get(sign, "") for sign in reversed(opening))
    read(opening * depth + "1" + closing * depth)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nul",
        "1 2",
        "{",
        '{"a":1,}',
        "\ufeff1",
        "9" * 5000,
        '{"$set":[[1]]}',
        '{"$dict":[[[],1]]}',
        '{"$dict":1}',
        '{"$enum":[1,"x"]}',
    ],
)
def test_what_is_no_value_is_corrupt(text):
    with pytest.raises(CorruptRecord):
        codec.decode(text, KEY)


@pytest.mark.parametrize("zone", ["Europe", "../../etc/passwd", "/etc/passwd", "", "no/where", "\x00", ["x"], {}, 5])
def test_a_zone_that_is_none_is_corrupt(zone):
    with pytest.raises(CorruptRecord):
        codec.decode(json.dumps({"$datetime": ["2026-01-02T03:04:05", 0, zone]}), KEY)


def test_a_corrupt_record_shows_nothing_of_its_reply():
    for text in ('{"$decimal":"secret"}', '{"$uuid":"secret"}', '"secret', '{"$date":"secret"}'):
        with pytest.raises(CorruptRecord) as error:
            codec.decode(text, KEY)
        assert "secret" not in str(error.value)
