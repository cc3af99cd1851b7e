"""What is data, and what is the record of a protection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twicesafe.audit.messages import Answer
from twicesafe.audit.world.state import read
from twicesafe.protocol.records import Millis, Record, Seconds, Status
from twicesafe.stores.dynamodb.items import write
from twicesafe.stores.dynamodb.layout import Layout, Names

RECORD = Record("k", Status.COMPLETED, "ann", 1, Millis(1), Millis(1), Millis(0), Seconds(9), "f", "{}", {}, 0)
HELD = RECORD._replace(status=Status.IN_PROGRESS, lease_until=Millis(2), reply=None)
RELEASED = HELD._replace(owner=None, lease_until=Millis(0))
RENAMED = Layout("done", Names(id="pk", expiration="ttl", status="state"), sort_key="sk")
POWERTOOLS = {"id": {"S": "k"}, "status": {"S": "COMPLETED"}, "expiration": {"N": "9"}, "data": {"S": "{}"}}
BARE = {"id": {"S": "other"}, "status": {"S": "INPROGRESS"}, "expiration": {"N": "9"}}
ORDER = {"id": {"S": "o"}, "status": {"S": "COMPLETED"}, "expiration": {"N": "9"}}


def places(*items: dict[str, Any]) -> tuple[list[str], tuple[str, ...]]:
    """The keys of what is data in a table, and where protection is."""
    answers = {
        "ListTables": {"TableNames": ["done"]},
        "DescribeTable": {"Table": {"KeySchema": [{"AttributeName": "id"}]}},
        "Scan": {"Items": items},
    }

    def call(service: str, host: str, headers: dict[str, str], body: bytes) -> Answer:
        return Answer(200, {}, json.dumps(answers[headers["X-Amz-Target"].partition(".")[2]]).encode())

    state = read(call, ["dynamodb"])
    return [record.name for record in state.records], state.bookkeeping


@pytest.mark.parametrize("record", [RECORD, HELD, RELEASED])
@pytest.mark.parametrize("layout", [Layout("done"), RENAMED])
def test_a_record_of_twicesafe_is_protection_whatever_its_attributes_are_called(record: Record, layout: Layout) -> None:
    assert places(write(record, layout)) == ([], ("dynamodb done",))


def test_a_record_of_powertools_is_protection_and_so_are_bare_ones_beside_it() -> None:
    assert places(POWERTOOLS, BARE) == ([], ("dynamodb done",))


def test_an_item_that_has_a_status_and_an_end_is_data() -> None:
    assert places(ORDER) == (["id=o"], ())
    more = {"data": {"S": "x"}, "customer": {"S": "c"}, "amount": {"N": "1"}}
    assert places({**ORDER, **more}) == (["id=o"], ())
    assert places(POWERTOOLS, {**ORDER, **more}) == (["id=o"], ("dynamodb done",))
