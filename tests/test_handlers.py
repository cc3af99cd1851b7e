"""Which call is a handler's, what it is keyed by, and what is refused because nothing would identify it."""

from __future__ import annotations

import types
from collections import OrderedDict, UserDict
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, DynamoDBStreamEvent, SQSEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parser.models import SqsModel
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, decisions_made
from twicesafe import ConfigurationError, NotEnoughTime, UnusableKey, current_execution, idempotent, step

SQS = {"Records": [s.sqs()]}
REAL = Context()
INF = float("inf")


@pytest.fixture
def store() -> Clocked:
    return Clocked()


# By the names of its parameters


def event_context(event: Any, context: Any) -> str | None:
    return current_execution().key


def evt_ctx(evt: Any, ctx: Any) -> str | None:
    return current_execution().key


def unused(_event: Any, _context: Any) -> str | None:
    return current_execution().key


def ignored(_: Any, __: Any) -> str | None:
    return current_execution().key


def long_names(sqs_event: Any, lambda_context: Any) -> str | None:
    return current_execution().key


def injected(event: Any, context: Any, database: Any = None) -> str | None:
    return current_execution().key


def by_keyword_only(event: Any, context: Any, *, database: Any) -> str | None:
    return current_execution().key


HANDLERS = [event_context, evt_ctx, unused, ignored, long_names, injected]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handlers_test_with_any_context_meets_the_same_delivery_as_production(store: Clocked, handler: Any) -> None:
    protected = idempotent(store=store)(handler)
    for context in (REAL, None, {}, SimpleNamespace(), object(), 0, Mock(), MagicMock()):
        protected(SQS, context)
    assert "#sqs#m-1#" in store.record.key


@pytest.mark.parametrize(
    ("handler", "args", "kwargs"),
    [
        (injected, (SQS, REAL, object()), {}),
        (injected, (SQS, REAL), {"database": object()}),
        (injected, (SQS,), {"context": None, "database": object()}),
        (injected, (), {"event": SQS, "context": REAL, "database": object()}),
        (by_keyword_only, (SQS, None), {"database": object()}),
    ],
)
def test_a_handler_with_an_injected_argument_is_a_handler(
    store: Clocked, handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert "#sqs#m-1#" in str(idempotent(store=store)(handler)(*args, **kwargs))


def test_each_record_is_handed_on_with_the_injected_arguments(store: Clocked) -> None:
    seen: list[Any] = []

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any, database: Any, *, region: str) -> None:
        seen.append((event["Records"][0]["messageId"], context, database, region))

    handler({"Records": [s.sqs(message_id=one) for one in "ab"]}, None, "db", region="eu")
    assert seen == [("a", None, "db", "eu"), ("b", None, "db", "eu")]


# By what it is called with


def process(message: Any, services: Any = None) -> str | None:
    return current_execution().key


def gather(*args: Any) -> str | None:
    return current_execution().key


@pytest.mark.parametrize("function", [process, gather])
@pytest.mark.parametrize("event", [SQS, s.http_api(), s.envelope(), [s.sqs()], SQSEvent(SQS)])
@pytest.mark.parametrize("others", [(), (None,)])
def test_a_function_that_gets_a_recognised_event_is_a_handler(
    store: Clocked, function: Any, event: Any, others: tuple[Any, ...]
) -> None:
    assert "#function#" not in str(idempotent(store=store)(function)(event, *others))


def test_what_changes_from_one_receive_to_the_next_is_no_part_of_its_key(store: Clocked) -> None:
    protected = idempotent(store=store)(process)
    again = {"Records": [{**s.sqs(), "receiptHandle": "r-2", "attributes": {"ApproximateReceiveCount": "2"}}]}
    assert protected(SQS) == protected(again) == store.record.key


@pytest.mark.parametrize("function", [process, gather])
def test_a_function_that_gets_lambdas_context_is_a_handler(store: Clocked, function: Any) -> None:
    assert "#direct#" in str(idempotent(store=store)(function)({"order": 1}, REAL))


def test_a_context_by_keyword_makes_a_handler_too(store: Clocked) -> None:
    assert "#direct#" in str(idempotent(store=store)(process)({"order": 1}, services=REAL))
    assert "#sqs#" in str(idempotent(store=store)(process)(message=SQS, services=None))


