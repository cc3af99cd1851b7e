"""A final record that has lost its reply is corrupt where the reply is read, and done where nobody reads it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context
from twicesafe import CorruptRecord, idempotent
from twicesafe.execution.current import instant
from twicesafe.protocol import by_hand
from twicesafe.protocol.commands import Done, Now
from twicesafe.protocol.drivers import drive
from twicesafe.protocol.records import Seconds
from twicesafe.stores.dynamodb.items import read
from twicesafe.stores.dynamodb.layout import Layout

MESSAGE = {"Records": [{**s.sqs(), "messageId": "m-1"}]}


class Broken(Exception):
    """A final error."""


class Work:
    """A handler that is called with one key by any source, and counts its effects."""

    def __init__(self, **options: Any) -> None:
        self.store = Clocked()
        self.effects = 0
        self.raises: Exception | None = None
        self.call = idempotent(store=self.store, name="work", key=lambda event: "one", payload=False, **options)(
            self._handle
        )

    def _handle(self, event: object, context: object) -> str:
        self.effects += 1
        if self.raises is not None:
            raise self.raises
        return "reply"

    def put_reply(self, reply: str | None) -> None:
        record = self.store.record
        self.store._records[record.key] = record._replace(reply=reply)


def test_a_lost_reply_is_told_before_any_effect_where_it_is_read() -> None:
    work = Work()
    assert work.call({}, Context()) == "reply"
    work.put_reply(None)
    for _ in range(2):
        with pytest.raises(CorruptRecord, match="its reply is missing") as told:
            work.call({}, Context())
        assert told.value.key == work.store.record.key
    assert work.effects == 1


def test_a_lost_reply_is_done_where_nobody_reads_it() -> None:
    work = Work()
    work.call(MESSAGE, Context())
    work.put_reply(None)
    assert work.call(MESSAGE, Context()) is None
    assert work.effects == 1


@pytest.mark.parametrize("event", [{}, MESSAGE], ids=["read", "not read"])
def test_a_lost_final_error_is_never_taken_for_a_reply(event: Any) -> None:
    work = Work(final_errors=(Broken,))
    work.raises = Broken("no")
    with pytest.raises(Broken):
        work.call(event, Context())
    work.put_reply(None)
    with pytest.raises(CorruptRecord, match="its reply is missing"):
        work.call(event, Context())
    assert work.effects == 1


def test_a_reply_that_was_not_kept_on_purpose_is_none_for_one_who_reads_replies() -> None:
    queue, work = Work(), Work()
    queue.call(MESSAGE, Context())
    work.call({}, Context())
    work.put_reply(queue.store.record.reply)
    assert work.call({}, Context()) is None
    assert work.effects == 1


def test_a_record_that_a_person_completed_without_a_reply_is_answered_with_none() -> None:
    work = Work(on_unknown="raise")
    work.raises = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        work.call({}, Context())
    work.store.advance(600)
    key = work.store.record.key
    settled = by_hand.settle(key, Seconds(60), is_done=True)

    def answer(command: Any) -> Any:
        return instant(work.store) if isinstance(command, Now) else work.store.apply(command)

    assert drive(settled, answer) == Done()
    assert work.call({}, Context()) is None
    assert work.effects == 1


def test_a_record_of_powertools_without_data_is_answered_with_none() -> None:
    item = {"id": {"S": "k"}, "status": {"S": "COMPLETED"}, "expiration": {"N": "99"}}
    work = Work()
    work.call({}, Context())
    work.put_reply(read(item, Layout("records")).reply)
    assert work.call({}, Context()) is None
