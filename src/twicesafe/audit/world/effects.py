"""The table of effects: what an operation is, by the first question that answers. Pure.

    ignored        it changes nothing that anybody counts: telemetry, the parts of an upload
    state          it is executed, and the state is compared
    keyed          the receiver deduplicates by a key
    read           it changes nothing
    same           it is idempotent with equal parameters
    accumulating   all else

Expressions are never read: they are executed. Models of AWS say something of themselves too (readonly,
idempotent), but not of DynamoDB, S3, SQS, SNS, and wrongly in places: they are asked last.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from ..results import Key, Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..messages import AwsRequest, HttpRequest
    from ..results import Effect

MINUTE = 60
DAY = 86_400
FIFO = 5 * MINUTE
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html"""
TRANSACTION = 10 * MINUTE
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
EXECUTION = 90 * DAY
"""https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""

IGNORED = {
    "cloudwatch": {"PutMetricData"},
    "s3": {"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "AbortMultipartUpload"},
    "sqs": {"ChangeMessageVisibility", "ChangeMessageVisibilityBatch"},
}
TELEMETRY = ("logs", "xray", "application-signals")
STATE = {
    "dynamodb": {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "ExecuteTransaction",
        "BatchExecuteStatement",
        "ExecuteStatement",
    },
    "s3": {"PutObject", "DeleteObject", "DeleteObjects", "CopyObject", "CompleteMultipartUpload"},
}
READS = {
    "sqs": {"ReceiveMessage"},
    "s3": {"GetObject", "HeadObject", "HeadBucket", "SelectObjectContent"},
    "sts": None,  # all of it
    "bedrock-runtime": None,
    "comprehend": {"ContainsPiiEntities"},
    "kms": {"Encrypt", "Sign", "ReEncrypt", "Verify", "VerifyMac"},
    "stepfunctions": {"SendTaskHeartbeat"},
    "athena": {"GetQueryResults"},
    "lambda": {"GetFunction"},
}
READ = re.compile(
    r"(Get|List|Describe|Query|Scan|BatchGet|Head|Search|Lookup|Select|Detect|BatchDetect|Translate|Recognize|Analyze"
    r"|Synthesize|InvokeModel|Converse|Retrieve|Decrypt|GenerateDataKey|GenerateMac|AssumeRole|TransactGet"
    r"|Estimate|Check|Validate|Classify|Compare|Forecast|Preview|Test|Simulate|Calculate|Count|Can|Is)(?![a-z])"
)
SAME = re.compile(
    r"(Put|Set|Update|Delete|Tag|Untag|Attach|Detach|Enable|Disable|Modify|Stop|Terminate|Cancel|Associate|Disassociate"
    r"|Remove|Replace|Reset|Restore|Suspend|Resume|Register|Deregister|Grant|Revoke|Activate|Deactivate)(?![a-z])"
)
ADDING = {
    "PutEvents",
    "PutRecord",
    "PutRecords",
    "PutRecordBatch",
    "PutLogEvents",
    "PutMetricData",
    "GetUserAttributeVerificationCode",
}
"""Their names say Put or Get, and each call adds, or sends."""
TARGETS = (
    "TableName",
    "QueueUrl",
    "QueueName",
    "TopicArn",
    "TargetArn",
    "PhoneNumber",
    "stateMachineArn",
    "FunctionName",
    "StreamName",
    "DeliveryStreamName",
    "EventBusName",
    "SecretId",
    "ClusterArn",
    "resourceArn",
    "Bucket",
    "Name",
    "name",
)
PROVIDERS = {
    "api.stripe.com": "idempotency-key",
    "api-m.paypal.com": "paypal-request-id",
    "api-m.sandbox.paypal.com": "paypal-request-id",
    "connect.squareup.com": "body:idempotency_key",
    "connect.squareupsandbox.com": "body:idempotency_key",
    "api.adyen.com": "idempotency-key",
    "checkout-test.adyen.com": "idempotency-key",
}
"""Hosts that say in their documents that they honour a key, and where they look for it."""
HORIZONS = {"api.stripe.com": DAY}
"""Seconds: https://docs.stripe.com/api/idempotent_requests"""
KEY_HEADERS = ("idempotency-key", "x-idempotency-key", "paypal-request-id")


