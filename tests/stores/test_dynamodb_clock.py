from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.protocol.records import Millis
from twicesafe.stores.dynamodb.clock import SECOND, Skew, Watch, date_in, skew

NOW = 1_800_000_000_000  # ms
offsets = st.integers(-3_600_000, 3_600_000)
delays = st.integers(0, 5_000)


def answered(at: int, offset: int, there: int, back: int) -> Skew:
    """What is told by a server whose clock is so far ahead, of a request sent at that moment."""
    date = formatdate((at + there + offset) // 1000, usegmt=True)
    told = skew(Millis(at), Millis(at + there + back), date)
    assert told is not None
    return told


@given(st.integers(NOW, NOW + 10_000), offsets, delays, delays)
def test_the_true_difference_lies_between_the_bounds(at: int, offset: int, there: int, back: int) -> None:
    told = answered(at, offset, there, back)
    assert told.least <= offset <= told.most
    assert told.most - told.least == there + back + SECOND - 1


@given(offsets, st.lists(st.tuples(st.integers(0, 100_000), delays, delays), min_size=1))
def test_more_answers_bound_it_more_closely_and_never_wrongly(offset: int, answers: list[tuple[int, int, int]]) -> None:
    known = Skew(-(10**9), 10**9)
    for at, there, back in answers:
        narrowed = known.narrowed(answered(NOW + at, offset, there, back))
        assert narrowed.least <= offset <= narrowed.most
        assert narrowed.most - narrowed.least <= known.most - known.least
        known = narrowed


@given(st.integers(NOW, NOW + 10_000), st.integers(-1_000, 1_000), delays, delays)
def test_up_to_a_second_nothing_is_corrected_beyond_what_is_not_known(
    at: int, offset: int, there: int, back: int
) -> None:
    told = answered(at, offset, there, back)
    assert abs(told.offset) <= SECOND + (there + back + SECOND) // 2
    assert told.offset == 0 or abs(told.offset) > there + back


@given(st.integers(NOW, NOW + 10_000), offsets, delays, delays)
def test_a_correction_is_over_a_second_and_the_round_trip_and_brings_the_clocks_together(
    at: int, offset: int, there: int, back: int
) -> None:
    told = answered(at, offset, there, back)
    if told.offset:
        assert abs(told.offset) > max(SECOND, there + back)
        assert abs(offset - told.offset) <= (SECOND + there + back) // 2 + 1
        assert (told.offset > 0) == (offset > 0)
    else:
        assert abs(offset) <= 2 * (SECOND + there + back)


def test_a_clock_that_is_set_is_noticed() -> None:
    known = answered(NOW, 60_000, 5, 5).narrowed(answered(NOW + 500, 60_000, 5, 5))
    assert abs(known.offset - 60_000) < SECOND
    assert known.narrowed(answered(NOW + 60_000, 0, 5, 5)).offset == 0


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Foo 2026 99:99:99 GMT", "Tue, 24 Nov 99999 15:34:33 GMT"])
def test_a_date_that_cannot_be_read_tells_nothing(date: str) -> None:
    assert skew(Millis(NOW), Millis(NOW), date) is None


def test_a_clock_that_was_set_in_between_tells_nothing() -> None:
    assert skew(Millis(NOW), Millis(NOW - 1), formatdate(NOW / 1000, usegmt=True)) is None


def test_the_watch_says_it_once() -> None:
    said: list[int] = []
    watch = Watch(said.append)
    watch.see(Millis(NOW), Millis(NOW), None)
    assert watch.offset == 0
    for later in range(0, 5_000, 700):
        watch.see(Millis(NOW + later), Millis(NOW + later + 5), formatdate((NOW + later) // 1000 + 90, usegmt=True))
    assert abs(watch.offset - 90_000) < SECOND
    assert len(said) == 1


def test_of_two_answers_at_once_the_last_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def see(ahead: int) -> None:
        watch.see(Millis(NOW), Millis(NOW), formatdate(NOW // 1000 + ahead, usegmt=True))

    own = Skew.offset.fget

    def interrupted(known: Skew) -> Millis:
        monkeypatch.undo()
        see(90)  # of another thread, after the clock was set
        return own(known)

    watch = Watch(lambda _: None)
    monkeypatch.setattr(Skew, "offset", property(interrupted))
    see(30)
    see(90)
    assert abs(watch.offset - 90_000) < SECOND


def shows(watch: Watch, ahead: int) -> None:
    """Let an answer show that DynamoDB's clock is so many seconds ahead."""
    watch.see(Millis(NOW), Millis(NOW), formatdate(NOW // 1000 + ahead, usegmt=True))


def test_an_offset_is_outdated_once_an_answer_has_shown_another() -> None:
    watch = Watch(lambda _: None)
    assert not watch.is_outdated(Millis(0))
    shows(watch, -3_600)
    first = watch.offset
    assert watch.is_outdated(Millis(0))
    assert not watch.is_outdated(first)
    shows(watch, 60)  # the clock was set
    assert watch.is_outdated(Millis(0))
    assert watch.is_outdated(first)
    assert not watch.is_outdated(watch.offset)
    shows(watch, 0)
    assert not watch.is_outdated(Millis(0))


def test_an_offset_that_was_never_this_one_is_not_outdated() -> None:
    watch = Watch(lambda _: None)
    shows(watch, -3_600)
    assert not watch.is_outdated(None)  # who claims does not say
    assert not watch.is_outdated(Millis(7_000))  # a test's, which moves the time
    assert not watch.is_outdated(Millis(watch.offset + SECOND))


def test_only_the_last_offsets_are_remembered() -> None:
    watch = Watch(lambda _: None)
    for hour in range(20):
        shows(watch, 3_600 * (hour + 1))
    assert not watch.is_outdated(Millis(0))
    assert watch.is_outdated(Millis(watch.offset - 3_600_000))


@pytest.mark.parametrize("took", [10, 500, 2_000, 20_000])
def test_an_answer_that_took_long_leaves_a_doubt_until_a_quick_one_comes(took: int) -> None:
    watch = Watch(lambda _: None)
    assert watch.doubt == 0
    watch.see(Millis(NOW - took), Millis(NOW), formatdate((NOW - took) // 1000, usegmt=True))
    assert abs(watch.doubt - max(0, took - 500)) <= 1_000
    shows(watch, 0)
    assert watch.doubt == 0


REQUEST_ID, CRC = {"x-amzn-requestid": "R"}, {"x-amz-crc32": "1"}
JSON = {"content-type": "application/x-amz-json-1.0"}


@pytest.mark.parametrize("marks", [REQUEST_ID, CRC, JSON, {**REQUEST_ID, **CRC, **JSON}])
def test_the_date_is_believed_by_any_mark_of_dynamodb(marks: dict[str, str]) -> None:
    assert date_in({"date": "D", **marks}) == "D"
    assert date_in(marks) is None


@pytest.mark.parametrize("other", [{}, {"content-type": "text/html"}, {"content-type": "application/json"}])
def test_the_date_of_another_server_is_not_believed(other: dict[str, str]) -> None:
    assert date_in({"date": "D", "server": "nginx", "x-amz-id-2": "a", **other}) is None
