"""A batch is many deliveries: each record is protected by itself, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing, decisions_made
from twicesafe import (
    InProgress,
    MalformedEvent,
    MissingKey,
    StoreUnavailable,
    current_execution,
    idempotent,
)
from twicesafe.protocol.commands import Claim
from twicesafe.protocol.records import NO_REPLY


class Source(NamedTuple):
    """A batch of the records 1 to 4, of which 1 and 3 stand in one order and 2 and 4 in another, if there are any."""

    event: Any
    number: Callable[[Any], int]  # of the record in an event of one
    orders: tuple[tuple[int, ...], ...] = ()
    items: tuple[object, ...] | None = None  # itemIdentifiers


def records(make: Callable[[int], Any]) -> dict[str, Any]:
    return {"Records": [make(number) for number in (1, 2, 3, 4)]}


def fifo(number: int) -> dict[str, Any]:
    return s.sqs(message_id=f"m-{number}", queue=f"{s.QUEUE}.fifo", MessageGroupId=str(number % 2))


def s3_object(number: int) -> dict[str, Any]:
    return s.s3(f"0{number}")


def notice(number: int) -> dict[str, Any]:
    return {"EventSource": "aws:sns", "Sns": {**s.NOTICE, "MessageId": f"m-{number}"}}


def mail(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:ses", "ses": {"mail": {"messageId": f"m-{number}"}, "receipt": {}}}


def commit(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:codecommit", "eventId": f"c-{number}"}


def message(number: int) -> dict[str, Any]:
    return s.sqs(message_id=f"m-{number}")


ALL = (1, 2, 3, 4)
TURNS = ((1, 3), (2, 4))
NAMED = tuple(f"m-{number}" for number in ALL)
NUMBERED = tuple(str(number) for number in ALL)
PARTITIONS = {"orders-1": [s.kafka(1, 1), s.kafka(3, 1)], "orders-0": [s.kafka(2), s.kafka(4)]}
KAFKA = {number: {"partition": f"orders-{number % 2}", "offset": number} for number in ALL}
SOURCES = {
    "sqs": Source(records(message), lambda e: int(e["Records"][0]["messageId"][-1]), items=NAMED),
    "sqs fifo": Source(records(fifo), lambda e: int(e["Records"][0]["messageId"][-1]), TURNS, NAMED),
    "a pipe of sqs": Source([message(n) for n in ALL], lambda e: int(e[0]["messageId"][-1]), items=NAMED),
    "kinesis": Source(
        records(lambda n: s.kinesis(number=str(n))),
        lambda e: int(e["Records"][0]["kinesis"]["sequenceNumber"]),
        (ALL,),
        NUMBERED,
    ),
    "dynamodb": Source(
        records(lambda n: s.dynamodb(str(n))),
        lambda e: int(e["Records"][0]["dynamodb"]["SequenceNumber"]),
        (ALL,),
        NUMBERED,
    ),
    "kafka": Source(
        {"eventSource": "aws:kafka", "eventSourceArn": "c", "records": PARTITIONS},
        lambda e: next(iter(e["records"].values()))[0]["offset"],
        TURNS,
        tuple(KAFKA[number] for number in ALL),
    ),
    "activemq": Source(
        {"eventSource": "aws:amq", "eventSourceArn": "b", "messages": [s.activemq(f"m-{n}") for n in ALL]},
        lambda e: int(e["messages"][0]["messageID"][-1]),
    ),
    "rabbitmq": Source(
        {
            "eventSource": "aws:rmq",
            "eventSourceArn": "b",
            "rmqMessagesByQueue": {"a": [s.rabbit("m-1"), s.rabbit("m-2")], "b": [s.rabbit("m-3"), s.rabbit("m-4")]},
        },
        lambda e: int(next(iter(e["rmqMessagesByQueue"].values()))[0]["basicProperties"]["messageId"][-1]),
    ),
    "documentdb": Source(
        {
            "eventSource": "aws:docdb",
            "eventSourceArn": "d",
            "events": [{"event": {"_id": {"_data": str(n)}}} for n in ALL],
        },
        lambda e: int(e["events"][0]["event"]["_id"]["_data"]),
        (ALL,),
    ),
    "s3": Source(records(s3_object), lambda e: int(e["Records"][0]["s3"]["object"]["sequencer"])),
    "sns": Source(records(notice), lambda e: int(e["Records"][0]["Sns"]["MessageId"][-1])),
    "ses": Source(records(mail), lambda e: int(e["Records"][0]["ses"]["mail"]["messageId"][-1])),
    "codecommit": Source(records(commit), lambda e: int(e["Records"][0]["eventId"][-1])),
}
each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
REPORTING = {name: source for name, source in SOURCES.items() if source.items is not None}
each_reporting = pytest.mark.parametrize("source", REPORTING.values(), ids=REPORTING)


class Broken(Exception):
    """What a handler of the tests fails with."""


class Handler:
    """A handler that notes what it was given, and fails for some of it; protected, sync or async."""

    def __init__(
        self, number: Callable[[Any], int], *, fails: tuple[int, ...] = (), asynchronous: bool = False
    ) -> None:
        self.number = number
        self.fails = fails
        self.asynchronous = asynchronous
        self.seen: list[int] = []
        self.events: list[Any] = []

    def protected(self, store: Any, **options: Any) -> Callable[..., Any]:
        def handler(event: Any, context: Any) -> Any:
            return self.handle(event)

        async def async_handler(event: Any, context: Any) -> Any:
            await asyncio.sleep(0)
            return self.handle(event)

        function = async_handler if self.asynchronous else handler
        protected = idempotent(store=store, name="h", **options)(function)
        if not self.asynchronous:
            return lambda event: protected(copy.deepcopy(event), Context())
        return lambda event: asyncio.run(protected(copy.deepcopy(event), Context()))

    def handle(self, event: Any) -> Any:
        number = self.number(event)
        self.seen.append(number)
        self.events.append(event)
        if number in self.fails:
            raise Broken(number)
        return None


def in_turn(source: Source) -> list[int]:
    """The records in the event's order."""
    return [1, 3, 2, 4] if "records" in source.event and "kafka" in source.event["eventSource"] else [1, 2, 3, 4]


