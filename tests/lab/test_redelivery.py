"""The event of a redelivery: what is renewed, and what never is."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.keys.samples import SAMPLES
from twicesafe.keys.describe import describe
from twicesafe.keys.sources.table import DIRECT, rows
from twicesafe.lab.redelivery import RENEWED, redelivered

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "events"
EVENTS = {name: sample[0] for name, sample in SAMPLES.items()} | {
    path.stem: json.loads(path.read_text()) for path in sorted(PUBLISHED.glob("*.json"))
}
each_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)


def changes(old: Any, new: Any, where: str = "") -> dict[str, tuple[Any, Any]]:
    """Where the two differ, and how; they have the same shape."""
    assert type(old) is type(new)
    if isinstance(old, dict):
        assert list(old) == list(new)
        return {k: v for name in old for k, v in changes(old[name], new[name], f"{where}/{name}").items()}
    if isinstance(old, list):
        pairs = enumerate(zip(old, new, strict=True))
        return {k: v for place, pair in pairs for k, v in changes(*pair, f"{where}/{place}").items()}
    return {} if old == new else {where[1:]: (old, new)}


@each_event
def test_the_first_delivery_is_the_event_itself(event: Any) -> None:
    assert redelivered(event, 1) is event


@each_event
def test_a_redelivery_has_the_identity_of_the_first(event: Any) -> None:
    assert describe(redelivered(event, 2)) == describe(redelivered(event, 3)) == describe(event)


@each_event
def test_a_redelivery_has_the_shape_of_the_first_which_is_left_as_it_was(event: Any) -> None:
    before = copy.deepcopy(event)
    changes(event, redelivered(event, 2))
    assert event == before


@each_event
def test_a_redelivery_is_the_same_each_time_that_it_is_made(event: Any) -> None:
    assert redelivered(event, 2) == redelivered(event, 2)


def test_each_source_of_the_table_is_one_that_is_recognised() -> None:
    assert set(RENEWED) <= {row.name for row in (*rows(), DIRECT)}


SQS = {"eventSource": "aws:sqs", "messageId": "m", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "body": "b"}
SQS |= {
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYig==",
    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "5"},
}
HTTP = {
    "version": "2.0",
    "rawPath": "/orders",
    "headers": {"Host": "h", "X-Amzn-Trace-Id": "Root=1-5c536348-3d683b8b04734faae651f476", "Idempotency-Key": "k"},
    "requestContext": {
        "http": {"method": "POST"},
        "domainName": "x.execute-api.eu-west-1.amazonaws.com",
        "requestId": "JKJaXmPLvHcESHA=",
        "time": "31/Dec/2025:23:59:30 +0000",
        "timeEpoch": 1767225570000,
    },
}
LATTICE = {"requestContext": {"serviceArn": "s", "targetGroupArn": "t", "timeEpoch": "1696331543569073"}}
MULTI = {"requestContext": {"elb": {"targetGroupArn": "t"}}, "multiValueHeaders": {"x-amzn-trace-id": ["Root=1-a"]}}
STEP = {"Execution": {"Id": "e"}, "State": {"Name": "s", "RetryCount": 0}, "Task": {"Token": "AAAAAAAAAAAAtoken"}}
KAFKA = {"eventSource": "SelfManagedKafka", "bootstrapServers": "a:1,b:2,c:3", "records": {"t-0": []}}
MQ = {
    "eventSource": "aws:amq",
    "messages": [{"messageID": "i", "redelivered": False, "brokerOutTime": 5, "brokerInTime": 4}],
}
RABBIT = {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"q::/": [{"redelivered": False, "data": "eA=="}]}}


@pytest.mark.parametrize(
    ("event", "renewed"),
    [
        ({"Records": [SQS]}, ["Records/0/attributes/ApproximateReceiveCount", "Records/0/receiptHandle"]),
        ([SQS], ["0/attributes/ApproximateReceiveCount", "0/receiptHandle"]),  # EventBridge Pipes
        (
            HTTP,
            [
                "headers/X-Amzn-Trace-Id",
                "requestContext/requestId",
                "requestContext/time",
                "requestContext/timeEpoch",
            ],
        ),
        (LATTICE, ["requestContext/timeEpoch"]),
        (MULTI, ["multiValueHeaders/x-amzn-trace-id/0"]),
        (STEP, ["State/RetryCount", "Task/Token"]),
        (KAFKA, ["bootstrapServers"]),
        (MQ, ["messages/0/brokerOutTime", "messages/0/redelivered"]),
        (RABBIT, ["rmqMessagesByQueue/q:://0/redelivered"]),
        ({"Records": [{"eventSource": "aws:kinesis", "eventID": "i", "kinesis": {}}]}, []),  # a batch, to the byte
        ({"order": 7}, []),
        ("text", []),
        (None, []),
    ],
    ids=lambda value: None,
)
def test_a_redelivery_renews_what_its_source_renews_and_no_more(event: Any, renewed: list[str]) -> None:
    assert sorted(changes(event, redelivered(event, 2))) == renewed


def test_each_delivery_differs_from_all_others() -> None:
    handles = {redelivered({"Records": [SQS]}, number)["Records"][0]["receiptHandle"] for number in range(1, 50)}
    assert len(handles) == 49
    assert {len(handle) for handle in handles} == {len(SQS["receiptHandle"])}


def test_a_count_counts_and_a_time_goes_on() -> None:
    assert redelivered({"Records": [SQS]}, 3)["Records"][0]["attributes"]["ApproximateReceiveCount"] == "3"
    assert redelivered(STEP, 3)["State"]["RetryCount"] == 2
    context = redelivered(HTTP, 2)["requestContext"]
    assert (context["time"], context["timeEpoch"]) == ("01/Jan/2026:00:00:30 +0000", 1767225630000)
    assert redelivered(LATTICE, 2)["requestContext"]["timeEpoch"] == "1696331603569073"


def test_a_trace_keeps_its_look() -> None:
    (trace,) = [value for name, value in redelivered(HTTP, 2)["headers"].items() if "Trace" in name]
    version, time, rest = trace.removeprefix("Root=").split("-")
    assert (version, len(time), len(rest)) == ("1", 8, 24)
    int(time + rest, 16)


@pytest.mark.parametrize("odd", [None, 7, [], {}, ["x"], {"x": None}, "", True, 1.5])
@pytest.mark.parametrize("path", ["receiptHandle", "attributes"])
def test_what_is_not_as_its_source_sends_it_does_not_matter(path: str, odd: Any) -> None:
    event = {"Records": [{**SQS, path: odd}, odd]}
    assert redelivered(event, 2)["Records"][1] == odd
