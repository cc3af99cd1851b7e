"""What a world makes up when a handler uses what nobody declared: a table, a bucket, a queue, a topic, a sender."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..messages import Answer, AwsRequest

REGION = "us-east-1"
JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded"
ABSENT = re.compile(r"NotFound|NoSuch|DoesNotExist|NonExistent|NotExist|UnknownResource|NotImplemented")
HASHES = re.compile(r"(?i)pk|id|.*_?id|partition_?key")
RANGES = re.compile(r"(?i)sk|sort_?key")


def code_of(answer: Answer) -> str:
    """The error's code, whatever the protocol."""
    header = next((value for name, value in answer.headers.items() if name.lower() == "x-amzn-errortype"), "")
    text = answer.body.decode("utf-8", "replace")
    if not header and text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = {}
        header = str(found.get("__type") or found.get("code") or found.get("Code") or "")
    if not header:
        match = re.search(r"<Code>([^<]+)</Code>", text)
        header = match.group(1) if match else ""
    return header.rsplit("#", 1)[-1].split(":")[0]


class Supplier:
    """Makes what is missing, and says so."""

    def __init__(self, call: Callable[..., Answer], say: Callable[[str], None]) -> None:
        self._call = call
        self._say = say

    def is_absent(self, answer: Answer) -> bool:
        """Whether the error is that something is not there."""
        return bool(ABSENT.search(code_of(answer)))

    def supply(self, request: AwsRequest, answer: Answer) -> bool:
        """Make what a refused request needs; whether it is worth asking again."""
        make = getattr(self, f"_{request.service.replace('-', '_')}", None)
        return bool(make is not None and make(request, code_of(answer)))

    def _dynamodb(self, request: AwsRequest, code: str) -> bool:
        missing_index = code == "ValidationException" and "IndexName" in request.parameters
        if code != "ResourceNotFoundException" and not missing_index:
            return False
        if missing_index:
            return False
        needs = list(_needs(request.parameters))
        if not needs:
            return False
        made = [self.table(name, keys_of(parameters)) for name, parameters in needs]
        return all(made)

    def table(self, name: str, keys: Mapping[str, str]) -> bool:
        """Make a table; a name that may be an ARN, and its key attributes with their types."""
        name = name.rsplit("/", 1)[-1]
        body = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
            "KeySchema": [
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        }
        headers = {"X-Amz-Target": "DynamoDB_20120810.CreateTable", "Content-Type": JSON}
        answer = self._call("dynamodb", f"dynamodb.{REGION}.amazonaws.com/", headers, json.dumps(body).encode())
        if answer.status >= 400:
            return code_of(answer) == "ResourceInUseException"
        self._say(f"the table {name!r} (key {', '.join(keys)})")
        return True

    def _s3(self, request: AwsRequest, code: str) -> bool:
        bucket = request.parameters.get("Bucket")
        if code not in ("NoSuchBucket", "404") or not isinstance(bucket, str):
            return False
        answer = self._call("s3", f"s3.amazonaws.com/{quote(bucket)}", {}, b"", method="PUT")
        return self._said(answer, f"the bucket {bucket!r}")

    def _sqs(self, request: AwsRequest, code: str) -> bool:
        name = str(request.parameters.get("QueueName") or request.parameters.get("QueueUrl") or "").rsplit("/", 1)[-1]
        if not ABSENT.search(code) or not name:
            return False
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        headers = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": JSON}
        body = json.dumps({"QueueName": name, "Attributes": attributes}).encode()
        answer = self._call("sqs", f"sqs.{REGION}.amazonaws.com/", headers, body)
        return self._said(answer, f"the queue {name!r}")

    def _sns(self, request: AwsRequest, code: str) -> bool:
        arn = str(request.parameters.get("TopicArn") or request.parameters.get("TargetArn") or "")
        name = arn.rsplit(":", 1)[-1]
        if not ABSENT.search(code) or not name:
            return False
        body = f"Action=CreateTopic&Version=2010-03-31&Name={quote(name)}"
        if name.endswith(".fifo"):
            body += "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true"
        answer = self._call("sns", f"sns.{REGION}.amazonaws.com/", {"Content-Type": FORM}, body.encode())
        return self._said(answer, f"the topic {name!r}")

    def _ses(self, request: AwsRequest, code: str) -> bool:
        source = str(request.parameters.get("Source") or request.parameters.get("FromEmailAddress") or "")
        address = (re.findall(r"<([^>]+)>", source) or [source])[0]
        if code != "MessageRejected" or not address:
            return False
        body = f"Action=VerifyEmailIdentity&Version=2010-12-01&EmailAddress={quote(address)}"
        answer = self._call("ses", f"email.{REGION}.amazonaws.com/", {"Content-Type": FORM}, body.encode())
        return self._said(answer, f"the verified sender {address!r}")

    _sesv2 = _ses  # both have the same senders

    def _kinesis(self, request: AwsRequest, code: str) -> bool:
        name = request.parameters.get("StreamName")
        if code != "ResourceNotFoundException" or not isinstance(name, str):
            return False
        headers = {"X-Amz-Target": "Kinesis_20131202.CreateStream", "Content-Type": "application/x-amz-json-1.1"}
        body = json.dumps({"StreamName": name, "ShardCount": 1}).encode()
        answer = self._call("kinesis", f"kinesis.{REGION}.amazonaws.com/", headers, body)
        return self._said(answer, f"the stream {name!r}")

    def _events(self, request: AwsRequest, code: str) -> bool:
        if code != "ResourceNotFoundException":
            return False
        entries = request.parameters.get("Entries") or []
        names = {str(entry.get("EventBusName")).rsplit("/", 1)[-1] for entry in entries if entry.get("EventBusName")}
        made = False
        for name in sorted(names):
            headers = {"X-Amz-Target": "AWSEvents.CreateEventBus", "Content-Type": "application/x-amz-json-1.1"}
            body = json.dumps({"Name": name}).encode()
            made = (
                self._said(self._call("events", f"events.{REGION}.amazonaws.com/", headers, body), f"the bus {name!r}")
                or made
            )
        return made

    def _said(self, answer: Answer, what: str) -> bool:
        if answer.status < 400:
            self._say(what)
        return answer.status < 400