@each_source
def test_the_handler_gets_one_record_at_a_time_in_an_event_of_the_same_shape(source: Source) -> None:
    handler = Handler(source.number)
    call = handler.protected(Clocked())
    call(source.event)
    call(source.event)
    assert handler.seen == in_turn(source)
    assert all(type(event) is type(source.event) for event in handler.events)
    if isinstance(source.event, dict):
        assert all(event.keys() == source.event.keys() for event in handler.events)


@each_source
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_failure_is_raised_after_the_others_and_only_what_failed_runs_again(
    source: Source, asynchronous: bool
) -> None:
    handler = Handler(source.number, fails=(1,), asynchronous=asynchronous)
    call = handler.protected(Clocked())
    behind = next((turn[1:] for turn in source.orders if turn[0] == 1), ())
    with pytest.raises(Broken, match="1"):
        call(source.event)
    assert handler.seen == [number for number in in_turn(source) if number not in behind]
    handler.fails = ()
    handler.seen.clear()
    assert call(source.event) is None
    assert handler.seen == [number for number in in_turn(source) if number in (1, *behind)]


@each_reporting
def test_failures_are_returned_where_the_mapping_asks_for_it(source: Source) -> None:
    handler = Handler(source.number, fails=(2,))
    call = handler.protected(Clocked(), report_failures=True)
    behind = next((turn[turn.index(2) :] for turn in source.orders if 2 in turn), (2,))
    failed = [source.items[number - 1] for number in in_turn(source) if number in behind]
    assert call(source.event) == {"batchItemFailures": [{"itemIdentifier": item} for item in failed]}
    handler.fails = ()
    assert call(source.event) == {"batchItemFailures": []}


@pytest.mark.parametrize("name", ["activemq", "documentdb", "sns", "s3"])
def test_a_source_that_takes_no_failures_hears_the_error_all_the_same(name: str) -> None:
    source = SOURCES[name]
    with pytest.raises(Broken):
        Handler(source.number, fails=(2,)).protected(Clocked(), report_failures=True)(source.event)