def send(template: str, context: dict[str, Any]) -> str | None:
    return current_execution().key


def charge(order: dict[str, Any], ctx: dict[str, Any]) -> str | None:
    return current_execution().key


def ask(event: Any) -> str | None:
    return current_execution().key


@pytest.mark.parametrize(
    ("function", "one", "another"),
    [
        (send, ("welcome", {"user": 1}), ("welcome", {"user": 2})),
        (charge, ({"id": "o-1"}, {"user": 1}), ({"id": "o-1"}, {"user": 2})),
        (process, ({"order": 1}, None), ({"order": 2}, None)),
        (ask, ({"order": 1},), ({"order": 2},)),
        (ask, (s.SAMPLES["sign-up"][0],), ({**s.SAMPLES["sign-up"][0], "userName": "v"},)),
        (ask, (s.SAMPLES["step functions"][0],), ({**s.SAMPLES["step functions"][0], "a": 1},)),
    ],
)
def test_any_other_function_is_keyed_by_its_arguments(store: Clocked, function: Any, one: Any, another: Any) -> None:
    protected = idempotent(store=store)(function)
    keys = [protected(*one), protected(*one), protected(*another)]
    assert all("#function#" in str(key) for key in keys)
    assert keys[0] == keys[1] != keys[2]
    assert len(store._records) == 2


def test_a_mock_that_is_an_argument_is_not_lambdas_context(store: Clocked) -> None:
    with pytest.raises(UnusableKey):
        idempotent(store=store)(process)({"order": 1}, Mock())


# Events that are objects


class Batch(BaseModel):
    Records: list[dict[str, Any]]


@dataclass
class Order:
    id: str


WRAPPED = {
    "Powertools' data class": SQSEvent(SQS),
    "a read-only mapping": types.MappingProxyType(SQS),
    "a mapping of the standard library": UserDict(SQS),
    "an ordered dict": OrderedDict(SQS),
}


@pytest.mark.parametrize("event", WRAPPED.values(), ids=WRAPPED)
def test_an_object_that_holds_the_event_is_read_as_the_event(store: Clocked, event: Any) -> None:
    key = idempotent(store=store)(event_context)(event, None)
    assert key == idempotent(store=Clocked())(event_context)(SQS, None)


@pytest.mark.parametrize("kind", [SQSEvent, types.MappingProxyType, UserDict])
def test_each_record_comes_in_the_form_of_the_event(store: Clocked, kind: Any) -> None:
    seen: list[Any] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: seen.append(event))
    handler(kind({"Records": [s.sqs(message_id=one) for one in "ab"]}), None)
    assert [type(event) for event in seen] == [kind, kind]
    assert [event["Records"][0]["messageId"] for event in seen] == ["a", "b"]
    if kind is SQSEvent:
        assert [record.message_id for event in seen for record in event.records] == ["a", "b"]


def test_an_event_that_is_no_batch_is_handed_on_as_it_is(store: Clocked) -> None:
    seen: list[Any] = []
    event = APIGatewayProxyEventV2(s.http_api())
    idempotent(store=store, name="handler")(lambda event, context: seen.append(event))(event, None)
    assert seen[0] is event


def test_an_object_that_cannot_be_made_of_one_record_is_refused_before_any_effect(store: Clocked) -> None:
    class Event(DynamoDBStreamEvent):
        def __init__(self, data: Any, source: str) -> None:
            super().__init__(data)

    ran: list[Any] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: ran.append(event))
    with pytest.raises(ConfigurationError, match="above the decorator that parses"):
        handler(Event({"Records": [s.dynamodb()]}, "stream"), None)
    assert ran == []


PARSED: dict[str, Any] = {
    "a model": Batch(**SQS),
    "a model of Powertools": SqsModel.model_construct(**SQS),
    "a list of models": [Batch(**SQS)],
    "a tuple of records": (s.sqs(),),
    "a dict with a model in it": {"Records": [Batch(**SQS)]},
    "a dict with an object in it": {"order": Order("o-1")},
    "a dict whose names are no texts": {1: "one"},
    "a dataclass": Order("o-1"),
    "a namespace": SimpleNamespace(**SQS),
    "a list of plain values": [1, 2],
    "a text": "order",
    "bytes": b"order",
    "a number": 5,
    "nothing": None,
    "a set": {"o-1"},
    "a mock": Mock(),
}


