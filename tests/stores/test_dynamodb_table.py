"""The table: made, or printed for those who make it with their own tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
import yaml

from twicesafe.errors import ConfigurationError
from twicesafe.stores.base import open_store
from twicesafe.stores.dynamodb import DynamoDBStore
from twicesafe.stores.dynamodb.layout import Layout, Names
from twicesafe.stores.dynamodb.templates import cloudformation, definition, iam_policy, sam, url
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYOUTS = [Layout("orders"), Layout("shared", Names(id="PK: #", expiration="ttl"), sort_key="SK", sort_value="a b&c")]
each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=["plain", "composite"])


class Template(yaml.SafeLoader):
    """CloudFormation's short forms, as its long ones."""


Template.add_constructor("!Sub", lambda loader, node: {"Fn::Sub": loader.construct_scalar(node)})
Template.add_constructor("!GetAtt", lambda loader, node: {"Fn::GetAtt": loader.construct_scalar(node)})


@pytest.fixture(scope="module")
def client(dynamodb_endpoint: str) -> Any:
    return botocore.session.Session().create_client("dynamodb", endpoint_url=dynamodb_endpoint)


@pytest.fixture
def new(dynamodb_endpoint: str) -> Iterator[DynamoDBStore]:
    store = DynamoDBStore(f"new-{os.urandom(4).hex()}", endpoint=dynamodb_endpoint)
    yield store
    store.close()


def test_a_table_is_made_with_its_ttl_and_can_be_used_at_once(new: DynamoDBStore, client: Any) -> None:
    new.create_table()
    Trial(new.apply).claim("ann")
    table = client.describe_table(TableName=new.layout.table)["Table"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    described = client.describe_time_to_live(TableName=new.layout.table)["TimeToLiveDescription"]
    assert (described["AttributeName"], described["TimeToLiveStatus"]) == ("expiration", "ENABLED")


def test_a_table_that_is_there_and_right_is_left_as_it_is(new: DynamoDBStore) -> None:
    new.create_table()
    trial = Trial(new.apply)
    trial.claim("ann")
    new.create_table()
    assert trial.found().owner == "ann"


def test_a_table_of_somebodys_own_gets_the_ttl_that_it_lacks(new: DynamoDBStore, client: Any) -> None:
    client.create_table(TableName=new.layout.table, **definition(new.layout))
    new.create_table()
    described = client.describe_time_to_live(TableName=new.layout.table)["TimeToLiveDescription"]
    assert described["AttributeName"] == "expiration"


def test_a_table_that_expires_by_another_attribute_is_refused(new: DynamoDBStore, client: Any) -> None:
    client.create_table(TableName=new.layout.table, **definition(new.layout))
    client.update_time_to_live(
        TableName=new.layout.table, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}
    )
    with pytest.raises(ConfigurationError, match=r"attribute\.expiration=ttl"):
        new.create_table()


@each_layout
def test_the_template_makes_the_table_that_is_made_here(layout: Layout) -> None:
    template = yaml.load(cloudformation(layout), Template)
    (resource,) = template["Resources"].values()
    properties = resource["Properties"]
    assert resource["Type"] == "AWS::DynamoDB::Table"
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert properties.pop("TableName") == layout.table
    assert properties.pop("TimeToLiveSpecification") == {"AttributeName": layout.names.expiration, "Enabled": True}
    assert properties == definition(layout)


@each_layout
def test_the_sam_template_gives_the_function_the_table_and_its_own_records_only(layout: Layout) -> None:
    template = yaml.load(sam(layout, "checkout"), Template)
    assert template["Transform"] == "AWS::Serverless-2016-10-31"
    table = yaml.load(cloudformation(layout), Template)["Resources"]["TwicesafeTable"]
    assert template["Resources"]["TwicesafeTable"] == table
    function = template["Resources"]["Function"]["Properties"]
    store = function["Environment"]["Variables"]["TWICESAFE_STORE"]["Fn::Sub"]
    assert store == url(layout).replace(layout.table, "${TwicesafeTable}", 1)
    (policy,) = function["Policies"]
    (statement,) = policy["Statement"]
    (wanted,) = json.loads(iam_policy(layout, "checkout"))["Statement"]
    assert statement == {**wanted, "Resource": {"Fn::GetAtt": "TwicesafeTable.Arn"}}


def test_the_policy_allows_four_actions_on_the_functions_own_keys_and_nothing_without_a_key() -> None:
    policy = iam_policy(Layout("orders"), "checkout", "refund", region="eu-west-1", account="123456789012")
    assert json.loads(policy) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
                "Resource": "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
                "Condition": {
                    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["checkout#*", "refund#*"]},
                    "Null": {"dynamodb:LeadingKeys": "false"},
                },
            }
        ],
    }


def test_a_table_named_by_its_arn_is_the_policys_resource() -> None:
    arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/orders"
    assert json.loads(iam_policy(Layout(arn), "checkout"))["Statement"][0]["Resource"] == arn


@each_layout
def test_the_url_opens_the_same_layout(layout: Layout) -> None:
    store = open_store(url(layout))
    assert isinstance(store, DynamoDBStore)
    assert store.layout == layout
    store.close()


def test_the_texts_need_no_boto3() -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from twicesafe.stores.dynamodb.templates import *\n"
        "from twicesafe.stores.dynamodb.layout import Layout\n"
        "print(cloudformation(Layout('orders')), iam_policy(Layout('orders'), 'checkout'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
