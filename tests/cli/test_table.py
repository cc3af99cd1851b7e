"""`twicesafe table`, printed in every format and made in a real DynamoDB."""

from __future__ import annotations

import json
import sqlite3
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

import botocore.session
import pytest
import yaml

from tests.cli.conftest import Ended
from tests.stores.test_dynamodb_table import Template

Run = Callable[..., Ended]


def loaded(text: str) -> Any:
    return yaml.load(text, Template)


def test_a_template_of_the_table_and_its_function_is_what_is_printed_by_default(run: Run) -> None:
    ended = run("table")
    assert ended.status == 0
    resources = loaded(ended.out)["Resources"]
    assert resources["TwicesafeTable"]["Properties"]["TableName"] == "twicesafe"
    assert resources["Function"]["Properties"]["FunctionName"] == "my-function"


def test_a_template_of_the_table_alone(run: Run) -> None:
    resources = loaded(run("table", "--format", "cloudformation", "--name", "orders", "--sort-key", "sk").out)[
        "Resources"
    ]
    (table,) = resources.values()
    assert table["Properties"]["TableName"] == "orders"
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert [key["KeyType"] for key in table["Properties"]["KeySchema"]] == ["HASH", "RANGE"]


def test_a_policy_lets_a_function_at_its_own_records_only(run: Run) -> None:
    (statement,) = json.loads(run("table", "--format", "policy", "--function", "checkout").out)["Statement"]
    assert statement["Condition"]["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["checkout#*"]}


def test_the_table_of_a_database_of_your_own_is_a_statement(run: Run) -> None:
    ended = run("table", "--format", "sql")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(ended.out)
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone() == (1,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--function", "check*"], "'check*' is no name of a Lambda function"),
        (["--function", ""], "'' is no name of a Lambda function"),
        (["--name", "a b"], "'a b' is no name of a table"),
        (["--name", "ab"], "'ab' is no name of a table"),
        (["create", "--name", "a/b"], "'a/b' is no name of a table"),
        (["--format", "toml"], "'toml' is not one of"),
    ],
)
def test_a_name_that_aws_would_not_take_is_refused(run: Run, arguments: list[str], said: str) -> None:
    ended = run("table", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


@pytest.fixture
def name() -> str:
    return f"cli-{uuid.uuid4().hex[:8]}"


def test_a_table_is_made_with_its_ttl_and_the_url_that_is_printed_opens_it(
    run: Run, name: str, dynamodb_endpoint: str
) -> None:
    ended = run("table", "create", "--name", name, "--endpoint", dynamodb_endpoint, "--sort-key", "sk")
    assert ended.status == 0
    said, _, url = ended.out.strip().partition(" Use it with TWICESAFE_STORE=")
    assert said == f"The table {name} is there."
    assert url == f"'dynamodb://{name}?sort_key=sk&sort_value=twicesafe&endpoint={dynamodb_endpoint}'"
    assert run("records", "list", "--store", url.strip("'"), "--json").json == []
    client = botocore.session.Session().create_client("dynamodb", endpoint_url=dynamodb_endpoint)
    described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiration"}


def test_options_may_stand_before_the_command_too(run: Run, name: str, dynamodb_endpoint: str) -> None:
    ended = run("table", "--name", name, "create", "--endpoint", dynamodb_endpoint, "--region", "eu-west-1")
    assert ended.status == 0
    assert f"'dynamodb://{name}?region=eu-west-1&endpoint={dynamodb_endpoint}'" in ended.out


def test_a_table_that_is_right_is_left_as_it_is_and_another_is_refused(
    run: Run, name: str, dynamodb_endpoint: str
) -> None:
    made = [run("table", "create", "--name", name, "--endpoint", dynamodb_endpoint) for _ in range(2)]
    assert [ended.status for ended in made] == [0, 0]
    ended = run("table", "create", "--name", name, "--endpoint", dynamodb_endpoint, "--sort-key", "sk")
    assert ended.status == 2
    assert "is there already with another key" in ended.err


def test_without_a_region_it_says_what_to_do(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    ended = run("table", "create", "--name", name)
    assert ended.status == 2
    assert "needs a region. Set AWS_DEFAULT_REGION" in ended.err


def test_a_dynamodb_that_does_not_answer_is_said(run: Run, name: str) -> None:
    ended = run("table", "create", "--name", name, "--endpoint", "http://127.0.0.1:1")
    assert ended.status == 1
    assert f"The store dynamodb://{name} did not answer" in ended.err


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["create"], 2)])
def test_what_is_printed_needs_no_boto3(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] in ("boto3", "botocore")]:
        monkeypatch.delitem(sys.modules, module)
    for module in [name for name in sys.modules if name.startswith("twicesafe.stores.dynamodb")]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("boto3", "botocore"):
        monkeypatch.setitem(sys.modules, module, None)
    ended = run("table", *arguments)
    assert ended.status == status
    assert status == 0 or "pip install 'twicesafe[dynamodb]'" in ended.err
