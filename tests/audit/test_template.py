"""The world out of a template: what it makes, which function is meant, and what is not known before it is deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.table import HANDLERS, job
from twicesafe.audit.audit import audit
from twicesafe.audit.settings import Declared
from twicesafe.audit.world.template import declared, merged, parsed
from twicesafe.errors import ConfigurationError
from twicesafe.lab.loading import Target

NAME = "template.yaml"
FUNCTION = """\
Resources:
  Handler:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Environment:
        Variables:
          VALUE: %s
"""
MORE = """\
Parameters:
  Stage: { Type: String, Default: dev }
  Zones: { Type: CommaDelimitedList, Default: "a,b" }
  Open: { Type: String }
  Stored: { Type: "AWS::SSM::Parameter::Value<String>", Default: /path }
Mappings:
  Sizes: { dev: { size: 5 } }
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  IsEither: !Or [!Condition IsProd, !Condition IsDev]
  IsBoth: !And [!Condition IsProd, !Condition IsDev]
  IsOpen: !Equals [!Ref Open, x]
"""
OTHERS = """\
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "mails-${Stage}" } }
  Ordered: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true } }
  Topic: { Type: AWS::SNS::Topic }
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: lake } }
  Unnamed: { Type: AWS::S3::Bucket }
  Table: { Type: AWS::Serverless::SimpleTable }
  Machine: { Type: AWS::Serverless::StateMachine }
  Loop: { Type: AWS::SNS::Topic, Properties: { TopicName: !GetAtt Loop.TopicName } }
  Cache: { Type: AWS::ElastiCache::CacheCluster }
