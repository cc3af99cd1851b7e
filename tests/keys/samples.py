"""A small event of each source, written from the fields that its documentation names."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

ACCOUNT = "111122223333"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:orders"
STREAM = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/orders"
TABLE = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders/stream/2026-01-01T00:00:00.000"
BROKER = f"arn:aws:mq:eu-west-1:{ACCOUNT}:broker:orders:b-1"
CLUSTER = f"arn:aws:kafka:eu-west-1:{ACCOUNT}:cluster/orders/c-1"


def sqs(body: str = "one", message_id: str = "m-1", queue: str = QUEUE, **attributes: str) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "r-1",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000", **attributes},
        "messageAttributes": {},
        "md5OfBody": "0",
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": "eu-west-1",
    }


def s3(sequencer: str | None = "0A1B") -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "responseElements": {"x-amz-request-id": "RQ1", "x-amz-id-2": "i2"},
        "s3": {"bucket": {"name": "files"}, "object": {"key": "a+b.txt", "sequencer": sequencer}},
    }


def envelope(**changed: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Order Placed",
        "source": "shop.orders",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {"order": 7},
        **changed,
    }


def kinesis(data: bytes = b"one", number: str = "4901") -> dict[str, Any]:
    return {
        "kinesis": {
            "partitionKey": "p",
            "sequenceNumber": number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1700000000.5,
        },
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-000000000001:{number}",
        "eventSourceARN": STREAM,
    }


def dynamodb(number: str = "111") -> dict[str, Any]:
    return {
        "eventID": f"d-{number}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": TABLE,
        "dynamodb": {
            "ApproximateCreationDateTime": 1700000000,
            "Keys": {"id": {"S": "7"}},
            "NewImage": {"id": {"S": "7"}},
            "SequenceNumber": number,
        },
    }


def kafka(offset: int = 15, partition: int = 0) -> dict[str, Any]:
    return {
        "topic": "orders",
        "partition": partition,
        "offset": offset,
        "timestamp": 1700000000000,
        "timestampType": "CREATE_TIME",
        "key": "aw==",
        "value": "dg==",
        "headers": [],
    }


def rabbit(message_id: str | None) -> dict[str, Any]:
    return {"basicProperties": {"messageId": message_id}, "redelivered": False, "data": "e30="}


def activemq(message_id: str = "ID:b-1:1") -> dict[str, Any]:
    return {
        "messageID": message_id,
        "data": "e30=",
        "redelivered": False,
        "brokerOutTime": 1700000000001,
        "connectionId": "c",
        "destination": {"physicalName": "orders"},
    }


def http_api(key: str | None = "k-1", **context: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "POST /orders",
        "rawPath": "/orders",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **({} if key is None else {"idempotency-key": key})},
        "requestContext": {
            "http": {"method": "POST", "path": "/orders", "sourceIp": "192.0.2.1"},
            "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "requestId": "q-1",
            **context,
        },
        "body": '{"order": 7}',
        "isBase64Encoded": False,
    }


def rest(headers: Any, **context: Any) -> dict[str, Any]:
    return {
        "resource": "/orders/{id}",
        "path": "/orders/7",
        "httpMethod": "POST",
        "headers": headers,
        "queryStringParameters": None,
        "requestContext": {"requestId": "q-1", "identity": {"sourceIp": "192.0.2.1"}, **context},
        "body": "{}",
    }


def websocket(kind: str) -> dict[str, Any]:
    context = {"apiId": "api", "connectionId": "c-1", "eventType": kind, "routeKey": "$default", "messageId": "w-1"}
    return {"requestContext": context, "body": "{}", "isBase64Encoded": False}


def logs(kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    content = {
        "messageType": kind,
        "owner": ACCOUNT,
        "logGroup": "g",
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [{"id": "1", "timestamp": 1, "message": "one"}],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(content).encode(), mtime=0)).decode()}}


def appsync(parent: str = "Mutation", key: str | None = "k-1") -> dict[str, Any]:
    return {
        "arguments": {"id": "7"},
        "identity": {"sub": "ann"},
        "source": None,
        "request": {"headers": {} if key is None else {"idempotency-key": key}},
        "info": {"fieldName": "placeOrder", "parentTypeName": parent, "variables": {}},
    }


RESOURCE = {"RequestType": "Create", "StackId": "arn:stack", "RequestId": "r-1", "LogicalResourceId": "Thing"}
INVOKED = {"functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:f:$LATEST", "requestId": "i-1"}
NOTICE = {"Type": "Notification", "MessageId": "n-1", "TopicArn": TOPIC, "Message": "one", "Timestamp": "t"}
CHANGE = {"eventID": "c-1", "tableName": "orders", "eventName": "INSERT", "dynamodb": {"Keys": {}}}
STATE = {"Execution": {"Id": "arn:x", "RedriveCount": 0}, "State": {"Name": "Pay", "EnteredTime": "t", "RetryCount": 0}}
CONFIG = {"configurationItem": {"resourceId": "i-1", "configurationItemCaptureTime": "t", "configurationStateId": 3}}
IN_WINDOW = {"window": {"start": "a", "end": "b"}, "state": {}, "isFinalInvokeForWindow": False}
URL = "u.lambda-url.eu-west-1.on.aws"
RULE = ["arn:aws:events:eu-west-1:111122223333:rule/nightly"]

QUEUED = ("queue", "message_id")
CALLED = ("method", "route", "idempotency-key")
PATHED = ("method", "path", "idempotency-key")
SERVED = ("method", "path", "service", "idempotency-key")
OBJECT = ("bucket", "key", "event", "sequencer")
KAFKA = ("cluster", "topic", "partition", "timestamp", "offset")

SAMPLES: dict[str, tuple[Any, str, str, tuple[str, ...] | None]] = {
    "sqs": ({"Records": [sqs()]}, "sqs", "natural", QUEUED),
    "sqs in a pipe": ([sqs()], "sqs", "natural", QUEUED),
    "sqs fifo": ({"Records": [sqs(queue=f"{QUEUE}.fifo", MessageGroupId="g")]}, "sqs-fifo", "natural", QUEUED),
    "sns in sqs": ({"Records": [sqs(json.dumps(NOTICE))]}, "sqs", "natural", ("queue", "topic", "message_id")),
    "eventbridge in sqs": (
        {"Records": [sqs(json.dumps(envelope()))]},
        "sqs",
        "natural",
        ("queue", "account", "source", "id"),
    ),
    "s3 in sqs": ({"Records": [sqs(json.dumps({"Records": [s3()]}))]}, "sqs", "natural", ("queue", *OBJECT)),
    "two of s3 in sqs": (
        {"Records": [sqs(json.dumps({"Records": [s3(), s3("0C")]}))]},
        "sqs",
        "natural",
        ("queue", "records"),
    ),
    "activemq": (
        {"eventSource": "aws:amq", "eventSourceArn": BROKER, "messages": [activemq()]},
        "activemq",
        "natural",
        ("broker", "destination", "message_id"),
    ),
    "rabbitmq": (
        {"eventSource": "aws:rmq", "eventSourceArn": BROKER, "rmqMessagesByQueue": {"orders::/": [rabbit("m-1")]}},
        "rabbitmq",
        "natural",
        ("broker", "queue", "message_id"),
    ),
    "rabbitmq without id": (
        {"eventSource": "aws:rmq", "eventSourceArn": BROKER, "rmqMessagesByQueue": {"orders::/": [rabbit(None)]}},
        "rabbitmq",
        "client",
        None,
    ),
    "rabbitmq in a pipe": (
        [{"eventSource": "aws:rmq", "eventSourceArn": BROKER, "eventSourceKey": "orders::/", **rabbit("m-1")}],
        "rabbitmq",
        "natural",
        ("broker", "queue", "message_id"),
    ),
    "rest": (rest({"Idempotency-Key": "k-1"}), "rest-api", "client", CALLED),
    "rest without key": (rest(None), "rest-api", "client", None),
    "http api": (http_api(), "http-api", "client", CALLED),
    "function url": (http_api(domainName=URL) | {"routeKey": "$default"}, "function-url", "client", PATHED),
    "alb": (
        {
            "requestContext": {"elb": {"targetGroupArn": "arn:tg"}},
            "httpMethod": "POST",
            "path": "/orders",
            "multiValueHeaders": {"idempotency-key": ["k-1"]},
            "body": "",
        },
        "alb",
        "client",
        PATHED,
    ),
    "lattice": (
        {
            "version": "2.0",
            "path": "/orders",
            "method": "POST",
            "headers": {"idempotency-key": ["k-1"]},
            "requestContext": {"serviceArn": "arn:svc", "targetGroupArn": "arn:tg"},
        },
        "vpc-lattice",
        "client",
        SERVED,
    ),
    "lattice 1": (
        {"raw_path": "/orders", "method": "POST", "headers": {"idempotency-key": "k-1"}, "is_base64_encoded": False},
        "vpc-lattice-v1",
        "client",
        PATHED,
    ),
    "websocket connect": (websocket("CONNECT"), "websocket", "natural", ("api", "connection", "event")),
    "websocket message": (websocket("MESSAGE"), "websocket", "client", None),
    "authorizer": ({**http_api(), "type": "REQUEST", "routeArn": "arn:r"}, "authorizer", "never", None),
    "token authorizer": (
        {"type": "TOKEN", "methodArn": "arn:m", "authorizationToken": "t"},
        "authorizer",
        "never",
        None,
    ),
    "appsync": (appsync(), "appsync", "client", ("field", "idempotency-key")),
    "appsync query": (appsync("Query"), "appsync", "never", None),
    "appsync batch": ([appsync(), appsync()], "appsync", "client", ("field", "idempotency-key", "elements")),
    "sns": ({"Records": [{"EventSource": "aws:sns", "Sns": NOTICE}]}, "sns", "natural", ("topic", "message_id")),
    "s3": ({"Records": [s3()]}, "s3", "natural", OBJECT),
    "s3 test": ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "files"}, "s3-test", "never", None),
    "s3 over eventbridge": (
        envelope(
            **{"source": "aws.s3", "detail-type": "Object Created"},
            detail={"bucket": {"name": "files"}, "object": {"key": "a", "sequencer": "0A"}},
        ),
        "s3-eventbridge",
        "natural",
        OBJECT,
    ),
    "eventbridge": (envelope(), "eventbridge", "natural", ("account", "source", "id")),
    "a replay": (envelope(**{"replay-name": "r"}), "eventbridge", "natural", ("account", "source", "replay", "id")),
    "a rule's schedule": (
        envelope(**{"source": "aws.events", "detail-type": "Scheduled Event", "resources": RULE}),
        "schedule-rule",
        "natural",
        ("schedule", "time"),
    ),
    "scheduler": (
        envelope(**{"source": "aws.scheduler", "detail-type": "Scheduled Event", "resources": RULE, "detail": "{}"}),
        "scheduler",
        "natural",
        ("schedule", "time"),
    ),
    "alarm": (
        {
            "source": "aws.cloudwatch",
            "alarmArn": "arn:a",
            "alarmData": {"state": {"value": "ALARM", "timestamp": "t"}},
        },
        "cloudwatch-alarm",
        "natural",
        ("alarm", "state", "since"),
    ),
    "ses": (
        {
            "Records": [
                {
                    "eventSource": "aws:ses",
                    "ses": {"mail": {"messageId": "m"}, "receipt": {"action": {"functionArn": "f"}}},
                }
            ]
        },
        "ses",
        "natural",
        ("rule", "message_id"),
    ),
    "kinesis": ({"Records": [kinesis()]}, "kinesis", "natural", ("stream", "event_id")),
    "kinesis in a pipe": (
        [{**kinesis(), **kinesis()["kinesis"], "kinesis": None}],
        "kinesis",
        "natural",
        ("stream", "event_id"),
    ),
    "dynamodb over kinesis": (
        {"Records": [kinesis(json.dumps(CHANGE).encode())]},
        "kinesis",
        "natural",
        ("stream", "table", "event_id"),
    ),
    "dynamodb": ({"Records": [dynamodb()]}, "dynamodb", "natural", ("stream", "event_id")),
    "a window": ({"Records": [dynamodb()], **IN_WINDOW}, "stream-window", "never", None),
    "kafka": (
        {"eventSource": "aws:kafka", "eventSourceArn": CLUSTER, "records": {"orders-0": [kafka()]}},
        "kafka",
        "natural",
        KAFKA,
    ),
    "own kafka": (
        {"eventSource": "SelfManagedKafka", "bootstrapServers": "b:1,a:1", "records": {"orders-0": [kafka()]}},
        "kafka",
        "natural",
        KAFKA,
    ),
    "documentdb": (
        {"eventSource": "aws:docdb", "eventSourceArn": "arn:d", "events": [{"event": {"_id": {"_data": "01"}}}]},
        "documentdb",
        "natural",
        ("cluster", "position"),
    ),
    "destination": (
        {"requestContext": {**INVOKED, "condition": "Success"}, "requestPayload": {}, "responsePayload": {}},
        "lambda-destination",
        "natural",
        ("condition", "request_id"),
    ),
    "stream failure": (
        {
            "requestContext": INVOKED,
            "responseContext": {},
            "KinesisBatchInfo": {"shardId": "s", "startSequenceNumber": "1"},
        },
        "stream-failure",
        "natural",
        ("shard", "start", "request_id"),
    ),
    "logs": (logs(), "cloudwatch-logs", "natural", ("owner", "group", "stream", "filters", "lines")),
    "logs control": (logs("CONTROL_MESSAGE"), "cloudwatch-logs", "never", None),
    "cloudformation": (
        {**RESOURCE, "ResponseURL": "https://example.com/?X-Amz-Signature=1"},
        "cloudformation",
        "natural",
        ("stack", "resource", "type", "request_id"),
    ),
    "cdk provider": (RESOURCE, "cdk-provider", "never", None),
    "codepipeline": (
        {"CodePipeline.job": {"id": "j", "data": {"continuationToken": "2"}}},
        "codepipeline",
        "natural",
        ("continuation", "job"),
    ),
    "codedeploy": (
        {"DeploymentId": "d", "LifecycleEventHookExecutionId": "h"},
        "codedeploy",
        "natural",
        ("hook", "deployment"),
    ),
    "codecommit": (
        {"Records": [{"eventSource": "aws:codecommit", "eventId": "e"}]},
        "codecommit",
        "natural",
        ("event_id",),
    ),
    "s3 batch": (
        {
            "invocationSchemaVersion": "1.0",
            "invocationId": "i",
            "job": {"id": "j"},
            "tasks": [{"taskId": "t", "s3Key": "a"}],
        },
        "s3-batch",
        "natural",
        ("job", "task"),
    ),
    "rotation": (
        {"SecretId": "arn:s", "ClientRequestToken": "v", "Step": "createSecret"},
        "secrets-rotation",
        "natural",
        ("arn", "step", "version"),
    ),
    "config": (
        {"invokingEvent": json.dumps(CONFIG), "resultToken": "x", "configRuleArn": "arn:c"},
        "config",
        "natural",
        ("rule", "resource", "state", "captured"),
    ),
    "config schedule": (
        {
            "invokingEvent": json.dumps({"notificationCreationTime": "t"}),
            "resultToken": "x",
            "configRuleArn": "arn:c",
        },
        "config",
        "natural",
        ("rule", "time"),
    ),
    "campaign": (
        {"InvocationMetadata": {}, "Items": {"CustomerProfiles": [{"ProfileId": "p", "IdempotencyToken": "i"}]}},
        "connect-campaign",
        "natural",
        ("token",),
    ),
    "confirmation": (
        {"triggerSource": "PostConfirmation_ConfirmSignUp", "userPoolId": "p", "userName": "u"},
        "cognito",
        "explicit",
        None,
    ),
    "sign-up": ({"triggerSource": "PreSignUp_SignUp", "userPoolId": "p", "userName": "u"}, "cognito", "never", None),
    "lex fulfilment": (
        {"bot": {}, "messageVersion": "1.0", "invocationSource": "FulfillmentCodeHook", "sessionState": {}},
        "lex",
        "explicit",
        None,
    ),
    "lex dialog": (
        {"bot": {}, "messageVersion": "1.0", "invocationSource": "DialogCodeHook", "currentIntent": {}},
        "lex",
        "never",
        None,
    ),
    "connect": (
        {"Name": "ContactFlowEvent", "Details": {"ContactData": {"ContactId": "c"}}},
        "connect",
        "explicit",
        None,
    ),
    "step functions": (STATE, "step-functions", "explicit", None),
    "durable": ({"DurableExecutionArn": "arn:d", "CheckpointToken": "c"}, "durable-function", "never", None),
    "appsync authorizer": (
        {"authorizationToken": "t", "requestContext": {"queryString": "query { a }"}},
        "appsync-authorizer",
        "never",
        None,
    ),
    "appsync events": (
        {"events": [], "info": {"channel": {"path": "/a"}, "operation": "PUBLISH"}},
        "appsync-events",
        "never",
        None,
    ),
    "object lambda": ({"xAmzRequestId": "x", "getObjectContext": {}}, "s3-object-lambda", "never", None),
    "edge": ({"Records": [{"cf": {"config": {}, "request": {}}}]}, "lambda-edge", "never", None),
    "firehose": ({"invocationId": "i", "deliveryStreamArn": "arn:f", "records": []}, "firehose", "never", None),
    "analytics": ({"invocationId": "i", "applicationArn": "arn:a", "records": []}, "kinesis-analytics", "never", None),
    "cognito sync": ({"datasetRecords": {}, "identityPoolId": "p"}, "cognito-sync", "never", None),
    "bedrock": ({"messageVersion": "1.0", "agent": {}, "actionGroup": "g"}, "bedrock-agent", "never", None),
    "transfer": ({"serverId": "s", "username": "u", "protocol": "SFTP"}, "transfer-family", "never", None),
    "vpn": ({"connection-id": "c", "endpoint-id": "e"}, "client-vpn", "never", None),
    "iot authorizer": ({"protocolData": {}, "connectionMetadata": {}}, "iot-authorizer", "never", None),
    "provisioning": ({"claimCertificateId": "c", "certificatePem": "p"}, "iot-provisioning", "never", None),
    "widget": ({"widgetContext": {}}, "cloudwatch-widget", "never", None),
    "alexa": ({"directive": {"header": {"namespace": "Alexa"}}}, "alexa", "never", None),
    "direct": ({"order": 7}, "direct", "explicit", None),
    "no object": ("order", "direct", "explicit", None),
    "empty batch": ({"Records": []}, "direct", "never", None),
    "empty queue": ({"eventSource": "aws:amq", "eventSourceArn": "a", "messages": []}, "activemq", "never", None),
}
"""Each event with its source, its class, and the names of its identity's fields."""