@each_reporting
def test_the_handlers_own_word_is_merged_and_its_record_runs_again(source: Source) -> None:
    seen: list[int] = []

    @idempotent(store=Clocked(), name="handler")
    def handler(event: Any, context: Any) -> Any:
        number = source.number(event)
        seen.append(number)
        failed = number == 2 and seen.count(2) == 1
        return {"batchItemFailures": [{"itemIdentifier": source.items[number - 1]}] if failed else []}

    behind = next((turn[turn.index(2) :] for turn in source.orders if 2 in turn), (2,))
    failed = [source.items[number - 1] for number in in_turn(source) if number in behind]
    with decisions_made() as made:
        answer = handler(copy.deepcopy(source.event), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": item} for item in failed]}
    assert [one.verdict for one in made].count("released") == 1
    seen.clear()
    seen.append(2)
    assert handler(copy.deepcopy(source.event), Context()) == {"batchItemFailures": []}
    assert seen[1:] == [number for number in in_turn(source) if number in behind]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, "odd", 7])
def test_an_answer_that_names_no_failure_is_success(answer: Any) -> None:
    calls = []
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: calls.append(1) or answer)
    for _ in range(2):
        handler({"Records": [s.sqs()]}, Context())
    assert calls == [1]


def test_an_answer_that_names_something_else_fails_its_record() -> None:
    calls = []
    answer = {"batchItemFailures": [{"itemIdentifier": "of another batch"}]}
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: calls.append(1) or answer)
    for _ in range(2):
        told = handler({"Records": [s.sqs(message_id="a")]}, Context())
        assert told == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert calls == [1, 1]


def test_the_first_error_is_raised_as_it_is() -> None:
    handler = Handler(SOURCES["sqs"].number, fails=(2, 3))
    with pytest.raises(Broken) as error:
        handler.protected(Clocked())(SOURCES["sqs"].event)
    assert error.value.args == (2,)
    assert error.value.__cause__ is error.value.__context__ is None
    assert error.traceback[-1].name == "handle"


@pytest.mark.parametrize("report", [False, True])
def test_a_record_that_another_delivery_runs_is_a_failure_and_the_others_run(report: bool) -> None:
    heard: list[Any] = []
    seen: list[str] = []

    @idempotent(store=Clocked(), report_failures=report, name="handler")
    def handler(event: Any, context: Any) -> None:
        seen.append(event["Records"][0]["messageId"])
        if len(seen) == 1:
            with ThreadPoolExecutor(1) as elsewhere:
                another = elsewhere.submit(handler, records(message), Context())
                heard.append(another.exception() or another.result())

    handler(records(message), Context())
    assert seen == ["m-1", "m-2", "m-3", "m-4"]
    if report:
        assert heard == [{"batchItemFailures": [{"itemIdentifier": "m-1"}]}]
    else:
        assert isinstance(heard[0], InProgress)


def test_a_message_that_is_there_twice_runs_once() -> None:
    handler = Handler(SOURCES["sqs"].number)
    event = {"Records": [message(1), message(2), {**message(1), "receiptHandle": "another"}]}
    assert handler.protected(Clocked(), report_failures=True)(event) == {"batchItemFailures": []}
    assert handler.seen == [1, 2]


def test_a_message_that_is_there_twice_and_fails_once_is_tried_again() -> None:
    seen = []

    @idempotent(store=Clocked(), report_failures=True, name="handler")
    def handler(event: Any, context: Any) -> None:
        seen.append(current_execution().attempt)
        if len(seen) == 1:
            raise Broken

    assert handler({"Records": [message(1), message(1)]}, Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m-1"}]
    }
    assert seen == [1, 2]


EMPTY = [
    {"Records": []},
    [],
    {"eventSource": "aws:amq", "eventSourceArn": "b", "messages": []},
    {"eventSource": "aws:kafka", "eventSourceArn": "c", "records": {}},
]


@pytest.mark.parametrize("event", EMPTY)
def test_an_empty_batch_is_handed_on_unprotected(event: Any) -> None:
    store, seen = Clocked(), []
    handler = idempotent(store=store, name="handler")(
        lambda event, context: seen.append((event, current_execution().key))
    )
    handler(event, Context())
    handler(event, Context())
    assert seen == [(event, None)] * 2


