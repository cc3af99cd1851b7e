from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.keys import samples as s
from tests.keys.test_callers import SCOPES
from twicesafe.errors import MalformedEvent, MissingKey
from twicesafe.keys.sources import Unit, key_of, units, whole, with_request_id
from twicesafe.keys.sources.headers import LONGEST
from twicesafe.keys.sources.table import ASKED, rows, source_of
from twicesafe.protocol.policy import LONGEST_LEASE

ROWS = tuple(rows())

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "events"
"""Events that others publish; they are not ours to hand on."""
EXPECTED = {
    "alb": "alb client",
    "alb_multivalue": "alb client",
    "alexa_smart_home": "alexa never",
    "apigw_authorizer_request_v1": "authorizer never",
    "apigw_authorizer_token": "authorizer never",
    "apigw_authorizer_v2": "authorizer never",
    "apigw_http_v2": "http-api client",
    "apigw_http_v2_go_jwt": "http-api client",
    "apigw_rest_console_test": "rest-api client",
    "apigw_rest_v1": "rest-api client",
    "apigw_rest_websocket_ts": "authorizer never",
    "apigw_websocket_connect": "websocket natural api connection event",
    "apigw_websocket_disconnect": "websocket natural api connection event",
    "apigw_websocket_message": "websocket client",
    "appsync_authorizer": "appsync-authorizer never",
    "appsync_batch": "appsync client",
    "appsync_direct_resolver": "appsync client",
    "appsync_events": "appsync-events never",
    "appsync_resolver": "appsync never",
    "bedrock_agent": "bedrock-agent never",
    "client_vpn_connect": "client-vpn never",
    "cloudformation_cdk_provider_create": "cdk-provider never",
    "cloudformation_create": "cloudformation natural stack resource type request_id",
    "cloudwatch_alarm": "cloudwatch-alarm natural alarm state since",
    "cloudwatch_dashboard_widget": "cloudwatch-widget never",
    "cloudwatch_logs": "cloudwatch-logs natural owner group stream filters lines",
    "codecommit": "codecommit natural repository event_id",
    "codedeploy_hook": "codedeploy natural hook deployment",
    "codepipeline_job": "codepipeline natural continuation job",
    "cognito_custom_message": "cognito never",
    "cognito_define_auth_challenge": "cognito never",
    "cognito_post_authentication": "cognito never",
    "cognito_post_confirmation": "cognito explicit",
    "cognito_pre_signup": "cognito never",
    "cognito_sync": "cognito-sync never",
    "cognito_user_migration": "cognito never",
    "config_change": "config natural rule type resource state captured",
    "config_scheduled": "config natural rule time",
    "connect": "connect explicit",
    "direct_invoke_payload": "direct explicit",
    "documentdb_insert": "documentdb natural cluster position",
    "dynamodb_streams": "dynamodb natural stream event_id",
    "dynamodb_streams_time_window": "stream-window never",
    "eventbridge_aws_service": "eventbridge natural account source replay id",
    "eventbridge_custom": "eventbridge natural account source id",
    "eventbridge_scheduled_rule": "schedule-rule natural schedule time",
    "firehose_kinesis": "firehose never",
    "firehose_put": "firehose never",
    "iot_button": "direct explicit",
    "iot_custom_auth": "iot-authorizer never",
    "iot_preprovision_hook": "iot-provisioning never",
    "kafka_msk": "kafka natural cluster topic partition timestamp offset",
    "kafka_self_managed": "kafka natural cluster topic partition timestamp offset",
    "kinesis": "kinesis natural stream event_id",
    "kinesis_analytics_output": "kinesis-analytics never",
    "kinesis_time_window": "stream-window never",
    "kinesis_with_dynamodb_cdc": "kinesis natural stream table event_id",
    "lambda_destination_record_async_failure": "lambda-destination natural condition request_id",
    "lambda_edge_cloudfront": "lambda-edge never",
    "lambda_esm_on_failure_record": "stream-failure natural stream shard start end request_id",
    "lambda_function_url": "function-url client",
    "lex_v1": "lex never",
    "lex_v2": "lex explicit",
    "mq_activemq": "activemq natural broker destination message_id",
    "mq_rabbitmq": "rabbitmq client",
    "s3": "s3 natural bucket key event sequencer",
    "s3_batch_v1": "s3-batch natural job task",
    "s3_delete": "s3 natural bucket key event sequencer",
    "s3_object_lambda": "s3-object-lambda never",
    "s3_via_eventbridge": "s3-eventbridge natural bucket key event sequencer",
    "s3_via_sqs": "sqs natural queue bucket key version event sequencer",
    "secrets_manager_rotation": "secrets-rotation natural arn step version",
    "ses": "ses natural rule message_id",
    "sns": "sns natural topic message_id",
    "sns_to_sqs_wrapped": "sqs natural queue topic message_id",
    "sqs_fifo": "sqs-fifo natural queue message_id",
    "sqs_standard": "sqs natural queue message_id",
    "step_functions_context": "step-functions explicit",
    "transfer_family_authorizer": "transfer-family never",
    "vpc_lattice_v2": "vpc-lattice client",
}
NAMES = sorted(path.stem for path in PUBLISHED.glob("*.json"))

