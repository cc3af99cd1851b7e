"""AWS: a simulator in this process (moto), and what it does not do itself."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ...lab.context import ACCOUNT
from ..messages import Answer, AwsRequest
from ..observe.plain import of_bytes
from .supply import Supplier, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..messages import HttpRequest
    from .elsewhere import Elsewhere

HOST = re.compile(r"(?:(?P<first>[a-z0-9.-]+)\.)?amazonaws\.com(?:\.cn)?$")
TARGETED = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "AWSStepFunctions": "stepfunctions",
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "secretsmanager": "secretsmanager",
    "AmazonSSM": "ssm",
    "Logs_20140328": "logs",
    "TrentService": "kms",
    "DynamoDBStreams_20120810": "dynamodbstreams",
}
INSERT = re.compile(r'\s*INSERT\s+INTO\s+"?([\w.-]+)', re.IGNORECASE)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html"""
S3_NAMES = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "POST": "PostObject",
}


class Aws:
    """AWS in one world."""

    def __init__(
        self, answers: Mapping[str, Any], say: Callable[[str], None], elsewhere: Elsewhere | None, *, tokens: bool
    ) -> None:
        """Begin where the zygote's simulator is.

        Args:
            answers: "service.Operation" to what it answers; they win over the simulator.
            say: told what is supplied.
            elsewhere: a real simulator, in the place of this process's.
            tokens: whether services that deduplicate by a token do so.
        """
        self._answers = answers
        self._say = say
        self._elsewhere = elsewhere
        self._tokens = tokens
        self._by_token: dict[tuple[str, str, str], tuple[Any, Answer]] = {}
        self._supplier = Supplier(self._make, say)
        self._content_based: dict[tuple[str, str], bool] = {}
        self._count = 0
        self.unanswered: list[str] = []
        """What the simulator does not know, in words."""
        self.supplies: list[tuple[Any, ...]] = []
        """The calls that made what was missing."""

    def answer(self, request: AwsRequest, delivery: int, *, is_read: bool, is_state: bool, token: str | None) -> Answer:
        """Do what is asked, once for each token."""
        self._count += 1
        self._draw(request, delivery, is_read=is_read)
        if token is None or not self._tokens:
            answer = self._fresh(request, is_read=is_read, is_state=is_state)
        else:
            rest = {name: value for name, value in request.parameters.items() if value != token}
            known = self._by_token.get((request.service, request.name, token))
            if known is None:
                answer = self._fresh(request, is_read=is_read, is_state=is_state)
                if answer.status < 300:
                    self._by_token[request.service, request.name, token] = (rest, answer)
            else:
                answer = known[1] if known[0] == rest else _error("IdempotentParameterMismatchException")
        return answer._replace(headers=self._own_headers(answer.headers, delivery))

    def acknowledged(self, request: AwsRequest, delivery: int) -> Answer:
        """What SQS answers about a message that the platform delivered: no queue of the simulator has it."""
        self._count += 1
        entries = [{"Id": entry.get("Id")} for entry in request.parameters.get("Entries", [])]
        given = {"Successful": entries} if entries else {}
        return Answer(200, self._own_headers(_kind(request), delivery), _empty(request), given)

    def call(self, service: str, host: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST") -> Answer:
        """Do something of the world's own; `host` may have a path."""
        return self.send(method, f"https://{host}", {"Authorization": _signed(service), **headers}, body)

    def is_content_based(self, service: str, name: str) -> bool:
        """Whether a FIFO queue or topic deduplicates by content."""
        known = self._content_based.get((service, name))
        if known is None:
            known = self._content_based[service, name] = self._asked(service, name)
        return known

    def _asked(self, service: str, name: str) -> bool:
        if service == "sqs":
            headers = {"X-Amz-Target": "AmazonSQS.GetQueueAttributes", "Content-Type": "application/x-amz-json-1.0"}
            asked = {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{name}", "AttributeNames": ["All"]}
            body = self.call(service, "sqs.us-east-1.amazonaws.com/", headers, json.dumps(asked).encode()).body
            return b'"ContentBasedDeduplication": "true"' in body or b'"ContentBasedDeduplication":"true"' in body
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        asked_form = f"Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:{ACCOUNT}:{name}"
        body = self.call(service, "sns.us-east-1.amazonaws.com/", headers, asked_form.encode()).body
        return bool(re.search(rb"ContentBasedDeduplication</key>\s*<value>true", body, re.IGNORECASE))

    def _make(
        self, service: str, host: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST"
    ) -> Answer:
        answer = self.call(service, host, headers, body, method=method)
        if answer.status < 400:
            self.supplies.append((service, host, tuple(headers.items()), body, method))
        return answer

    def _fresh(self, request: AwsRequest, *, is_read: bool, is_state: bool) -> Answer:
        given = self._answers.get(f"{request.service}.{request.name}")
        if given is not None:
            return Answer(200, _kind(request), _empty(request), given)
        if request.service == "lambda" and request.name in ("Invoke", "InvokeAsync"):
            return self._invoke(request)
        for _ in range(4):
            answer = self._sent(request)
            if answer.status < 400 or not self._supplier.supply(request, answer):
                break
        name = f"{request.service}.{request.name}"
        if (is_read or is_state) and code_of(answer) == "NotImplemented":
            self.unanswered.append(
                f"the simulator has no {name}, or fails at it: give its answer in the world's `answers`"
            )
        if answer.status < 400 or is_read or is_state or not self._supplier.is_absent(answer):
            return answer
        self._say(f"that {request.service} {request.name} succeeds")
        return Answer(200, _kind(request), _empty(request), {})

    def _sent(self, request: AwsRequest) -> Answer:
        """What the simulator answers; where it overwrites what INSERT must not, what DynamoDB would."""
        insert = INSERT.match(str(request.parameters.get("Statement"))) if request.service == "dynamodb" else None
        before = self._items(insert[1]) if insert else []
        answer = self.send(request.method, request.url, request.headers, request.body)
        if insert is None or answer.status >= 400 or len(self._items(insert[1])) > len(before):
            return answer
        for item in before:
            self._dynamodb("PutItem", {"TableName": insert[1], "Item": item})
        return _error("DuplicateItemException")

    def _items(self, table: str) -> list[Any]:
        found: list[Any] = self._dynamodb("Scan", {"TableName": table}).get("Items", [])
        return found

    def _dynamodb(self, name: str, parameters: Mapping[str, Any]) -> Any:
        headers = {"X-Amz-Target": f"DynamoDB_20120810.{name}", "Content-Type": "application/x-amz-json-1.0"}
        body = json.dumps(parameters).encode()
        return json.loads(self.call("dynamodb", "dynamodb.us-east-1.amazonaws.com/", headers, body).body)

    def _invoke(self, request: AwsRequest) -> Answer:
        """Never the simulator's: it would start a container."""
        kind = request.parameters.get("InvocationType", "RequestResponse")
        if kind == "RequestResponse":
            self._say(f"that the function {request.parameters.get('FunctionName')} answers {{}}")
            return Answer(200, {"Content-Type": "application/json"}, b"{}")
        return Answer(204 if kind == "DryRun" else 202, {}, b"")

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask the simulator."""
        if self._elsewhere is not None and self._elsewhere.serves(headers):
            return self._elsewhere.send(headers, body)
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders
        from moto.core.models import botocore_stubber

        given = HTTPHeaders()
        for name, value in headers.items():
            given[name] = value
        try:
            found = botocore_stubber.process_request(AWSPreparedRequest(method, url, given, body, False))
        except Exception:  # noqa: BLE001 - NotImplementedError, and whatever a part that is not complete raises
            return _error("NotImplemented")
        if found is None or (found[0] == 404 and found[2] == "Not yet implemented"):
            return _error("NotImplemented")
        status, answered, content = found
        text = {str(name): str(value) for name, value in answered.items()}
        return Answer(int(status), text, content.encode() if isinstance(content, str) else bytes(content))

    def _draw(self, request: AwsRequest, delivery: int, *, is_read: bool) -> None:
        """Reads answer equal requests equally; what creates, makes new ids each time."""
        what = f"{request.service} {request.name} "
        what += json.dumps(request.parameters, sort_keys=True, default=str) if is_read else f"{delivery} {self._count}"
        random.seed(what)
        from moto.moto_api._internal import mock_random

        mock_random.seed(what)

    def _own_headers(self, headers: Mapping[str, str], delivery: int) -> dict[str, str]:
        """Each answer has its own request id and time: real handlers store whole answers."""
        digest = hashlib.sha256(f"{delivery} {self._count}".encode()).hexdigest()
        request_id = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("x-amzn-requestid", "x-amz-request-id", "x-amz-id-2", "date", "server")
        }
        return {
            **kept,
            "x-amzn-RequestId": request_id,
            "x-amz-request-id": request_id,
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        }


def recognise(request: HttpRequest) -> AwsRequest | None:
    """An AWS call that did not come through botocore: signed by hand, presigned, or from aiobotocore."""
    parts = urlsplit(request.url)
    match = HOST.search(parts.hostname or "")
    if match is None:
        return None
    body, headers = request.body, request.headers
    target = headers.get("x-amz-target", "")
    if target:
        prefix, _, name = target.rpartition(".")
        service = TARGETED.get(prefix, prefix.lower())
        parameters = _loaded(body)
    elif b"Action=" in body or "Action=" in parts.query:
        service = re.split(r"[.]", match["first"] or "")[0]
        fields = parse_qs(body.decode("utf-8", "replace") or parts.query)
        parameters = {name: values[0] for name, values in fields.items()}
        name = str(parameters.pop("Action", ""))
        parameters.pop("Version", None)
    elif re.search(r"(^|\.)s3[.-]", f"{match['first']}."):
        service, (name, parameters) = "s3", _s3(request.method, parts.hostname or "", parts.path)
    else:
        service, name = re.split(r"[.]", match["first"] or "")[0], f"{request.method} {parts.path}"
        parameters = {**_loaded(body), "path": parts.path}
    return AwsRequest(
        service=service,
        name=name,
        parameters=parameters,
        tokens=(),
        is_readonly=request.method in ("GET", "HEAD"),
        is_idempotent=False,
        invocation=headers.get("amz-sdk-invocation-id", ""),
        method=request.method,
        url=request.url,
        headers=headers,
        body=body,
        line=request.line,
        now=request.now,
        step=request.step,
    )


def parameters_of(request: AwsRequest) -> AwsRequest:
    """With the parameters as they were sent: boto3's resources change them after we saw them."""
    if request.service == "dynamodb" and request.body:
        return request._replace(parameters=_loaded(request.body))
    if request.service == "s3" and request.name == "PutObject" and "Body" in request.parameters:
        return request._replace(parameters={**request.parameters, "Body": of_bytes(request.body)})
    return request


def _s3(method: str, host: str, path: str) -> tuple[str, dict[str, Any]]:
    first = host.split(".s3", 1)[0] if ".s3" in host else ""
    bucket, key = (first, path.lstrip("/")) if first else [*path.lstrip("/").split("/", 1), ""][:2]
    if not key:
        return {"GET": "ListObjectsV2", "PUT": "CreateBucket"}.get(method, S3_NAMES[method]), {"Bucket": bucket}
    return S3_NAMES.get(method, method), {"Bucket": bucket, "Key": key}


def _loaded(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(code: str) -> Answer:
    """An error in the words of all protocols at once."""
    text = f"{code}: the audit's simulator says so."
    body = json.dumps({"__type": code, "message": text})
    return Answer(400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body.encode())


def _kind(request: AwsRequest) -> dict[str, str]:
    return {"Content-Type": request.headers.get("Content-Type") or request.headers.get("content-type") or "text/xml"}


def _empty(request: AwsRequest) -> bytes:
    """An answer that says nothing, in the protocol that the request is in."""
    kind = _kind(request)["Content-Type"]
    if "json" in kind:
        return b"{}"
    if "cbor" in kind:
        return b"\xa0"
    if request.body.startswith(b"Action=") or b"&Action=" in request.body:
        name = request.name
        return f"<{name}Response><{name}Result/></{name}Response>".encode()
    return b""


def _signed(service: str) -> str:
    scope = f"audit/20261230/us-east-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={ACCOUNT}"
