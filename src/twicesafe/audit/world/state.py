"""The state of a world, read through the services' own interfaces, so that any simulator serves."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree

from ..observe.plain import of_bytes
from ..results import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..messages import Answer

DYNAMODB = "dynamodb.us-east-1.amazonaws.com/"
S3 = "s3.amazonaws.com"
OURS = frozenset(("v", "attempt", "started", "claimed", "validation", "steps", "owner", "in_progress_expiration"))
"""Attributes of twicesafe's records; users may have other names for some."""
ENOUGH = 4
"""Of them, to know a record by."""
POWERTOOLS = frozenset(("status", "expiration", "in_progress_expiration", "data", "validation"))
"""Attributes of its records, but for the key."""
STATUSES = ("INPROGRESS", "COMPLETED", "EXPIRED")
"""What Powertools writes into `status`."""
LONGEST_KEY = 2
"""Attributes."""


class State(NamedTuple):
    """All that is kept."""

    records: tuple[Record, ...]
    bookkeeping: tuple[str, ...]  # places whose records are protection


def read(call: Callable[..., Answer], services: Iterable[str]) -> State:
    """Read what is kept by those services whose state can be compared."""
    records = []
    if "dynamodb" in services:
        records += list(_tables(call))
    if "s3" in services:
        records += list(_buckets(call))
    protection = {record.place for record in records if is_protection(record.value)}
    beside = (record for record in records if record.place not in protection or not _is_of_powertools(record.value))
    kept = sorted((record for record in beside if not is_protection(record.value)), key=lambda each: each[:2])
    return State(tuple(kept), tuple(sorted(protection)))


def is_protection(item: Any) -> bool:
    """Whether an item is a record of twicesafe or of Powertools."""
    if not isinstance(item, dict):
        return False
    if len(OURS & item.keys()) >= ENOUGH:
        return True
    return _is_of_powertools(item) and ("in_progress_expiration" in item or "data" in item)


def _is_of_powertools(item: Any) -> bool:
    """Whether it may be one: in progress it may have nothing but a status and an end, as items of others may."""
    if not isinstance(item, dict) or item.get("status") not in STATUSES or "expiration" not in item:
        return False
    return len(item.keys() - POWERTOOLS) <= LONGEST_KEY


def _tables(call: Callable[..., Answer]) -> Iterator[Record]:
    for table in _dynamodb(call, "ListTables", {})["TableNames"]:
        schema = _dynamodb(call, "DescribeTable", {"TableName": table})["Table"]["KeySchema"]
        keys = [each["AttributeName"] for each in schema]
        start: dict[str, Any] = {}
        while True:
            page = _dynamodb(call, "Scan", {"TableName": table, "ConsistentRead": True, **start})
            for typed in page["Items"]:
                item = {name: untyped(value) for name, value in sorted(typed.items())}
                yield Record(f"dynamodb {table}", ", ".join(f"{key}={item.get(key)}" for key in keys), item)
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _dynamodb(call: Callable[..., Answer], name: str, parameters: dict[str, Any]) -> Any:
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{name}", "Content-Type": "application/x-amz-json-1.0"}
    return json.loads(call("dynamodb", DYNAMODB, headers, json.dumps(parameters).encode()).body)


def untyped(value: dict[str, Any]) -> Any:
    """An attribute as plain JSON."""
    ((kind, content),) = value.items()
    if kind == "N":
        return _number(content)
    if kind == "NS":
        return sorted(map(_number, content))
    if kind in ("SS", "BS"):
        return sorted(content)
    if kind == "L":
        return [untyped(each) for each in content]
    if kind == "M":
        return {name: untyped(each) for name, each in sorted(content.items())}
    return None if kind == "NULL" else content


def _number(text: str) -> int | float | str:
    """Exact, and so a text where a float would not be."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return float(text) if repr(float(text)) == text else text


def _buckets(call: Callable[..., Answer]) -> Iterator[Record]:
    for bucket in _texts(call("s3", f"{S3}/", {}, b"", method="GET").body, "Bucket/Name"):
        token = ""
        while True:
            query = "list-type=2" + (f"&continuation-token={quote(token, safe='')}" if token else "")
            listed = call("s3", f"{S3}/{quote(bucket)}?{query}", {}, b"", method="GET").body
            for key in _texts(listed, "Contents/Key"):
                body = call("s3", f"{S3}/{quote(bucket)}/{quote(key)}", {}, b"", method="GET").body
                yield Record(f"s3 {bucket}", key, {"key": key, "body": _parsed(of_bytes(body))})
            token = next(iter(_texts(listed, "NextContinuationToken")), "")
            if not token:
                break


def _texts(xml: bytes, path: str) -> list[str]:
    root = ElementTree.fromstring(re.sub(rb'\sxmlns="[^"]*"', b"", xml))  # noqa: S314 - the simulator's own answer
    return [element.text or "" for element in root.findall(f".//{path}")]


def _parsed(content: Any) -> Any:
    """What a text of JSON says."""
    if isinstance(content, str) and content[:1] in ("{", "["):
        try:
            return json.loads(content)
        except ValueError:
            return content
    return content