# A record that is not what the source sends


@pytest.mark.parametrize("report", [False, True])
def test_a_malformed_record_hinders_no_other(report: bool) -> None:
    handler = Handler(SOURCES["sqs"].number)
    event = {"Records": [message(1), {**message(2), "messageId": None}, message(3)]}
    call = handler.protected(Clocked(), report_failures=report)
    for _ in range(2):
        with decisions_made() as made, pytest.raises(MalformedEvent, match="record 2 of 3"):
            call(event)
        assert [one.verdict for one in made].count("error") == 1
    assert handler.seen == [1, 3]


def test_behind_a_malformed_record_of_an_ordered_source_nothing_runs() -> None:
    handler = Handler(SOURCES["sqs fifo"].number)
    event = {"Records": [fifo(1), {**fifo(2), "attributes": {}}, fifo(3), fifo(4)]}
    with pytest.raises(MalformedEvent, match="MessageGroupId"):
        handler.protected(Clocked(), report_failures=True)(event)
    assert handler.seen == [1]


def test_a_batch_as_one_is_refused_for_a_malformed_record() -> None:
    seen = []
    handler = idempotent(store=Clocked(), unit="event", name="handler")(lambda event, context: seen.append(1))
    with pytest.raises(MalformedEvent):
        handler({"Records": [message(1), 7]}, Context())
    assert seen == []


def test_a_record_without_the_users_key_hinders_no_other() -> None:
    handler = Handler(SOURCES["sqs"].number)
    event = {
        "Records": [
            {**message(1), "body": '{"id": 1}'},
            {**message(2), "body": "{}"},
            {**message(3), "body": '{"id": 3}'},
        ]
    }
    call = handler.protected(Clocked(), key="Records[0].json(body).id", report_failures=True)
    assert call(event) == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
    assert handler.seen == [1, 3]
    with pytest.raises(MissingKey):
        handler.protected(Clocked(), key="Records[0].json(body).id")(event)


def test_a_store_that_fails_for_one_record_hinders_no_other() -> None:
    handler = Handler(SOURCES["sqs"].number)
    store = Failing(Claim, times=1)
    with pytest.raises(StoreUnavailable):
        handler.protected(store)(records(message))
    assert handler.seen == [2, 3, 4]


# A batch as one


def test_a_batch_as_one_is_one_delivery() -> None:
    seen = []
    handler = idempotent(store=Clocked(), unit="event", name="handler")(
        lambda event, context: seen.append(len(event["Records"]))
    )
    for _ in range(2):
        handler(records(message), Context())
    handler({"Records": [message(1)]}, Context())
    assert seen == [4, 1]


@pytest.mark.parametrize("failed", ["m-1", "m-2"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_batch_as_one_that_reports_a_failure_runs_again(failed: str, size: int) -> None:
    answers = iter([{"batchItemFailures": [{"itemIdentifier": failed}]}, {"batchItemFailures": []}])
    handler = idempotent(store=Clocked(), unit="event", name="handler")(lambda event, context: next(answers))
    event = {"Records": [message(number) for number in range(1, size + 1)]}
    assert handler(event, Context()) == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert handler(event, Context()) == {"batchItemFailures": []}


def test_the_replies_of_a_pipes_enrichment_are_put_together_again() -> None:
    handler = idempotent(store=Clocked(), name="handler")(
        lambda event, context: [{"seen": one["messageId"]} for one in event]
    )
    assert handler([message(1), message(2)], Context()) == [{"seen": "m-1"}, {"seen": "m-2"}]


@pytest.mark.parametrize("reply", [{1, 2}, object(), b"\xff"])
def test_where_nobody_reads_the_reply_it_is_neither_kept_nor_refused(reply: Any) -> None:
    store = Clocked()
    handler = idempotent(store=store, name="handler")(lambda event, context: reply)
    assert handler({"Records": [message(1)]}, Context()) is reply
    assert handler({"Records": [message(1)]}, Context()) is None
    assert store.record.reply == NO_REPLY
