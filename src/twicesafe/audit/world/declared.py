"""The world of the user: read from a file, checked, and built in the simulator."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import ConfigurationError
from ..settings import Declared
from .state import DYNAMODB, S3
from .supply import JSON, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..messages import Answer

FIELDS = {
    "env": dict,
    "tables": list,
    "objects": list,
    "calls": list,
    "answers": dict,
    "http": list,
    "honours": list,
    "reads": list,
}
TYPES = ("S", "N", "B")


def parsed(value: Any, name: str) -> Declared:
    """A declared world, checked before anything runs.

    Args:
        name: what messages call it.

    Raises:
        ConfigurationError: it is none; the message says where.
    """
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} is no JSON object. A world has {', '.join(FIELDS)}; all are optional.")
    for field, found in value.items():
        if field not in FIELDS:
            raise ConfigurationError(
                f"{name} has {field!r}, which is nothing of a world. Those are {', '.join(FIELDS)}."
            )
        if not isinstance(found, FIELDS[field]):
            raise ConfigurationError(f"{name}: {field} is no {'object' if FIELDS[field] is dict else 'list'}.")
    for place, table in enumerate(value.get("tables", [])):
        _check_table(table, f"{name}: tables[{place}]")
    for place, thing in enumerate(value.get("objects", [])):
        if not isinstance(thing, dict) or not isinstance(thing.get("bucket"), str):
            raise ConfigurationError(f'{name}: objects[{place}] has no "bucket".')
    for place, call in enumerate(value.get("calls", [])):
        if not (isinstance(call, list) and len(call) == 3 and isinstance(call[2], dict)):
            raise ConfigurationError(f'{name}: calls[{place}] is not ["service", "method", {{…}}].')
    for place, row in enumerate(value.get("http", [])):
        if not isinstance(row, dict) or not isinstance(row.get("url"), str):
            raise ConfigurationError(f'{name}: http[{place}] has no "url".')
    return Declared(
        env={str(key): str(each) for key, each in value.get("env", {}).items()},
        answers=value.get("answers", {}),
        **{field: tuple(value.get(field, ())) for field in ("tables", "objects", "calls", "http", "honours", "reads")},
    )


def beside(event: str, module: str) -> str | None:
    """The file of the world that lies beside an event's, called as it or as the module; None: there is none."""
    folder = os.path.dirname(event)
    stem = os.path.basename(event).removesuffix(".json").removesuffix(".event")
    names = (f"{stem}.world.json", f"{module.rpartition('.')[2]}.world.json")
    return next(filter(os.path.isfile, (os.path.join(folder, name) for name in names)), None)


def _check_table(table: Any, where: str) -> None:
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ConfigurationError(f'{where} has no "name".')
    indexes = table.get("indexes", {})
    for keys in (table.get("keys"), *(indexes.values() if isinstance(indexes, dict) else ())):
        if not isinstance(keys, dict) or not 1 <= len(keys) <= 2:
            raise ConfigurationError(f'{where}: its "keys" are not of the form {{"id": "S"}}, hash key first.')
        for name, kind in keys.items():
            if kind not in TYPES:
                raise ConfigurationError(
                    f"{where}: the key {name!r} has the unknown type {kind!r}. There are {', '.join(TYPES)}."
                )


def build(declared: Declared, call: Callable[..., Answer], client: Callable[[str], Any]) -> None:
    """Make what is declared.

    Args:
        client: gives a boto3 client of a service that speaks to the simulator.

    Raises:
        ConfigurationError: the simulator refuses it.
    """
    for table in declared.tables:
        _build_table(table, call)
    buckets: dict[str, None] = {}
    for thing in declared.objects:
        if thing["bucket"] not in buckets:
            buckets[thing["bucket"]] = None
            _checked(call("s3", f"{S3}/{quote(thing['bucket'])}", {}, b"", method="PUT"), f"bucket {thing['bucket']!r}")
        if "key" in thing:
            body = thing.get("body", "")
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            path = f"{S3}/{quote(thing['bucket'])}/{quote(thing['key'])}"
            _checked(call("s3", path, {"Content-Length": str(len(content))}, content, method="PUT"), f"object {path}")
    for service, method, parameters in declared.calls:
        try:
            getattr(client(service), method)(**parameters)
        except Exception as error:
            raise ConfigurationError(
                f"The world's call {service}.{method} failed: {type(error).__name__}: {error}"
            ) from error


def _build_table(table: Mapping[str, Any], call: Callable[..., Answer]) -> None:
    indexes: Mapping[str, Mapping[str, str]] = table.get("indexes", {})
    attributes = dict(table["keys"])
    for keys in indexes.values():
        attributes.update(keys)
    body: dict[str, Any] = {
        "TableName": table["name"],
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()],
        "KeySchema": _schema(table["keys"]),
    }
    if indexes:
        body["GlobalSecondaryIndexes"] = [
            {"IndexName": name, "KeySchema": _schema(keys), "Projection": {"ProjectionType": "ALL"}}
            for name, keys in indexes.items()
        ]
    _checked(_dynamodb(call, "CreateTable", body), f"table {table['name']!r}")
    for item in table.get("items", ()):
        typed = {name: _typed(value) for name, value in item.items()}
        _checked(_dynamodb(call, "PutItem", {"TableName": table["name"], "Item": typed}), f"item of {table['name']!r}")


def _schema(keys: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _dynamodb(call: Callable[..., Answer], name: str, body: Mapping[str, Any]) -> Answer:
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{name}", "Content-Type": JSON}
    return call("dynamodb", DYNAMODB, headers, json.dumps(body).encode())


def _checked(answer: Answer, what: str) -> None:
    if answer.status >= 400:
        said = answer.body.decode("utf-8", "replace")
        raise ConfigurationError(f"The world's {what} cannot be made: {code_of(answer)}: {said[:300]}")


def _typed(value: Any) -> dict[str, Any]:
    """Plain JSON as attributes have it."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_typed(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {name: _typed(each) for name, each in value.items()}}
    return {"S": str(value)}