def _needs(parameters: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Each table that a request names, with the part of it that says something of its keys."""
    if isinstance(parameters, list):
        return [each for part in parameters for each in _needs(part)]
    if not isinstance(parameters, dict):
        return []
    found: list[tuple[str, Mapping[str, Any]]] = []
    if isinstance(parameters.get("TableName"), str):
        found.append((parameters["TableName"], parameters))
    items = parameters.get("RequestItems")
    if isinstance(items, dict):
        for name, requests in items.items():
            first = requests[0] if isinstance(requests, list) and requests else requests
            inner = first if isinstance(first, dict) else {}
            put, delete = inner.get("PutRequest", {}), inner.get("DeleteRequest", {})
            keys = inner.get("Keys") or [{}]
            found.append((name, {"Item": put.get("Item"), "Key": delete.get("Key") or keys[0] or None}))
    for name, value in parameters.items():
        if name not in ("RequestItems", "Item", "Key", "ExpressionAttributeValues"):
            found += _needs(value)
    return found


def keys_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The key attributes that a request speaks of, with their types, hash key first."""
    key = parameters.get("Key")
    if isinstance(key, dict) and key:
        return dict(sorted(((name, _type(value)) for name, value in key.items()), key=lambda each: _rank(each[0])))
    item = parameters.get("Item")
    if isinstance(item, dict) and item:
        return _of_item(item, parameters)
    condition = parameters.get("KeyConditionExpression")
    if isinstance(condition, str):
        return _of_condition(condition, parameters)
    return {"id": "S"}


def _of_item(item: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    names = parameters.get("ExpressionAttributeNames") or {}
    asked = re.findall(r"attribute_not_exists\s*\(\s*([#\w.-]+)\s*\)", str(parameters.get("ConditionExpression") or ""))
    known = [names.get(name, name) for name in asked]
    known = [name for name in known if name in item and _is_key(item[name])]
    if not known:
        known = [name for name in sorted(item, key=_rank) if _rank(name) < 9 and _is_key(item[name])][:1]
        known = known or [name for name in item if _is_key(item[name])][:1]
    sort = [name for name in item if RANGES.fullmatch(name) and _is_key(item[name]) and name not in known]
    chosen = [*known[:2], *sort][:2]
    return {name: _type(item[name]) for name in chosen} or {"id": "S"}


def _of_condition(condition: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    names = parameters.get("ExpressionAttributeNames") or {}
    values = parameters.get("ExpressionAttributeValues") or {}
    found = {}
    for name, value in re.findall(r"([#\w.-]+)\s*(?:=|<=|>=|<|>|BETWEEN)\s*(:\w+)", condition):
        found[names.get(name, name)] = _type(values.get(value, {"S": ""}))
    for name, value in re.findall(r"begins_with\s*\(\s*([#\w.-]+)\s*,\s*(:\w+)", condition):
        found[names.get(name, name)] = _type(values.get(value, {"S": ""}))
    return dict(list(found.items())[:2]) or {"id": "S"}


def _rank(name: str) -> int:
    """How much a name looks like that of a hash key; less is more."""
    if name.lower() in ("pk", "id"):
        return 0
    if RANGES.fullmatch(name):
        return 10
    return 1 if HASHES.fullmatch(name) else 9


def _is_key(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.keys() & {"S", "N", "B"})


def _type(value: Any) -> str:
    return next(iter(value)) if _is_key(value) else "S"