ARN = "arn:aws:sts::111122223333:assumed-role/app"
CALLERS: list[tuple[Any, dict[str, str]]] = [
    (s.rest({"idempotency-key": "k"}, authorizer={"claims": {"sub": "ann"}}), {"sub": "ann"}),
    (s.rest({"idempotency-key": "k"}, authorizer={"principalId": "ann"}), {"principalId": "ann"}),
    (s.rest({"idempotency-key": "k"}, identity={"userArn": f"{ARN}/session-1"}), {"userArn": ARN}),
    (s.rest({"idempotency-key": "k"}, identity={"apiKeyId": "a"}), {"apiKeyId": "a"}),
    (
        s.rest(
            {"idempotency-key": "k"}, authorizer={"principalId": "ann"}, identity={"apiKeyId": "a", "userArn": None}
        ),
        {"principalId": "ann", "apiKeyId": "a"},
    ),
    (s.http_api(authorizer={"jwt": {"claims": {"sub": "ann"}}}), {"sub": "ann"}),
    (s.http_api(authorizer={"iam": {"userArn": "arn:aws:iam::1:user/ann"}}), {"userArn": "arn:aws:iam::1:user/ann"}),
    (s.http_api(authorizer={"lambda": {"user": "ann"}}), {"authorizer.user": "ann"}),
    (s.http_api(), {}),
    (s.appsync(), {"sub": "ann"}),
]

BATCHES: dict[str, tuple[Any, list[Any], list[str | None], list[object | None]]] = {
    "sqs": (
        {"Records": [s.sqs(message_id="a"), s.sqs(message_id="b")]},
        [{"Records": [s.sqs(message_id="a")]}, {"Records": [s.sqs(message_id="b")]}],
        [None, None],
        ["a", "b"],
    ),
    "a pipe": (
        [s.sqs(message_id="a"), s.sqs(message_id="b")],
        [[s.sqs(message_id="a")], [s.sqs(message_id="b")]],
        [None, None],
        ["a", "b"],
    ),
    "sqs fifo": (
        {"Records": [s.sqs(queue=f"{s.QUEUE}.fifo", MessageGroupId=group) for group in "gh"]},
        [{"Records": [s.sqs(queue=f"{s.QUEUE}.fifo", MessageGroupId=group)]} for group in "gh"],
        ["g", "h"],
        ["m-1", "m-1"],
    ),
    "fair queue": (
        {"Records": [s.sqs(MessageGroupId="g")]},
        [{"Records": [s.sqs(MessageGroupId="g")]}],
        [None],
        ["m-1"],
    ),
    "kinesis": (
        {"Records": [s.kinesis(number="1"), s.kinesis(number="2")]},
        [{"Records": [s.kinesis(number="1")]}, {"Records": [s.kinesis(number="2")]}],
        ["shardId-000000000001"] * 2,
        ["1", "2"],
    ),
    "dynamodb": (
        {"Records": [s.dynamodb("1"), s.dynamodb("2")]},
        [{"Records": [s.dynamodb("1")]}, {"Records": [s.dynamodb("2")]}],
        [s.TABLE] * 2,
        ["1", "2"],
    ),
    "kafka": (
        {"eventSource": "aws:kafka", "eventSourceArn": "c", "records": {"orders-0": [s.kafka(1), s.kafka(2)]}},
        [
            {"eventSource": "aws:kafka", "eventSourceArn": "c", "records": {"orders-0": [s.kafka(1)]}},
            {"eventSource": "aws:kafka", "eventSourceArn": "c", "records": {"orders-0": [s.kafka(2)]}},
        ],
        ["orders-0"] * 2,
        [{"partition": "orders-0", "offset": 1}, {"partition": "orders-0", "offset": 2}],
    ),
    "activemq": (
        {"eventSource": "aws:amq", "eventSourceArn": "b", "messages": [s.activemq("a"), s.activemq("b")]},
        [
            {"eventSource": "aws:amq", "eventSourceArn": "b", "messages": [s.activemq("a")]},
            {"eventSource": "aws:amq", "eventSourceArn": "b", "messages": [s.activemq("b")]},
        ],
        [None, None],
        [None, None],
    ),
}