"""
ACCOUNT = "us-east-1:123456789012"


def target(text: str = "app:handler", *folders: str) -> Target:
    module, _, handler = text.partition(":")
    return Target(module, handler, folders or ("/nowhere",))


def read(text: str, of: Target | None = None, name: str = NAME) -> Declared:
    return declared(parsed(text, name), name, of or target())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("12", "12"),
        ("true", "true"),
        ("2012-10-17", "2012-10-17"),
        ("!Ref Stage", "dev"),
        ("{ Ref: Stage }", "dev"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref Queue", "https://sqs.us-east-1.amazonaws.com/123456789012/mails-dev"),
        ("!GetAtt Queue.QueueUrl", "https://sqs.us-east-1.amazonaws.com/123456789012/mails-dev"),
        ("!GetAtt Queue.QueueName", "mails-dev"),
        ("!GetAtt [Queue, Arn]", f"arn:aws:sqs:{ACCOUNT}:mails-dev"),
        ("!GetAtt Ordered.QueueName", "Ordered.fifo"),
        ("!Ref Topic", f"arn:aws:sns:{ACCOUNT}:Topic"),
        ("!GetAtt Topic.TopicArn", f"arn:aws:sns:{ACCOUNT}:Topic"),
        ("!Ref Bucket", "lake"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::lake"),
        ("!Ref Unnamed", "unnamed-bucket"),
        ("!Ref Table", "Table"),
        ("!GetAtt Table.Arn", f"arn:aws:dynamodb:{ACCOUNT}:table/Table"),
        ("!Ref Machine", f"arn:aws:states:{ACCOUNT}:stateMachine:Machine"),
        ("!Ref Handler", "Handler"),
        ('!Sub "${Stage}/${Bucket}/${Bucket.Arn}/${!Stage}"', "dev/lake/arn:aws:s3:::lake/${Stage}"),
        ('!Sub ["${a}-${Stage}", { a: !Ref Bucket }]', "lake-dev"),
        ('!Join ["-", [a, !Ref Stage]]', "a-dev"),
        ('!Join ["-", !Ref Zones]', "a-b"),
        ('!Join ["-", [a, !Ref "AWS::NoValue", b]]', "a-b"),
        ("!Select [1, !Ref Zones]", "b"),
        ('!Select ["1", !Split ["/", "x/y"]]', "y"),
        ("!FindInMap [Sizes, !Ref Stage, size]", "5"),
        ("!If [IsDev, yes, no]", "True".lower()),
        ("!If [IsProd, a, b]", "b"),
        ("!If [IsEither, a, b]", "a"),
        ("!If [IsBoth, a, b]", "b"),
        ("{ 'Fn::If': [IsDev, { Ref: Stage }, none] }", "dev"),
    ],
)
def test_a_value_is_what_the_template_comes_to(value: str, expected: str) -> None:
    found = read(MORE + FUNCTION % value + OTHERS)
    assert found.env == {"VALUE": expected}
    assert [each for each in found.unresolved if "VALUE" in each] == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("!Ref Open", "the parameter Open has no default"),
        ("!Ref Stored", "the parameter Stored is in SSM"),
        ("!Ref Cache", "Cache, AWS::ElastiCache::CacheCluster, is not known here"),
        ("!Ref Nowhere", "Nowhere is not known here"),
        ("!GetAtt Bucket.DomainName", "DomainName of Bucket is not known here"),
        ("!GetAtt Loop.TopicName", "Loop depends on itself"),
        ("!ImportValue shared", "Fn::ImportValue is not known here"),
        ('"{{resolve:secretsmanager:db}}"', "{{resolve:secretsmanager:db}} is not known here"),
        ("!FindInMap [Sizes, prod, size]", "Fn::FindInMap of ['Sizes', 'prod', 'size'] cannot be read"),
        ("!Select [9, !Ref Zones]", "Fn::Select of"),
        ("!If [IsOpen, a, b]", "the parameter Open has no default"),
        ("!If [IsNowhere, a, b]", "there is no condition IsNowhere"),
        ("!Sub [1]", "Fn::Sub of [1] cannot be read"),
    ],
)
def test_what_is_not_known_before_it_is_deployed_is_left_out_and_said(value: str, says: str) -> None:
    found = read(MORE + FUNCTION % value + OTHERS)
    assert found.env == {}
    assert f"template.yaml: the variable VALUE is left out: {says}" in " ".join(found.unresolved)


def test_a_variable_without_a_value_is_none() -> None:
    found = read(FUNCTION % "!Ref AWS::NoValue")
    assert (found.env, found.unresolved) == ({}, ())


def test_resources_are_made_as_they_are_described() -> None:
    found = read((HANDLERS / NAME).read_text(), target("templated:handler"))
    assert {call[0]: call[2] for call in found.calls} == {
        "dynamodb": {
            "TableName": "stack-orders-dev",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "customer", "AttributeType": "S"},
                {"AttributeName": "order", "AttributeType": "S"},
                {"AttributeName": "placed", "AttributeType": "N"},
            ],
            "KeySchema": [
                {"AttributeName": "customer", "KeyType": "HASH"},
                {"AttributeName": "order", "KeyType": "RANGE"},
            ],
            "LocalSecondaryIndexes": [
                {
                    "IndexName": "by-placed",
                    "KeySchema": [
                        {"AttributeName": "customer", "KeyType": "HASH"},
                        {"AttributeName": "placed", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        },
        "sqs": {
            "QueueName": "Fulfilment.fifo",
            "Attributes": {"FifoQueue": "true", "ContentBasedDeduplication": "true"},
        },
        "s3": {"Bucket": "receipts-bucket"},
    }


def test_an_index_is_made_without_the_capacity_that_only_the_real_one_has() -> None:
    index = "{ IndexName: by-a, KeySchema: [], Projection: {}, ProvisionedThroughput: {} }"
    table = f"  T: {{ Type: AWS::DynamoDB::GlobalTable, Properties: {{ GlobalSecondaryIndexes: [{index}] }} }}\n"
    (call,) = read(FUNCTION % "x" + table).calls
    assert call[2]["GlobalSecondaryIndexes"] == [{"IndexName": "by-a", "KeySchema": [], "Projection": {}}]


def test_a_simple_table_has_a_key_of_one_attribute() -> None:
    key = "{ PrimaryKey: { Name: n, Type: Number } }"
    text = FUNCTION % "x" + f"  A: {{ Type: AWS::Serverless::SimpleTable, Properties: {key} }}\n"
    (call,) = read(text).calls
    assert call[2]["AttributeDefinitions"] == [{"AttributeName": "n", "AttributeType": "N"}]


def test_a_resource_whose_condition_is_not_met_is_not_made() -> None:
    text = MORE + FUNCTION % "x"
    text += "".join(
        f"  {name}: {{ Type: AWS::SNS::Topic, Condition: {name} }}\n" for name in ("IsDev", "IsProd", "IsOpen")
    )
    found = read(text)
    assert [call[2]["Name"] for call in found.calls] == ["IsDev", "IsOpen"]
    assert found.unresolved == (
        "template.yaml: the condition of IsOpen is left out: the parameter Open has no default",
    )


def test_a_template_may_be_json() -> None:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "app.handler"}}
    assert read(json.dumps({"Resources": {"F": function, "T": {"Type": "AWS::SNS::Topic"}}})).calls == (
        ["sns", "create_topic", {"Name": "T", "Attributes": {}}],
    )


TWO = """\
Globals: { Function: { Handler: app.handler, Environment: { Variables: { WHO: all, OF: shared } } } }
Resources:
  One: { Type: AWS::Serverless::Function, Properties: { CodeUri: one/, Environment: { Variables: { WHO: one } } } }
  Two: { Type: AWS::Serverless::Function, Properties: { CodeUri: src/two, Environment: { Variables: { WHO: two } } } }
  Image:
    Type: AWS::Serverless::Function
    Properties: { PackageType: Image, ImageConfig: { Command: [image.main] } }
