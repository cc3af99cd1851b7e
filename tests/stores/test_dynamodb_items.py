from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.errors import CorruptRecord
from twicesafe.protocol.records import Millis, Record, Seconds, Status, Step
from twicesafe.stores.dynamodb.items import OTHERS_OWNER, read, write
from twicesafe.stores.dynamodb.layout import Layout, Names

PLAIN = Layout("records")
CUSTOM = Layout("records", Names(id="PK", status="Status", v="version"), sort_key="SK")

texts = st.text() | st.sampled_from(["INPROGRESS", "COMPLETED", "FAILED", "EXPIRED"])
digits = st.integers(-5, 5).map(str) | st.sampled_from(["1.5", "1E3", "-0", "", "x", "\uff11", "9" * 38, "9" * 9999])
attributes = st.deferred(
    lambda: (
        st.builds(lambda text: {"S": text}, texts)
        | st.builds(lambda number: {"N": number}, digits)
        | st.just({"N": "1"})
        | st.sampled_from([{"NULL": True}, {"BOOL": False}, {"B": b"x"}, {"L": []}, {"SS": ["x"]}, {"M": {}}, {}])
        | st.builds(lambda inner: {"M": inner}, st.dictionaries(st.text(max_size=3), attributes, max_size=2))
    )
)
step = st.builds(Step, st.booleans(), st.text())
moments = st.integers(0, 2**53).map(Millis)
records = st.builds(
    Record,
    st.text(),
    st.sampled_from(Status),
    st.none() | st.text(),
    st.integers(1, 999),
    moments,
    moments,
    moments,
    st.none() | st.integers(0, 2**40).map(Seconds),
    st.text(),
    st.none() | st.text(),
    st.dictionaries(st.text(), step, max_size=3),
    st.integers(0, 9),
).map(lambda r: r._replace(lease_until=Millis(0)) if r.owner is None and not r.is_final else r)


@given(records, st.sampled_from([PLAIN, CUSTOM]))
def test_a_record_is_read_as_it_was_written(record: Record, layout: Layout) -> None:
    assert read(write(record, layout), layout) == record


@given(st.dictionaries(st.sampled_from([*Names(), "another"]), attributes))
def test_any_item_is_a_record_or_corrupt(item: dict[str, Any]) -> None:
    check(item)


@given(records, st.sampled_from(Names()), st.none() | attributes)
def test_a_record_with_one_attribute_changed_is_a_record_or_corrupt(record: Record, name: str, value: Any) -> None:
    item = write(record, PLAIN)
    item.pop(name, None)
    check(item if value is None else {**item, name: value})


def check(item: dict[str, Any]) -> None:
    try:
        record = read(item, PLAIN)
    except CorruptRecord:
        return
    assert read(write(record, PLAIN), PLAIN) == record


def item_of(**fields: Any) -> dict[str, Any]:
    record = Record("order", Status.IN_PROGRESS, "ann", 1, Millis(1), Millis(1), Millis(99), Seconds(99))
    return write(record._replace(**fields), PLAIN)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("v", {"N": "2"}, "is of version 2, and this twicesafe knows version 1 only"),
        ("v", {"N": "0"}, "is of version 0"),
        ("v", {"S": "1"}, "'v' is of the type S, not N"),
        ("status", {"S": "EXPIRED"}, "'status' is not known"),
        ("status", None, "'status' is missing"),
        ("owner", None, "a lease, and no owner"),
        ("owner", {"N": "1"}, "'owner' is of the type N"),
        ("attempt", None, "'attempt' is missing"),
        ("attempt", {"N": "1.5"}, "'attempt' is not a whole number"),
        ("attempt", {"N": "9" * 5000}, "'attempt' is not a whole number"),
        ("started", {"N": "-1"}, "'started' is not a whole number"),
        ("claimed", {"NULL": True}, "'claimed' is of the type NULL"),
        ("in_progress_expiration", None, "'in_progress_expiration' is missing"),
        ("expiration", {"S": "99"}, "'expiration' is of the type S"),
        ("validation", None, "'validation' is missing"),
        ("data", {"B": b"1"}, "'data' is of the type B"),
        ("steps", None, "'steps' is missing"),
        ("steps", {"L": []}, "'steps' are not a map"),
        ("steps", {"M": {"charge": {"S": "1"}}}, "'steps' are not as they are written"),
        ("steps", {"M": {"charge": {"N": "1"}}}, "'steps' are not as they are written"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(name: str, value: Any, reason: str) -> None:
    item = item_of()
    item.pop(name, None)
    if value is not None:
        item[name] = value
    with pytest.raises(CorruptRecord, match=reason) as refusal:
        read(item, PLAIN)
    assert refusal.value.key == "order"


def test_an_attribute_is_called_by_its_own_name_where_it_has_one() -> None:
    item = write(read(item_of(), PLAIN), CUSTOM)
    assert item["PK"] == {"S": "order"}
    assert item["SK"] == {"S": "twicesafe"}
    del item["Status"]
    with pytest.raises(CorruptRecord, match="'Status' is missing"):
        read(item, CUSTOM)


# Records that Powertools for AWS Lambda left


def powertools(status: str, **more: Any) -> dict[str, Any]:
    return {"id": {"S": "order"}, "status": {"S": status}, "expiration": {"N": "2000"}, **more}


def test_a_completed_record_of_powertools_is_an_answer() -> None:
    record = read(powertools("COMPLETED", data={"S": '{"paid": true}'}, validation={"S": "d41d8cd9"}), PLAIN)
    assert record.is_final
    assert (record.reply, record.expires_at, record.fingerprint) == ('{"paid": true}', 2000, "")


def test_what_else_lies_beside_a_record_of_powertools_does_not_matter() -> None:
    others = {"owner": {"N": "7"}, "attempt": {"S": "first"}, "steps": {"L": []}, "validation": {"B": b""}}
    assert read(powertools("COMPLETED", **others), PLAIN).is_final


def test_a_record_of_powertools_in_progress_is_live_until_its_lease_ends_and_silent_then() -> None:
    record = read(powertools("INPROGRESS", in_progress_expiration={"N": "5000"}), PLAIN)
    assert record.owner == OTHERS_OWNER
    assert record.is_live(Millis(4999))
    assert not record.is_live(Millis(5000))
    assert not record.is_leftover(Millis(5000))


def test_one_in_progress_without_a_lease_is_live_until_it_expires() -> None:
    record = read(powertools("INPROGRESS"), PLAIN)
    assert record.is_live(Millis(1_999_999))
    assert record.is_leftover(Millis(2_000_000))


@pytest.mark.parametrize(
    "item",
    [
        powertools("FAILED"),
        powertools("EXPIRED"),
        {"id": {"S": "order"}, "status": {"S": "COMPLETED"}},
        {"id": {"S": "order"}, "expiration": {"N": "1"}},
        powertools("INPROGRESS", in_progress_expiration={"S": "5000"}),
    ],
)
def test_what_powertools_does_not_write_is_corrupt(item: dict[str, Any]) -> None:
    with pytest.raises(CorruptRecord):
        read(item, PLAIN)