MALFORMED: dict[str, Any] = {
    "a message without an id": {"Records": [{**s.sqs(), "messageId": None}]},
    "a record that is no object": {"Records": [s.sqs(), 7]},
    "a record of another source": {"Records": [s.sqs(), s.kinesis()]},
    "a topic that is no text": {"Records": [{"EventSource": "aws:sns", "Sns": {**s.NOTICE, "TopicArn": ["t"]}}]},
    "a fifo message without a group": {"Records": [s.sqs(queue="q.fifo")]},
    "an offset that is no number": {**s.SAMPLES["kafka"][0], "records": {"orders-0": [{**s.kafka(), "offset": "x"}]}},
    "partitions in a list": {**s.SAMPLES["kafka"][0], "records": [s.kafka()]},
    "kafka of no cluster": {"eventSource": "SelfManagedKafka", "records": {"orders-0": [s.kafka()]}},
    "logs that are no gzip": {"awslogs": {"data": "aGk="}},
    "logs that are no base64": {"awslogs": {"data": "\u00e9"}},
    "a header twice": {**s.rest(None), "multiValueHeaders": {"Idempotency-Key": ["a", "b"]}},
    "headers in a list": s.rest(["idempotency-key"]),
    "a header that is no text": s.rest({"idempotency-key": 7}),
    "an empty key": s.rest({"idempotency-key": '""'}),
    "a key that is too long": s.rest({"idempotency-key": "k" * (LONGEST + 1)}),
    "a key with a control character": s.rest({"idempotency-key": "a\nb"}),
    "a key that is not ASCII": s.rest({"idempotency-key": "sch\u00f6n"}),
}


def one(event: Any) -> Unit:
    (unit,) = units(event)
    return unit


def key(event: Any) -> str:
    return key_of("f", one(event))


def changed(event: Any, path: str, value: object) -> Any:
    """A copy of an event with another value at a path, which has its numbers where lists are."""
    event = copy.deepcopy(event)
    *around, last = path.split("/")
    inside = event
    for step in around:
        inside = inside[int(step) if isinstance(inside, list) else step]
    inside[last] = value
    return event


@pytest.mark.parametrize("name", s.SAMPLES)
def test_a_sample_is_of_its_source_and_has_its_identity(name: str) -> None:
    event, source, kind, fields = s.SAMPLES[name]
    unit = units(event)[0]
    assert (unit.source, unit.kind) == (source, kind)
    assert (unit.identity and tuple(unit.identity)) == fields


@pytest.mark.parametrize("name", s.SAMPLES)
def test_a_sample_is_recognised_by_one_row(name: str) -> None:
    event, source, _, _ = s.SAMPLES[name]
    assert [row.name for row in ROWS if row.recognises(event)] == [source] * (source != "direct")


@pytest.mark.parametrize("name", s.SAMPLES)
def test_what_is_asked_first_hides_no_row(name: str) -> None:
    event, _, _, _ = s.SAMPLES[name]
    parts = [{**event, left_out: None} for left_out in event] if isinstance(event, dict) else []
    parts += [{kept: event[kept]} for kept in event] if isinstance(event, dict) else []
    for part in [event, *parts]:
        assert source_of(part) == next((row.name for row in ROWS if row.recognises(part)), "direct")


def test_each_row_has_a_sample_and_a_name_of_its_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert {source for _, source, _, _ in s.SAMPLES.values()} == {*names, "direct"}


