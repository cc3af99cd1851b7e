from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.stores.dynamodb.direct.http1 import LONGEST_BODY, Answer, BadAnswer, Reader, get

BODY = b'{"Item":{"id":{"S":"order#1"}}}'
HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nDATE: Wed, 25 Nov 2026 10:00:00 GMT\r\n"
WITH_LENGTH = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = HEAD + b"Transfer-Encoding: Chunked\r\n\r\n5;x=y\r\n%b\r\n%x \r\n%b\r\n0\r\nTrailer: t\r\n\r\n" % (
    BODY[:5],
    len(BODY) - 5,
    BODY[5:],
)
WITH_1XX = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WITH_LENGTH
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
FORMS = {"length": WITH_LENGTH, "chunked": CHUNKED, "after 1xx": WITH_1XX}
each_form = pytest.mark.parametrize("sent", FORMS.values(), ids=list(FORMS))


def read(*pieces: bytes) -> Answer | None:
    reader = Reader()
    answer = None
    for piece in pieces:
        assert answer is None
        answer = reader.feed(piece)
    return answer


@each_form
def test_an_answer_is_read_in_one_piece(sent: bytes) -> None:
    answer = read(sent)
    assert answer is not None
    assert (answer.status, answer.body, answer.keeps) == (200, BODY, True)
    assert answer.headers["date"] == "Wed, 25 Nov 2026 10:00:00 GMT"


@each_form
def test_an_answer_is_read_byte_by_byte(sent: bytes) -> None:
    assert read(*(sent[at : at + 1] for at in range(len(sent)))) == read(sent)


@each_form
def test_an_answer_that_is_cut_after_any_byte_is_none(sent: bytes) -> None:
    for length in range(len(sent)):
        reader = Reader()
        if length:
            assert reader.feed(sent[:length]) is None
        with pytest.raises(BadAnswer, match="the connection was closed"):
            reader.feed(b"")


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=20), st.lists(st.integers(1, 90), max_size=20))
def test_any_body_in_any_chunks_and_any_pieces_is_read(body: bytes, chunks: list[int], pieces: list[int]) -> None:
    sent, left = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], body
    for size in [*chunks, len(body)]:
        chunk, left = left[:size], left[size:]
        if chunk:
            sent.append(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    wire = b"".join([*sent, b"0\r\n\r\n"])
    reader, answer = Reader(), None
    for size in [*pieces, len(wire)]:
        piece, wire = wire[:size], wire[size:]
        if piece:
            assert answer is None
            answer = reader.feed(piece)
    assert answer is not None
    assert answer.body == body


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_http_never_is_an_answer(noise: bytes) -> None:
    reader = Reader()
    try:
        assert reader.feed(noise) is None
        reader.feed(b"\r\n\r\n")
        reader.feed(b"")
    except BadAnswer:
        return
    pytest.fail("noise was taken for an answer")


def test_no_content_needs_no_length() -> None:
    answer = read(EMPTY)
    assert answer is not None
    assert (answer.status, answer.body) == (204, b"")


@each_form
def test_after_what_nobody_asked_for_the_connection_is_done(sent: bytes) -> None:
    answer = read(sent + WITH_LENGTH)
    assert answer is not None
    assert (answer.body, answer.keeps) == (BODY, False)


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.1", b"Connection: x, close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_a_connection_is_kept_when_the_server_keeps_it(version: bytes, connection: bytes, keeps: bool) -> None:
    answer = read(b"HTTP/%b 200\r\n%bContent-Length: 0\r\n\r\n" % (version, connection))
    assert answer is not None
    assert answer.keeps is keeps


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"HTTP/2 200 OK", "no HTTP"),
        (b"HTTP/1.1 20 OK", "no HTTP"),
        (b"220 smtp.example.com", "no HTTP"),
        (b"HTTP/1.1 200 OK", "length is not said"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2", "two of content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1", "length is '-1'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0", "length is '1_0'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1", "length is"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d" % (LONGEST_BODY + 1), "longer than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", "transfer-encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 1", "header is none"),
        (b"HTTP/1.1 200 OK\r\nContent-Length", "header is none"),
        (b"HTTP/1.1 200 OK\r\n Content-Length: 1", "header is none"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "head is longer"),
    ],
)
def test_a_head_that_cannot_be_trusted_is_none(head: bytes, reason: str) -> None:
    with pytest.raises(BadAnswer, match=reason):
        read(head + b"\r\n\r\nx")


@pytest.mark.parametrize(
    "chunks", [b"x\r\n", b"-1\r\n", b"0x1\r\nx\r\n", b"1\r\nxyz\r\n", b"fffffff\r\n", b"123456789\r\n", b"1" * 70_000]
)
def test_a_chunk_that_cannot_be_trusted_is_none(chunks: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)


def test_a_head_without_an_end_is_not_read_for_ever() -> None:
    reader = Reader()
    with pytest.raises(BadAnswer, match="head is longer"):
        for _ in range(100):
            reader.feed(b"X: " + b"x" * 1000)


def test_bodies_in_many_small_chunks_are_bounded_too() -> None:
    reader = Reader()
    reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(BadAnswer, match="body is longer"):
        for _ in range(40):
            reader.feed(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")


def test_a_large_rest_is_asked_for_in_large_pieces() -> None:
    reader = Reader()
    assert reader.wanted == 16 * 1024
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n")
    assert reader.wanted == 256 * 1024
    reader.feed(b"x" * 399_999)
    assert reader.wanted == 16 * 1024


def test_a_request_is_one_piece() -> None:
    assert get("/a?b", [("host", "x"), ("accept", "y")]) == b"GET /a?b HTTP/1.1\r\nhost: x\r\naccept: y\r\n\r\n"