@pytest.mark.parametrize("event", PARSED.values(), ids=PARSED)
@pytest.mark.parametrize("context", [REAL, None])
def test_what_a_parser_made_of_an_event_is_refused_before_any_effect(store: Clocked, event: Any, context: Any) -> None:
    ran: list[Any] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: ran.append(event))
    with pytest.raises(ConfigurationError, match="Put @idempotent above the decorator that parses the event"):
        handler(event, context)
    assert ran == []
    assert store._records == {}


@pytest.mark.parametrize("event", [Batch(**SQS), Order("o-1"), "order", [Batch(**SQS)], (s.sqs(),)])
def test_with_a_key_of_the_users_own_it_is_welcome(store: Clocked, event: Any) -> None:
    ran: list[Any] = []
    handler = idempotent(store=store, name="handler", key=str)(lambda event, context: ran.append(event))
    handler(event, REAL)
    handler(event, REAL)
    assert ran == [event]


def test_the_key_may_be_an_expression_on_a_model(store: Clocked) -> None:
    ran: list[Any] = []
    handler = idempotent(store=store, name="handler", key="Records[0].messageId")(lambda event, ctx: ran.append(event))
    for event in (Batch(**SQS), SQSEvent(SQS)):
        handler(event, REAL)
        handler(event, REAL)
    assert len(ran) == 2


def test_an_empty_batch_is_still_nothing_to_protect(store: Clocked) -> None:
    handler = idempotent(store=store, name="handler")(lambda event, context: "done")
    assert [handler(event, REAL) for event in ({"Records": []}, [])] == ["done", "done"]


@pytest.mark.parametrize("key", ["Records[0].messageId", None])
def test_a_redelivery_is_one_although_its_model_has_another_receive_count(store: Clocked, key: str | None) -> None:
    ran: list[Any] = []
    handler = idempotent(store=store, name="handler", key=key)(lambda event, context: ran.append(event))
    for count in ("1", "2"):
        event = {"Records": [{**s.sqs(ApproximateReceiveCount=count), "receiptHandle": f"r-{count}"}]}
        handler(Batch(**event) if key else SQSEvent(event), REAL)
    assert len(ran) == 1


# One record, without the event around it


RECORDS = {
    "sqs": s.sqs(),
    "kinesis": s.kinesis(),
    "dynamodb": s.dynamodb(),
    "sns": s.SAMPLES["sns"][0]["Records"][0],
    "s3": s.s3(),
    "Powertools' record": SQSRecord(s.sqs()),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_function_that_gets_a_record_is_keyed_by_what_identifies_the_record(store: Clocked, record: Any) -> None:
    seen: list[Any] = []

    @idempotent(store=store, name="work")
    def work(record: Any) -> None:
        seen.append(record)

    work(record)
    work(record=record)
    assert len(seen) == 1
    assert seen[0] is record
    assert "#function#" not in store.record.key


@pytest.mark.parametrize("key", [None, "messageId", lambda record: record.body])
def test_a_record_handler_of_powertools_batch_processor_runs_once_for_a_message(store: Clocked, key: Any) -> None:
    worked: list[str] = []
    processor = BatchProcessor(event_type=EventType.SQS)

    @idempotent(store=store, name="work", key=key)
    def work(record: SQSRecord) -> str:
        worked.append(record.body)
        return "done"

    for count in ("1", "2"):
        records = [{**s.sqs(one, one, ApproximateReceiveCount=count), "receiptHandle": f"r-{count}"} for one in "ab"]
        answer = process_partial_response({"Records": records}, work, processor, REAL)  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": []}
    assert worked == ["a", "b"]


# Contexts of tests


@pytest.mark.parametrize(
    "context",
    [
        Mock(),
        MagicMock(),
        SimpleNamespace(get_remaining_time_in_millis=None),
        SimpleNamespace(get_remaining_time_in_millis=3_000),
        SimpleNamespace(get_remaining_time_in_millis=lambda: None),
        SimpleNamespace(get_remaining_time_in_millis=lambda: "3000"),
        SimpleNamespace(get_remaining_time_in_millis=lambda: True),
        SimpleNamespace(get_remaining_time_in_millis=lambda: float("nan")),
        3_000,
        "context",
    ],
)
def test_what_is_no_number_is_no_deadline(store: Clocked, context: Any) -> None:
    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> Any:
        return current_execution().deadline is None

    assert handler(SQS, context) is True


@pytest.mark.parametrize("remaining", [5_000.7, float("inf"), 10**30, 10**400])
def test_any_number_is_one(store: Clocked, remaining: float) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: remaining)
    deadlines: list[Any] = []
    idempotent(store=store, name="handler")(lambda event, context: deadlines.append(current_execution().deadline))(
        SQS, context
    )
    assert isinstance(deadlines[0], int)