class Classified(NamedTuple):
    """What an operation is."""

    effect: Effect
    target: str
    outgoing: tuple[Outgoing, ...] = ()
    token: Key | None = None
    is_assumed: bool = False


def of_aws(request: AwsRequest, *, is_content_based: Callable[[str], bool], received: Sequence[str]) -> Classified:
    """What an AWS call is.

    Args:
        is_content_based: whether the queue or topic of this name deduplicates by content.
        received: the receipt handles of messages that this delivery received, or was made of.
    """
    service, name, parameters = request.service, request.name, request.parameters
    target = target_of(service, name, parameters)
    if service in TELEMETRY or name in IGNORED.get(service, ()):
        return Classified("ignored", target)
    if service == "sqs" and name in ("DeleteMessage", "DeleteMessageBatch") and handles_in(parameters) <= set(received):
        return Classified("ignored", target)
    if name in STATE.get(service, ()) and not _is_select(parameters):
        return Classified("state", target, token=_token(request))
    keyed = _keyed(request, target, is_content_based)
    if keyed is not None:
        return Classified("keyed" if all(each.key for each in keyed) else "accumulating", target, keyed)
    reads = READS.get(service, ())
    if reads is None or name in reads or (READ.match(name) and name not in ADDING):
        return Classified("read", target)
    content = (Outgoing(dict(parameters)),)
    if (SAME.match(name) and name not in ADDING) or request.is_idempotent:
        return Classified("same", target, content)
    if request.is_readonly:
        return Classified("read", target)
    return Classified("accumulating", target, content)


def target_of(service: str, name: str, parameters: Mapping[str, Any]) -> str:
    """What it is done to, in short."""
    if service == "dynamodb" and "TableName" not in parameters:
        return " ".join(sorted(_tables(parameters)))
    if service == "s3" and "Bucket" in parameters:
        return f"{parameters['Bucket']}/{parameters['Key']}" if "Key" in parameters else str(parameters["Bucket"])
    if service == "events" and name == "PutEvents":
        entries = parameters.get("Entries") or [{}]
        return str(entries[0].get("DetailType") or "")
    found = next((parameters[each] for each in TARGETS if isinstance(parameters.get(each), str)), "")
    return re.split(r"[/:]", found)[-1] if found.startswith(("arn:", "http")) else str(found)


def _tables(parameters: Any) -> set[str]:
    """Names of tables, wherever they stand in the parameters of a batch or a transaction."""
    if isinstance(parameters, dict):
        items = parameters.get("RequestItems")
        named = set(items) if isinstance(items, dict) else set()
        if isinstance(parameters.get("TableName"), str):
            named.add(parameters["TableName"])
        return named.union(*(_tables(each) for each in parameters.values())) if parameters else named
    if isinstance(parameters, list):
        return set().union(*(_tables(each) for each in parameters))
    return set()


def _is_select(parameters: Mapping[str, Any]) -> bool:
    """Whether it is PartiQL that only reads."""
    statements = [parameters.get("Statement")]
    statements += [
        each.get("Statement") for key in ("Statements", "TransactStatements") for each in parameters.get(key, [])
    ]
    texts = [each for each in statements if isinstance(each, str)]
    return bool(texts) and all(text.lstrip().upper().startswith("SELECT") for text in texts)


def handles_in(parameters: Mapping[str, Any]) -> set[str]:
    """The receipt handles of the messages that a request to SQS is about."""
    entries = parameters.get("Entries") or [parameters]
    return {str(entry.get("ReceiptHandle")) for entry in entries}


def _token(request: AwsRequest) -> Key | None:
    for name in ("ClientRequestToken", *request.tokens):
        value = request.parameters.get(name)
        if isinstance(value, str):
            is_transaction = request.service == "dynamodb"
            return Key(name, value, _system(request.service), TRANSACTION if is_transaction else None)
    return None


def _system(service: str) -> str:
    return {"dynamodb": "DynamoDB", "sqs": "SQS FIFO", "sns": "SNS FIFO", "stepfunctions": "Step Functions"}.get(
        service, service
    )


