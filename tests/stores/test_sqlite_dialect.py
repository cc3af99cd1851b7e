from __future__ import annotations

from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.errors import CorruptRecord
from twicesafe.protocol.commands import Claim, Claimed, Complete, Done, Existing, Lost, Release, SaveStep
from twicesafe.protocol.records import Millis, Record, Seconds, Status, Step
from twicesafe.stores.sqlite import dialect, schema

anything = st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from(["COMPLETED", "{}"])


@given(st.tuples(st.text(), *[anything] * 11))
def test_any_row_is_a_record_or_corrupt(row: tuple[object, ...]) -> None:
    try:
        record = dialect.read(row)
    except CorruptRecord:
        return
    assert dialect.read(dialect.write(record)) == record


@given(
    st.builds(
        Record,
        st.text(),
        st.sampled_from(Status),
        st.none() | st.text(),
        st.integers(1),
        *[st.integers(0)] * 3,
        st.none() | st.integers(0),
        st.text(),
        st.none() | st.text(),
        st.dictionaries(st.text(), st.builds(Step, st.booleans(), st.text())),
        st.integers(0),
    )
)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert dialect.read(dialect.write(record)) == record


def row_of(**fields: Any) -> tuple[Any, ...]:
    record = Record("key", Status.IN_PROGRESS, "ann", 1, Millis(1), Millis(1), Millis(99), Seconds(99))
    return dialect.write(record._replace(**fields))


CLAIM = Claim("key", "bob", Millis(50_000), Millis(80_000), Seconds(200))


def test_a_replay_is_one_statement_that_takes_no_lock() -> None:
    talk = dialect.talk(CLAIM, sweeps=repeat(True))
    assert next(talk).sql.startswith("SELECT")
    with pytest.raises(StopIteration) as end:
        talk.send(schema.Answer([row_of(status=Status.COMPLETED, reply="1")]))
    assert isinstance(end.value.value, Existing)


def test_a_claim_starts_again_when_another_was_first() -> None:
    talk = dialect.talk(CLAIM)
    assert next(talk).sql.startswith("SELECT")
    assert talk.send(schema.Answer([])).sql.startswith("INSERT")
    assert talk.send(schema.Answer([], changed=0)).sql.startswith("SELECT")
    assert talk.send(schema.Answer([row_of()])).sql.startswith("UPDATE")
    assert talk.send(schema.Answer([], changed=0)).sql.startswith("SELECT")
    assert talk.send(schema.Answer([])).sql.startswith("INSERT")
    with pytest.raises(StopIteration) as end:
        talk.send(schema.Answer([], changed=1))
    assert end.value.value == Claimed(1, CLAIM.now, CLAIM.lease_until, {}, 0)


def test_a_sweep_comes_before_the_claim_that_pays_for_it() -> None:
    talk = dialect.talk(CLAIM, sweeps=repeat(True))
    next(talk)
    assert talk.send(schema.Answer([])).sql == dialect.SWEEP  # if it fails, nothing is claimed
    assert talk.send(schema.Answer([], changed=64)).sql.startswith("INSERT")


@pytest.mark.parametrize(
    "command",
    [
        Complete("key", "ann", Status.COMPLETED, None, Seconds(200)),
        Release("key", "ann", Millis(50_000), Seconds(200)),
        SaveStep("key", "ann", {"charge": Step(True, "1")}),
    ],
)
def test_a_change_is_conditional_on_every_value_that_it_was_derived_from(
    command: Complete | Release | SaveStep,
) -> None:
    talk = dialect.talk(command)
    next(talk)
    row = row_of(steps={"mail": Step(False, "")})
    request = talk.send(schema.Answer([row]))
    assert request.sql.endswith(" WHERE " + " AND ".join(f"{name} IS ?" for name in Record._fields))
    assert request.arguments[-len(row) :] == row
    assert talk.send(schema.Answer([], changed=0)).sql.startswith("SELECT")


def test_only_what_a_change_changes_is_set() -> None:
    talk = dialect.talk(SaveStep("key", "ann", {"charge": Step(True, "1")}))
    next(talk)
    request = talk.send(schema.Answer([row_of()]))
    assert request.sql.startswith("UPDATE records SET steps = ? WHERE ")
    assert request.arguments == ('{"charge": [true, "1"]}', *row_of())


@pytest.fixture
def held() -> dialect.Held:
    """What is held after a claim of Bob's."""
    held: dialect.Held = {}
    claimed(CLAIM, held)
    return held


def claimed(claim: Claim, held: dialect.Held) -> None:
    talk = dialect.talk(claim, held=held)
    next(talk)
    talk.send(schema.Answer([]))
    with pytest.raises(StopIteration):
        talk.send(schema.Answer([], changed=1))


MINE = row_of(owner="bob", claimed=CLAIM.now, started=CLAIM.now, lease_until=CLAIM.lease_until, expires_at=200)
DONE = Complete("key", "bob", Status.COMPLETED, None, Seconds(200))


def test_an_owners_change_begins_with_what_was_written_here(held: dialect.Held) -> None:
    step = SaveStep("key", "bob", {"charge": Step(True, "1")})
    saved = dialect.write(dialect.read(MINE)._replace(steps=step.steps))
    for command, before in ((step, MINE), (DONE, saved)):
        talk = dialect.talk(command, held=held)
        request = next(talk)
        assert request.sql.startswith("UPDATE")
        assert request.arguments[-len(before) :] == before
        with pytest.raises(StopIteration) as end:
            talk.send(schema.Answer([], changed=1))
        assert end.value.value == Done()
    assert held == {}


def test_what_was_written_here_is_read_when_it_is_no_longer_there(held: dialect.Held) -> None:
    talk = dialect.talk(DONE, held=held)
    assert next(talk).sql.startswith("UPDATE")
    assert talk.send(schema.Answer([], changed=0)).sql == dialect.FIND
    with pytest.raises(StopIteration) as end:
        talk.send(schema.Answer([row_of(owner="eve")]))
    assert end.value.value == Lost(dialect.read(row_of(owner="eve")))


def test_nobody_is_told_what_was_written_here_and_not_read(held: dialect.Held) -> None:
    talk = dialect.talk(DONE._replace(owner="ann"), held=held)
    assert next(talk).sql == dialect.FIND
    with pytest.raises(StopIteration) as end:
        talk.send(schema.Answer([row_of(owner="eve")]))
    assert end.value.value == Lost(dialect.read(row_of(owner="eve")))


def test_a_claim_reads_what_was_written_here(held: dialect.Held) -> None:
    over = CLAIM._replace(owner="eve", now=CLAIM.lease_until)
    assert next(dialect.talk(over, held=held)).sql == dialect.FIND  # it may have become an answer: that takes no lock
    assert next(dialect.talk(DONE, held=held)).sql.startswith("UPDATE")


def test_what_is_held_is_bounded() -> None:
    held: dialect.Held = {}
    sizes = []
    for number in range(3 * dialect.HELD_AT_MOST):
        claimed(CLAIM._replace(key=str(number)), held)
        assert str(number) in held
        sizes.append(len(held))
    assert max(sizes) == dialect.HELD_AT_MOST


def test_what_changes_nothing_is_not_written() -> None:
    talk = dialect.talk(SaveStep("key", "ann", {"charge": Step(True, "1")}))
    next(talk)
    with pytest.raises(StopIteration):
        talk.send(schema.Answer([row_of(steps={"charge": Step(True, "1")})]))