def test_a_stand_in_that_leaves_no_time_is_told_to_leave_some(store: Clocked) -> None:
    ran: list[Any] = []
    handler = idempotent(store=store, name="handler")(lambda event, context: ran.append(event))
    for context in (LambdaContext(), *(SimpleNamespace(get_remaining_time_in_millis=lambda n=n: n) for n in (0, -INF))):
        with pytest.raises(NotEnoughTime, match=r"let its get_remaining_time_in_millis\(\) return more") as error:
            handler(SQS, context)
        assert "timeout" not in str(error.value)
    assert ran == []


def test_on_lambda_no_time_left_is_the_functions_timeout(store: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    handler = idempotent(store=store, name="handler")(lambda event, context: 1)
    with pytest.raises(NotEnoughTime, match="Raise the function's timeout"):
        handler(SQS, Context(0))


def test_a_handler_that_is_a_method_is_keyed_by_its_event_and_its_class(store: Clocked) -> None:
    ran: list[str] = []

    class Task:
        @idempotent(store=store, name="task")
        def __call__(self, event: Any, context: Any) -> None:
            ran.append(type(self).__name__)

    class Mail(Task):
        pass

    class Bill(Task):
        pass

    for task in (Mail(), Mail(), Bill(), Task(), Task()):
        task(SQS, None)
    assert ran == ["Mail", "Bill", "Task"]


def test_a_decision_is_announced_of_what_is_refused(store: Clocked) -> None:
    handler = idempotent(store=store, name="handler")(lambda event, context: 1)
    with decisions_made() as made, pytest.raises(ConfigurationError):
        handler(Batch(**SQS), REAL)
    assert [decision.verdict for decision in made] == ["error"]


# What a handler calls with its event


def mail(record: Any, user: str) -> str:
    return f"{user} {record['body']}"


def charge(order: dict[str, Any], ctx: Any, kind: str) -> str:
    return kind


def notify(event: Any, context: Any, user: str) -> str:
    return user


@pytest.mark.parametrize("event", [SQS, s.sqs(), SQSRecord(s.sqs())], ids=["event", "record", "Powertools' record"])
def test_the_other_arguments_of_what_gets_an_event_tell_calls_apart(store: Clocked, event: Any) -> None:
    sent: list[str] = []

    @idempotent(store=store, name="mail")
    def send(event: Any, user: str, *, copy: str = "") -> str:
        sent.append(user + copy)
        return user

    replies = [send(event, "ann"), send(event, "bob"), send(event, user="ann"), send(event, "ann", copy="cc")]
    assert replies == ["ann", "bob", "ann", "ann"]
    assert sent == ["ann", "bob", "anncc"]


def test_values_that_are_injected_into_a_handler_count_and_services_do_not(store: Clocked) -> None:
    protected = idempotent(store=store)(notify)
    for user in ("ann", "bob", "ann", object(), object()):
        protected({"Records": [s.sqs()]}, Context(), user)
    assert len(store._records) == 3


def test_two_calls_under_one_context_are_two(store: Clocked) -> None:
    protected = idempotent(store=store)(charge)
    context = Context()
    replies = [protected(*call) for call in [({"id": 1}, context, "fee"), ({"id": 1}, context, "tip")]]
    assert replies == ["fee", "tip"]
    handler = idempotent(store=store, name="handler")(lambda event, context: event["id"])
    assert [handler({"id": 1}, context), handler({"id": 2}, context), handler({"id": 1}, context)] == [1, 2, 1]


def test_an_argument_without_a_text_beside_a_record_is_refused(store: Clocked) -> None:
    with pytest.raises(UnusableKey):
        idempotent(store=store)(mail)(s.sqs(), object())
    assert store._records == {}


def test_what_gets_a_record_keeps_its_reply(store: Clocked) -> None:
    protected = idempotent(store=store)(mail)
    assert [protected(s.sqs(), "ann"), protected(s.sqs(), "ann")] == ["ann one", "ann one"]


def test_a_method_that_gets_a_record_is_told_by_its_object(store: Clocked) -> None:
    class Mailer:
        @idempotent(store=store, name="send")
        def send(self, record: Any) -> str:
            return record["body"]

    @dataclass(frozen=True)
    class Sender:
        kind: str

        @idempotent(store=store, name="handle")
        def handle(self, event: Any, context: Any) -> str:
            ran.append(self.kind)
            return self.kind

    ran: list[str] = []
    with pytest.raises(ConfigurationError, match="nothing tells one"):
        Mailer().send(s.sqs())
    for kind in ("mail", "sms", "mail"):
        Sender(kind).handle(SQS, REAL)
    assert ran == ["mail", "sms"]


def test_what_a_partial_of_a_handler_holds_tells_it_from_another(store: Clocked) -> None:
    for kind in ("mail", "sms", "mail"):
        idempotent(store=store, name="send")(partial(lambda kind, event, context: kind, kind))(SQS, REAL)
    assert len(store._records) == 2


class Message(BaseModel):
    messageId: str
    body: str
    receiptHandle: str
    eventSource: str
    eventSourceARN: str


class Messages(BaseModel):
    Records: list[Message]


def test_a_model_of_a_record_is_keyed_by_what_identifies_the_record(store: Clocked) -> None:
    seen: list[Any] = []

    @idempotent(store=store, name="work")
    def work(record: Message) -> None:
        seen.append(record)

    for receipt in ("r-1", "r-2"):
        work(Message(**{**s.sqs(), "receiptHandle": receipt}))
    assert [type(record) for record in seen] == [Message]


def test_a_model_of_an_event_is_refused_by_any_function(store: Clocked) -> None:
    with pytest.raises(ConfigurationError, match="above the decorator that parses"):
        idempotent(store=store)(process)(Messages(**SQS))


class Odd:
    @property
    def get_remaining_time_in_millis(self) -> Any:
        raise RuntimeError("working outside of a context")


def test_an_argument_that_raises_when_it_is_looked_at_is_not_lambdas_context(store: Clocked) -> None:
    protected = idempotent(store=store, key=lambda order: order, payload=False)(lambda_free)
    assert protected("o-1", Odd()) == "o-1"


def lambda_free(order: str, client: Any) -> str:
    return order


@pytest.mark.parametrize("error", [ConfigurationError("a wrong set-up"), ValueError("its own")])
def test_of_a_batch_that_reports_failures_none_is_silent(
    store: Clocked, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def key(event: Any) -> str:
        raise error

    handler = idempotent(store=store, name="handler", key=key, report_failures=True)(lambda event, context: 1)
    if isinstance(error, ConfigurationError):
        with pytest.raises(ConfigurationError):
            handler(SQS, REAL)
        return
    assert handler(SQS, REAL) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "Record m-1 of a batch from sqs failed: ValueError" in record.getMessage()


def test_a_record_whose_own_step_is_refused_fails_alone(store: Clocked) -> None:
    ran: list[str] = []

    @idempotent(store=store, name="handler", report_failures=True)
    def handler(event: Any, context: Any) -> None:
        body = event["Records"][0]["body"]
        step("x" * int(body), ran.append, body)

    records = [s.sqs(body, body) for body in ("1", "300", "2")]
    assert handler({"Records": records}, REAL) == {"batchItemFailures": [{"itemIdentifier": "300"}]}
    assert ran == ["1", "2"]


def test_a_handlers_object_that_has_no_text_plays_no_part(store: Clocked) -> None:
    @dataclass(frozen=True)
    class Handler:
        client: Any

        @idempotent(store=store, name="handler")
        def handle(self, event: Any, context: Any) -> None:
            ran.append(event)

    ran: list[Any] = []
    for client in (object(), object()):
        Handler(client).handle(SQS, REAL)
    assert len(ran) == 1