def _keyed(request: AwsRequest, target: str, is_content_based: Callable[[str], bool]) -> tuple[Outgoing, ...] | None:
    """What is sent, one by one, where the receiver looks at a key."""
    service, name, parameters = request.service, request.name, request.parameters
    if (service, name) in (("sqs", "SendMessage"), ("sns", "Publish")):
        return (_message(request, parameters, target, is_content_based),)
    if (service, name) in (("sqs", "SendMessageBatch"), ("sns", "PublishBatch")):
        entries = parameters.get("Entries") or parameters.get("PublishBatchRequestEntries") or []
        return tuple(_message(request, entry, target, is_content_based) for entry in entries)
    if service == "stepfunctions" and name == "StartExecution":
        content = {each: parameters.get(each) for each in ("stateMachineArn", "input")}
        key = Key("name", str(parameters["name"]), "Step Functions", EXECUTION) if "name" in parameters else None
        return (Outgoing(content, key),)
    token = _token(request)
    if token is None:
        return None
    content = {each: value for each, value in parameters.items() if each != token.name}
    return (Outgoing(content, token),)


def _message(
    request: AwsRequest, message: Mapping[str, Any], target: str, is_content_based: Callable[[str], bool]
) -> Outgoing:
    left_out = ("Id", "MessageDeduplicationId")
    content = {name: value for name, value in message.items() if name not in left_out}
    if not target.endswith(".fifo"):
        return Outgoing(content)
    system = _system(request.service)
    if message.get("MessageDeduplicationId") is not None:
        return Outgoing(content, Key("MessageDeduplicationId", str(message["MessageDeduplicationId"]), system, FIFO))
    body = str(message.get("MessageBody") or message.get("Message") or "")
    if is_content_based(target):
        return Outgoing(content, Key("its content", hashlib.sha256(body.encode()).hexdigest(), system, FIFO))
    return Outgoing(content)


def of_http(request: HttpRequest, honours: Mapping[str, str], reads: Sequence[str]) -> Classified:
    """What a request to any other host is.

    Args:
        honours: hosts that honour a key, and where it stands; the user's own first.
        reads: "METHOD URL" of what only reads, with stars.
    """
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    target = f"{parts.scheme}://{parts.netloc}{parts.path}"
    method = request.method.upper()
    if method in ("GET", "HEAD", "OPTIONS", "TRACE") or _asks_for_token(request) or _is_read(request, reads):
        return Classified("read", target)
    content = body_of(request)
    outgoing = Outgoing({"query": parts.query, "body": content} if parts.query else content)
    if method in ("PUT", "DELETE"):
        return Classified("same", target, (outgoing,), is_assumed=True)  # RFC 9110, 9.2.2
    honoured = {**PROVIDERS, **honours}.get(host)
    if honoured is not None:
        value = _value(request, content, honoured)
        key = Key(honoured.removeprefix("body:"), value, host, HORIZONS.get(host)) if value else None
        return Classified("keyed" if key else "accumulating", target, (outgoing._replace(key=key),))
    name = next((each for each in KEY_HEADERS if request.headers.get(each)), None)
    if name is not None:
        key = Key(name, request.headers[name], host, None, is_honoured=False)
        return Classified("keyed", target, (outgoing._replace(key=key),), is_assumed=True)
    return Classified("accumulating", target, (outgoing,), is_assumed=True)


def body_of(request: HttpRequest) -> Any:
    """Its body as data, where it is JSON or a form."""
    kind = request.headers.get("content-type", "")
    text = request.body.decode("utf-8", "replace")
    with suppress(ValueError):
        return json.loads(text)
    if "urlencoded" in kind and text:
        return {name: values[0] if len(values) == 1 else values for name, values in parse_qs(text, True).items()}
    boundary = re.search(r'boundary="?([^";]+)', kind)
    return text.replace(boundary.group(1), "BOUNDARY") if boundary else text


def _value(request: HttpRequest, content: Any, where: str) -> str | None:
    if where.startswith("body:"):
        found = content.get(where[len("body:") :]) if isinstance(content, dict) else None
        return str(found) if found else None
    return request.headers.get(where.lower())


def _asks_for_token(request: HttpRequest) -> bool:
    return b"grant_type=" in request.body or urlsplit(request.url).path.endswith(("/oauth2/token", "/oauth/token"))


def _is_read(request: HttpRequest, reads: Sequence[str]) -> bool:
    import fnmatch

    return any(fnmatch.fnmatchcase(f"{request.method.upper()} {request.url}", pattern) for pattern in reads)
