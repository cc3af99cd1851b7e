"""`python -m bench.steps`: what a step costs, beside DBOS and AWS's durable execution SDK, in one run.

The others are measured where they are installed: pip install dbos aws-durable-execution-sdk-python-testing. A step's
cost is that of an execution of 21 steps less that of one, by 20: CPU of this process with all its threads, the time
gone by, and requests: SQL statements and commits, requests to DynamoDB, calls of AWS's checkpoint API.
"""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.conftest import ENVIRONMENT
from tests.servers.dynamodb import dynamodb_local
from tests.servers.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEW, MANY, ROUNDS = 1, 21, 15

OURS = "at least once, only in a crash's own window; at most once or transactional if asked; events deduplicated"
DBOS_SAYS = "at least once, or transactional; found by its place; deduplicated if the caller sets a workflow id"
AWS_SAYS = "at least once, or at most once, per retry; found by its place; queue events are not deduplicated"


class Subject(NamedTuple):
    """One library on one store."""

    name: str
    guarantees: str
    run: Callable[[int], object]  # an execution of so many steps
    requests: Callable[[], int]  # sent so far


class Cost(NamedTuple):
    """Of one step."""

    requests: float
    cpu: float  # microseconds
    elapsed: float  # microseconds


def cost(subject: Subject) -> Cost:
    """Measure it, after a warm-up."""
    subject.run(MANY)
    spent: dict[int, list[Cost]] = {FEW: [], MANY: []}
    for _ in range(ROUNDS):
        for steps, costs in spent.items():
            requests, cpu, began = subject.requests(), time.process_time(), time.perf_counter()
            subject.run(steps)
            cpu, elapsed = time.process_time() - cpu, time.perf_counter() - began
            costs.append(Cost(subject.requests() - requests, cpu * 1e6, elapsed * 1e6))
    few, many = ([statistics.median(column) for column in zip(*costs, strict=True)] for costs in spent.values())
    return Cost(*((more - less) / (MANY - FEW) for less, more in zip(few, many, strict=True)))


def work(number: int) -> dict[str, object]:
    """What each step does: next to nothing."""
    return {"number": number, "paid": True}


# twicesafe


def twicesafe_on(name: str, store: Any, counted: str) -> Subject:
    from twicesafe import idempotent, step

    sent = [0]
    connection = store._connection  # noqa: SLF001 - where its requests pass
    inner = getattr(connection, counted)

    def counting(*args: Any) -> Any:
        sent[0] += 1
        return inner(*args)

    setattr(connection, counted, counting)

    @idempotent(store=store, key=lambda event: event["id"], name="bench", lease=900)
    def handler(event: Any, context: Any) -> None:
        for number in range(event["steps"]):
            step("work", work, number, each=number)

    return Subject(
        f"twicesafe, {name}",
        OURS,
        lambda steps: handler({"id": uuid.uuid4().hex, "steps": steps}, Context()),
        lambda: sent[0],
    )


class Context:
    """As Lambda gives it."""

    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


# DBOS


@contextmanager
def dbos_on(name: str, url: str) -> Iterator[Subject]:
    from dbos import DBOS
    from sqlalchemy import Engine, event

    sent = [0]

    def statement(*_: Any) -> None:
        sent[0] += 1

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", statement)
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})

    @DBOS.step()
    def one(number: int) -> dict[str, object]:
        return work(number)

    @DBOS.workflow()
    def all_of_them(steps: int) -> None:
        for number in range(steps):
            one(number)

    DBOS.launch()
    try:
        yield Subject(f"DBOS, {name}", DBOS_SAYS, all_of_them, lambda: sent[0])
    finally:
        DBOS.destroy(destroy_registry=True)
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", statement)


# AWS's durable execution SDK


@contextmanager
def durable() -> Iterator[Subject]:
    from aws_durable_execution_sdk_python import durable_execution
    from aws_durable_execution_sdk_python_testing.client import InMemoryServiceClient
    from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

    sent = [0]
    inner = InMemoryServiceClient.checkpoint

    def checkpoint(*args: Any, **kwargs: Any) -> Any:
        sent[0] += 1
        return inner(*args, **kwargs)

    InMemoryServiceClient.checkpoint = checkpoint  # type: ignore[method-assign]

    @durable_execution
    def handler(event: Any, context: Any) -> None:
        for number in range(event["steps"]):
            context.step(lambda _, number=number: work(number), name=f"work {number}")

    try:
        with DurableFunctionTestRunner(handler) as runner:

            def run(steps: int) -> None:
                runner.run(input=f'{{"steps": {steps}}}', execution_name=uuid.uuid4().hex)

            yield Subject("AWS durable SDK, local runner", AWS_SAYS, run, lambda: sent[0])
    finally:
        InMemoryServiceClient.checkpoint = inner  # type: ignore[method-assign]


def main() -> None:
    """Measure all that there are, one after the other, and print them."""
    from twicesafe.stores.dynamodb import DynamoDBStore
    from twicesafe.stores.sqlite import SqliteStore

    os.environ.update(ENVIRONMENT)
    logging.disable(logging.WARNING)
    print(f"{'a step costs':<34}{'requests':>10}{'CPU us':>10}{'us in all':>11}  what it guarantees")
    with ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory())
        show(twicesafe_on("SQLite", SqliteStore(f"{folder}/records.db"), "_send"))
        store = DynamoDBStore("bench", endpoint=undo.enter_context(dynamodb_local()), read_timeout=30)
        store.create_table()
        show(twicesafe_on("DynamoDB Local", store, "send"))
        if find_spec("dbos"):
            with dbos_on("SQLite", f"sqlite:///{folder}/dbos.db") as subject:
                show(subject)
            socket = undo.enter_context(postgres()).split()[0].removeprefix("host=")
            with dbos_on("PostgreSQL", f"postgresql://postgres@/postgres?host={socket}") as subject:
                show(subject)
        else:
            print("DBOS is not installed: pip install dbos")
        if find_spec("aws_durable_execution_sdk_python_testing"):
            with durable() as subject:
                show(subject)
        else:
            print("AWS's SDK is not installed: pip install aws-durable-execution-sdk-python-testing")


def show(subject: Subject) -> None:
    """Measure one, and print it."""
    found = cost(subject)
    print(
        f"{subject.name:<34}{found.requests:>10.1f}{found.cpu:>10.0f}{found.elapsed:>11.0f}  {subject.guarantees}",
        flush=True,
    )


if __name__ == "__main__":
    main()