@pytest.mark.skipif(not NAMES, reason="the published events are not here")
def test_each_published_event_is_expected() -> None:
    assert sorted(EXPECTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_published_event_is_of_one_row_and_has_its_identity(name: str) -> None:
    event = json.loads((PUBLISHED / f"{name}.json").read_text())
    source, kind, *fields = EXPECTED[name].split()
    assert [row.name for row in ROWS if row.recognises(event)] == [source] * (source != "direct")
    for unit in units(event):
        assert (unit.source, unit.kind, list(unit.identity or ())) == (source, kind, fields)


@pytest.mark.parametrize("name", BATCHES)
def test_each_record_is_an_event_of_its_own(name: str) -> None:
    event, events, orders, items = BATCHES[name]
    found = units(event)
    assert [unit.event for unit in found] == events
    assert [unit.order for unit in found] == orders
    assert [unit.item for unit in found] == items


@pytest.mark.parametrize("name", ["direct", "http api", "eventbridge", "logs", "s3 batch", "empty batch", "no object"])
def test_an_event_that_is_no_batch_is_handed_on_as_it_is(name: str) -> None:
    event = s.SAMPLES[name][0]
    assert one(event).event is event


@pytest.mark.parametrize("name", MALFORMED)
def test_what_the_source_does_not_send_is_malformed(name: str) -> None:
    with pytest.raises(MalformedEvent):
        units(MALFORMED[name])


NOISE = [
    ("sqs", "Records/0/receiptHandle", "r-2"),
    ("sqs", "Records/0/attributes", {"ApproximateReceiveCount": "2"}),
    ("sns", "Records/0/Sns/Timestamp", "later"),
    ("s3", "Records/0/eventTime", "later"),
    ("s3", "Records/0/responseElements", {"x-amz-request-id": "RQ2"}),
    ("http api", "requestContext/requestId", "q-2"),
    ("http api", "headers/user-agent", "other"),
    ("rest", "requestContext/identity", {"sourceIp": "192.0.2.9"}),
    ("kinesis", "Records/0/kinesis/approximateArrivalTimestamp", 1.0),
    ("dynamodb", "Records/0/dynamodb/ApproximateCreationDateTime", 1),
    ("activemq", "messages/0/redelivered", True),
    ("activemq", "messages/0/connectionId", "d"),
    ("own kafka", "bootstrapServers", "a:1,b:1"),
    ("cloudformation", "ResponseURL", "https://example.com/?X-Amz-Signature=2"),
    ("config", "resultToken", "y"),
    ("s3 batch", "invocationId", "i-2"),
    ("a rule's schedule", "id", "e-2"),
    ("dynamodb over kinesis", "Records/0/eventID", "shardId-000000000001:4902"),
]


@pytest.mark.parametrize(("name", "path", "value"), NOISE)
def test_what_each_delivery_has_anew_is_in_neither_key_nor_payload(name: str, path: str, value: object) -> None:
    event = s.SAMPLES[name][0]
    again = changed(event, path, value)
    assert again != event
    assert key(again) == key(event)
    assert one(again).payload == one(event).payload


TELLING = [
    ("sqs", "Records/0/messageId", "m-2"),
    ("sqs", "Records/0/eventSourceARN", "another"),
    ("sns", "Records/0/Sns/TopicArn", "another"),
    ("s3", "Records/0/s3/object/sequencer", "0A1C"),
    ("s3", "Records/0/eventName", "ObjectRemoved:Delete"),
    ("eventbridge", "source", "another"),
    ("a replay", "replay-name", "another"),
    ("a rule's schedule", "time", "later"),
    ("http api", "headers/idempotency-key", "k-2"),
    ("http api", "requestContext/http/method", "PUT"),
    ("http api", "routeKey", "POST /refunds"),
    ("http api", "requestContext/authorizer", {"jwt": {"claims": {"sub": "ann"}}}),
    ("kinesis", "Records/0/eventID", "shardId-000000000001:2"),
    ("dynamodb", "Records/0/eventSourceARN", "another"),
    ("kafka", "records", {"orders-1": [s.kafka(partition=1)]}),
    ("kafka", "eventSourceArn", "another"),
    ("cloudformation", "RequestType", "Delete"),
    ("codepipeline", "CodePipeline.job", {"id": "j", "data": {"continuationToken": "3"}}),
    ("rotation", "Step", "setSecret"),
]


@pytest.mark.parametrize(("name", "path", "value"), TELLING)
def test_what_tells_two_deliveries_apart_is_in_the_key(name: str, path: str, value: object) -> None:
    event = s.SAMPLES[name][0]
    assert key(changed(event, path, value)) != key(event)


@pytest.mark.parametrize(("name", "retention"), [("dynamodb", 86_400), ("kinesis", 7 * 86_400)])
def test_a_streams_reply_is_honoured_until_a_batch_under_way_at_the_end_of_its_retention_has_ended(
    name: str, retention: int
) -> None:
    assert one(s.SAMPLES[name][0]).expires_after >= retention + LONGEST_LEASE // 1000


def test_sns_in_two_messages_of_a_queue_is_one_delivery() -> None:
    body = json.dumps(s.NOTICE)
    first, second = ({"Records": [s.sqs(body, message_id=message_id)]} for message_id in ("a", "b"))
    assert key(first) == key(second)
    assert [one(first).item, one(second).item] == ["a", "b"]
    assert one(first).expires_after > one(s.SAMPLES["sqs"][0]).expires_after


@pytest.mark.parametrize(
    "body",
    [
        '{"Type": "Notification"}',
        '"Notification"',
        '{"detail-type": "a", "source": "b", "id": {}}',
        '{"Records": [{"eventSource": "aws:s3"}]}',
        '{"Records": [{"eventSource": "aws:s3"}, 7]}',
        '{"detail-type"' + "[" * 100_000,
    ],
)
def test_a_body_that_only_looks_like_another_source_is_a_plain_message(body: str) -> None:
    assert one({"Records": [s.sqs(body)]}).identity == {"queue": s.QUEUE, "message_id": "m-1"}


@pytest.mark.parametrize(
    "event",
    [
        s.rest({"IDEMPOTENCY-KEY": "k"}),
        s.rest({"idempotency-key": '"k"'}),
        s.rest({"x-idempotency-key": "k"}),
        s.rest({"x-idempotency-key": "k", "Idempotency-Key": "k"}),
        {**s.rest(None), "multiValueHeaders": {"Idempotency-Key": ["k"]}},
    ],
)
def test_the_callers_key_is_found_however_it_is_written(event: Any) -> None:
    assert one(event).identity == {"method": "POST", "route": "/orders/{id}", "idempotency-key": "k"}


@pytest.mark.parametrize(("event", "scope"), CALLERS)
def test_a_callers_key_is_scoped_by_what_the_platform_has_proven(event: Any, scope: dict[str, str]) -> None:
    assert one(event).scope == scope


def test_a_greedy_route_is_no_place() -> None:
    event = {**s.rest({"idempotency-key": "k"}), "resource": "/{proxy+}"}
    assert one(event).identity == {"method": "POST", "path": "/orders/7", "idempotency-key": "k"}


def test_another_body_under_one_key_is_another_payload() -> None:
    event = s.http_api()
    assert one({**event, "body": "{}"}).payload != one(event).payload
    assert key({**event, "body": "{}"}) == key(event)


def test_relays_mutation_id_is_the_callers_key() -> None:
    event = {**s.appsync(key=None), "arguments": {"input": {"clientMutationId": "c-1"}}}
    assert one(event).identity == {"field": "placeOrder", "idempotency-key": "c-1"}


def test_only_proxy_events_are_http() -> None:
    proxies = {"rest-api", "http-api", "function-url", "alb", "vpc-lattice", "vpc-lattice-v1"}
    assert {row.name for row in ROWS if row.is_http} == proxies


def test_a_refused_queue_comes_again_and_nobody_reads_its_reply() -> None:
    found = {row.name: (row.on_conflict, row.reply_kept) for row in ROWS}
    assert {found[name] for name in ("sqs", "sqs-fifo", "activemq", "rabbitmq")} == {("raise", False)}
    assert {found[name] for name in ("kinesis", "dynamodb", "kafka", "sns", "s3", "eventbridge")} == {("wait", False)}
    assert {found[name] for name in ("rest-api", "http-api", "appsync", "s3-batch")} == {("raise", True)}


def test_a_batch_as_one_is_under_all_its_identities() -> None:
    event = {"Records": [s.sqs(message_id="a"), s.sqs(message_id="b")]}
    other = {"Records": [s.sqs(message_id="a"), s.sqs(message_id="c")]}
    unit = whole(event, units(event))
    assert unit.event is event
    assert (unit.kind, unit.payload, unit.order, unit.item) == ("natural", None, None, ["a", "b"])
    assert unit == whole(event, units(copy.deepcopy(event)))
    assert key_of("f", unit) != key_of("f", whole(other, units(other)))


def test_a_batch_as_one_has_no_key_when_one_of_it_has_none() -> None:
    event = {
        "eventSource": "aws:rmq",
        "eventSourceArn": "b",
        "rmqMessagesByQueue": {"q": [s.rabbit("a"), s.rabbit(None)]},
    }
    unit = whole(event, units(event))
    assert (unit.kind, unit.identity) == ("client", None)


def test_an_event_that_is_no_batch_is_whole_already() -> None:
    unit = one(s.http_api())
    assert whole(unit.event, [unit]) is unit


def test_a_request_id_identifies_what_nothing_else_does() -> None:
    unit = one({"order": 7})
    assert key_of("f", with_request_id(unit, "a", with_event=True)) == key_of(
        "f", with_request_id(unit, "a", with_event=True)
    )
    assert key_of("f", with_request_id(unit, "a", with_event=True)) != key_of(
        "f", with_request_id(unit, "b", with_event=True)
    )


def test_nothing_has_no_key() -> None:
    with pytest.raises(MissingKey):
        key_of("f", one({"order": 7}))


def test_a_key_names_the_function_the_source_and_a_short_id() -> None:
    head, _, digest = key(s.SAMPLES["sqs"][0]).rpartition("#")
    assert head == "f#sqs#m-1"
    assert len(digest) == 64


def test_a_callers_key_is_not_readable() -> None:
    assert "k-1" not in key(s.http_api())


@pytest.mark.parametrize("message_id", ["a#b", "a b", "x" * 65, "\u00e9"])
def test_an_id_that_is_not_short_and_safe_is_in_the_hash_alone(message_id: str) -> None:
    assert key({"Records": [s.sqs(message_id=message_id)]}).startswith("f#sqs#")
    assert key({"Records": [s.sqs(message_id=message_id)]}).count("#") == 2


def test_function_scope_and_tenant_are_told_apart() -> None:
    unit = one(s.SAMPLES["sqs"][0])
    keys = [
        key_of("f", unit),
        key_of("g", unit),
        key_of("f", unit, scope=""),
        key_of("f", unit, scope="a"),
        key_of("f", unit, tenant=""),
        key_of("f", unit, tenant="a"),
        key_of("f", unit._replace(source="other")),
        key_of("f", unit._replace(scope={"sub": "a"})),
        key_of("f", unit._replace(identity={}, scope=unit.identity or {})),
    ]
    assert len({key.rpartition("#")[2] for key in keys}) == len(keys)


@given(function=st.text(), scope=st.text(), tenant=st.none() | st.text(), message_id=st.text(min_size=1))
def test_a_key_is_bounded_and_ascii(function: str, scope: str, tenant: str | None, message_id: str) -> None:
    unit = one({"Records": [s.sqs(message_id=message_id)]})
    found = key_of(function * 20, unit, scope=scope, tenant=tenant)
    assert len(found.encode("ascii")) <= 512


def test_two_long_or_unsafe_functions_do_not_share_a_key() -> None:
    unit = one(s.SAMPLES["sqs"][0])
    names = ["x" * 300 + "a", "x" * 300 + "b", "f g", "f-g", "f#g"]
    assert len({key_of(name, unit) for name in names}) == len(names)
    assert all(len(key_of(name, unit).partition("#")[0]) <= 200 for name in names)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
EVENTS = [*(event for event, _, _, _ in s.SAMPLES.values()), *(event for event, _ in SCOPES.values())]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where an event can be changed."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, part in parts for place in places(part, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sample with one to three of its parts taken away or replaced by anything."""
    event = copy.deepcopy(draw(st.sampled_from(EVENTS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(event)))
        if not path:
            return draw(JSON)
        inside = event
        for step in path[:-1]:
            inside = inside[step]
        if draw(st.booleans()):
            inside[path[-1]] = draw(JSON)
        else:
            del inside[path[-1]]
    return event


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_whatever_an_event_is_it_is_read_or_malformed(event: Any) -> None:
    try:
        found = units(event)
    except MalformedEvent:
        return
    assert found
    for unit in found:
        assert all(isinstance(part, str) for part in [*(unit.identity or {}).values(), *unit.scope.values()])
        if unit.identity is not None:
            key_of("f", unit)
    whole(event, found)


class Asked(dict):
    """An empty event that notes what it is asked for."""

    def __init__(self) -> None:
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return default


def test_an_event_that_no_row_asks_anything_of_is_told_by_its_names_alone():
    asked = Asked()
    assert not any(row.recognises(asked) for row in ROWS)
    assert asked.names == ASKED
