"""The examples, delivered as Lambda delivers: what they did is counted outside of them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from twicesafe.lab.loading import Target
from twicesafe.lab.plan import Plan, carry_out
from twicesafe.lab.results import result_of
from twicesafe.lab.sandbox import Delivered, Function

EXAMPLES = Path(__file__).parents[1] / "examples"


class Deployed:
    """A copy of an example, with a world of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.code = shutil.copytree(EXAMPLES / name, folder / name)
        self.world = folder
        self.environment = {
            "TWICESAFE_STORE": f"sqlite:///{folder / 'records.db'}",
            "ORDERS_FILE": str(folder / "orders.db"),
            "BILLS_FILE": str(folder / "bills.db"),
            "OUTBOX": str(folder / "outbox"),
        }

    def deliver(self, event: str, **choices: Any) -> list[Delivered]:
        function = Function(Target("app", "handler", (str(self.code),)), 60.0, self.environment)
        plan = Plan(function, json.loads((self.code / event).read_text()), **choices)
        return [each.delivered for each in carry_out(plan, lambda _: None)]

    def rows(self, file: str, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.world / file)) as database:
            return database.execute(query).fetchall()


@pytest.fixture
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Deployed:
    return Deployed(request.param, tmp_path)


def example(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("deployed", [name], indirect=True)


def replies(delivered: list[Delivered]) -> list[Any]:
    return [json.loads(each.reply["body"]) for each in delivered]


@example("orders_api")
def test_a_request_that_is_sent_again_gets_the_same_order(deployed: Deployed) -> None:
    delivered = deployed.deliver("event.json", rounds=2)
    first, second = replies(delivered)
    assert first == second
    assert [each.reply["statusCode"] for each in delivered] == [201, 201]
    assert deployed.rows("orders.db", "SELECT number, items FROM orders") == [(first["order"], '["tea", "cup"]')]


@example("orders_api")
def test_requests_at_the_same_moment_make_one_order(deployed: Deployed) -> None:
    statuses = {each.reply["statusCode"] for each in deployed.deliver("event.json", at_once=3)}
    assert {201} <= statuses <= {201, 409}
    assert len(deployed.rows("orders.db", "SELECT * FROM orders")) == 1


@example("orders_api")
def test_a_request_without_a_key_is_refused_and_makes_no_order(deployed: Deployed) -> None:
    (refused,) = deployed.deliver("without_key.json")
    assert refused.reply["statusCode"] == 400
    assert not (deployed.world / "orders.db").exists()


@example("meter")
def test_each_reading_is_billed_once_however_often_it_comes(deployed: Deployed) -> None:
    results = [result_of(each) for each in deployed.deliver("event.json", rounds=3)]
    assert results == ["ran", "replayed", "replayed"]
    assert dict(deployed.rows("bills.db", "SELECT customer, kwh FROM bills")) == {"ada": 42, "bob": 7}


@example("meter")
def test_a_broken_reading_stops_the_shard_there_and_what_came_before_is_billed_once(deployed: Deployed) -> None:
    delivered = deployed.deliver("poisoned.json", rounds=2)
    assert [result_of(each) for each in delivered] == ["1 ran, 1 error", "1 replayed, 1 error"]
    event = json.loads((deployed.code / "poisoned.json").read_text())
    numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
    for each in delivered:
        assert [failure["itemIdentifier"] for failure in each.reply["batchItemFailures"]] == numbers[1:]
    assert deployed.rows("bills.db", "SELECT customer, kwh FROM bills") == [("ada", 12)]


def test_the_schema_of_the_bills_has_the_table_that_the_command_prints() -> None:
    from twicesafe.execution.sql import TABLE

    assert f"{TABLE};" in (EXAMPLES / "meter" / "schema.sql").read_text()


@example("welcome")
def test_a_user_is_welcomed_once_under_whatever_id_the_event_comes(deployed: Deployed) -> None:
    delivered = [*deployed.deliver("event.json", rounds=2), *deployed.deliver("sent_again.json")]
    assert [result_of(each) for each in delivered] == ["ran", "replayed", "replayed"]
    assert len({each.reply for each in delivered}) == 1
    (mail,) = (deployed.world / "outbox").iterdir()
    assert message_from_bytes(mail.read_bytes())["To"] == "ada@example.com"
    assert mail.stem == delivered[0].reply
