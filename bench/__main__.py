"""`make bench`: import, first execution and replay, each beside aws-lambda-powertools in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.servers.dynamodb import dynamodb_local

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 300
IMPORT = "import time; a = time.perf_counter(); import {0}; print((time.perf_counter() - a) * 1000)"


class Context:
    """What both need of Lambda's context."""

    function_name = "bench"
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def event(one: str) -> dict[str, Any]:
    return {"Records": [{"messageId": one, "body": "{}", "eventSource": "aws:sqs", "eventSourceARN": "arn:q"}]}


def median_micros(calls: list[Callable[[], object]]) -> float:
    spent = []
    for call in calls:
        begun = time.perf_counter()
        call()
        spent.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(spent)


def twicesafe_handler(url: str) -> Callable[[Any, Any], Any]:
    from twicesafe import idempotent

    return idempotent(store=url, key="Records[0].messageId", unit="event")(lambda event, context: {"ok": True})


def powertools_handler(client: Any) -> Callable[[Any, Any], Any]:
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent,
    )

    layer = DynamoDBPersistenceLayer(table_name="bench", boto3_client=client)
    config = IdempotencyConfig(event_key_jmespath="Records[0].messageId")

    @idempotent(persistence_store=layer, config=config)
    def handler(event: Any, context: Any) -> Any:
        return {"ok": True}

    return handler


def executions(handlers: dict[str, Callable[[Any, Any], Any]]) -> dict[str, tuple[float, float]]:
    """First executions and replays, the handlers in turn, so that all meet the same machine."""
    spent: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in handlers}
    for _ in range(CALLS):
        for name, handler in handlers.items():
            one = event(uuid4().hex)
            for times in spent[name]:
                times.append(median_micros([lambda handler=handler, one=one: handler(one, Context())]))  # type: ignore[misc]
    return {name: (statistics.median(first), statistics.median(replay)) for name, (first, replay) in spent.items()}


def imports(module: str) -> float:
    spent = [
        float(subprocess.run([sys.executable, "-c", IMPORT.format(module)], capture_output=True, check=True).stdout)
        for _ in range(9)
    ]
    return statistics.median(spent)


def main() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    os.environ["POWERTOOLS_TRACE_DISABLED"] = "1"
    import boto3

    from twicesafe.stores.dynamodb.layout import Layout
    from twicesafe.stores.dynamodb.table import create_table

    with ExitStack() as stack:
        endpoint = stack.enter_context(dynamodb_local())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        client = boto3.client("dynamodb", endpoint_url=endpoint)
        create_table(client, Layout("bench"))
        spent = executions(
            {
                "twicesafe, SQLite": twicesafe_handler(f"sqlite:///{folder}/records.db"),
                "twicesafe, DynamoDB Local": twicesafe_handler(f"dynamodb://bench?endpoint={endpoint}"),
                "powertools, DynamoDB Local": powertools_handler(client),
            }
        )
    other = spent["powertools, DynamoDB Local"]
    rows = [
        {"what": name, "first_us": round(first), "replay_us": round(replay)}
        | {"first_ratio": round(first / other[0], 3), "replay_ratio": round(replay / other[1], 3)}
        for name, (first, replay) in spent.items()
    ]
    boto, ours = imports("boto3"), imports("twicesafe")
    powertools = imports("aws_lambda_powertools.utilities.idempotency")
    print(
        json.dumps({"import_ms": {"twicesafe": ours, "boto3": boto, "powertools": powertools}, "calls": rows}, indent=1)
    )


if __name__ == "__main__":
    main()