"""


def test_of_functions_of_one_handler_the_folder_of_the_code_decides(tmp_path: Path) -> None:
    name = str(tmp_path / NAME)
    near = read(TWO, target("app:handler", str(tmp_path / "src" / "two")), name)
    assert near.env == {"WHO": "two", "OF": "shared"}
    assert read(TWO, target("src.two.app:handler", str(tmp_path)), name).env["WHO"] == "two"
    assert read(TWO, target("image:main"), name).env["WHO"] == "all"
    assert declared(parsed(TWO, name), name, target("app:handler", str(tmp_path)), "Two").env["WHO"] == "two"
    with pytest.raises(ConfigurationError, match=r"has no function Three\. It has One, Two, Image\."):
        declared(parsed(TWO, name), name, target("app:handler"), "Three")
    with pytest.raises(ConfigurationError, match=r"several functions with the handler app\.handler: One, Two"):
        read(TWO, target("app:handler", str(tmp_path)), name)


def test_a_handler_in_a_path_is_the_module_of_that_path() -> None:
    text = (FUNCTION % "x").replace("app.handler", "shop/orders.handler")
    assert read(text, target("shop.orders:handler")).env == {"VALUE": "x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", r"template\.yaml is no YAML: .* line 1, column"),
        ("[]", "has no Resources"),
        ("{}", "has no Resources"),
        ("Resources: []", "has no Resources"),
        ("Resources: { A: { Properties: {} } }", "has no Resources, each with a Type"),
        ("a: !!python/object:os.system x", "is no YAML"),
        (
            FUNCTION.replace("app.", "shop.") % "x",
            r"no function with the handler app\.handler\. Those .* shop\.handler",
        ),
        ("Resources: { A: { Type: AWS::SNS::Topic } }", "None of its functions has one"),
    ],
)
def test_what_is_no_template_of_this_handler_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read(text)


@pytest.mark.parametrize(
    "more",
    [
        "  A: { Type: AWS::DynamoDB::Table, Properties: { GlobalSecondaryIndexes: 5 } }\n",
        "  A: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Join 5 } }\n",
        "  A: &a { Type: AWS::SNS::Topic, Properties: { Tags: *a } }\n",
    ],
)
def test_a_resource_that_cannot_be_read_is_left_out_and_said(more: str) -> None:
    found = read(FUNCTION % "x" + more)
    assert found.calls == ()
    assert found.unresolved[0].startswith("template.yaml: A is left out: ")


def test_what_the_user_writes_down_wins_over_the_template() -> None:
    template = Declared(
        env={"A": "template", "B": "template"},
        calls=(
            ["dynamodb", "create_table", {"TableName": "orders"}],
            ["s3", "create_bucket", {"Bucket": "lake"}],
            ["sqs", "create_queue", {"QueueName": "mails", "Attributes": {"FifoQueue": "true"}}],
            ["sns", "create_topic", {"Name": "mails"}],
        ),
        unresolved=("x",),
    )
    own: Any = ["sqs", "create_queue", {"QueueName": "mails"}]
    world = Declared(
        env={"A": "world"},
        tables=({"name": "orders", "keys": {"id": "S"}},),
        objects=({"bucket": "lake"},),
        calls=(own,),
    )
    found = merged(template, world)
    assert found.env == {"A": "world", "B": "template"}
    assert found.calls == (["sns", "create_topic", {"Name": "mails"}], own)
    assert (found.tables, found.unresolved) == (world.tables, ("x",))


def test_a_handler_meets_what_its_template_describes() -> None:
    """The queue's own attribute makes it safe, and only a local index answers with the newest."""
    of = target("templated:handler")
    found = audit(job("templated", declared=read((HANDLERS / NAME).read_text(), of)))
    assert (found.verdict, found.reason) == ("safe", "deduplicated outside"), found.unknowns
    assert found.assumptions == (
        "template.yaml: the variable SECRET is left out: the parameter SecretName has no default",
    )
