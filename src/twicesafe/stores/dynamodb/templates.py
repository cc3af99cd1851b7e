"""The table as CloudFormation and SAM, and the IAM policy of functions that use it: texts, made without boto3."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from .layout import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .layout import Layout

ACTIONS = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
"""No Scan: `twicesafe records list` is a person's command, and LeadingKeys cannot bound it."""

TABLE = """\
  TwicesafeTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      TableName: {name}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
{attributes}
      KeySchema:
{keys}
      TimeToLiveSpecification:
        AttributeName: {expiration}
        Enabled: true
"""
FUNCTION = """\
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: {function}
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.13
      Environment:
        Variables:
          TWICESAFE_STORE: !Sub {url}
      Policies:
        - Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action:
{actions}
              Resource: !GetAtt TwicesafeTable.Arn
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: [{leading}]
                "Null":
                  dynamodb:LeadingKeys: "false"
"""


def definition(layout: Layout) -> dict[str, Any]:
    """The table, as CreateTable wants it."""
    keys = _keys(layout)
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    }


def time_to_live(layout: Layout) -> dict[str, Any]:
    """By what DynamoDB deletes records, some days late at times: a claim looks at the expiry itself."""
    return {"AttributeName": layout.names.expiration, "Enabled": True}


def cloudformation(layout: Layout) -> str:
    """A CloudFormation template of the table."""
    return f'AWSTemplateFormatVersion: "2010-09-09"\nResources:\n{_table(layout)}'


def sam(layout: Layout, function: str) -> str:
    """A SAM template of the table, and of a function that uses it.

    Args:
        function: its name, with which its keys begin.
    """
    text = FUNCTION.format(
        function=json.dumps(function),
        url=json.dumps(url(layout._replace(table="${TwicesafeTable}"))),
        actions="\n".join(f"                - {action}" for action in ACTIONS),
        leading=json.dumps(f"{function}#*"),
    )
    head = 'AWSTemplateFormatVersion: "2010-09-09"\nTransform: AWS::Serverless-2016-10-31\nResources:\n'
    return head + _table(layout) + text


def iam_policy(layout: Layout, *functions: str, region: str = "*", account: str = "*", partition: str = "aws") -> str:
    """The IAM policy that lets functions use the table, each its own records only.

    `ForAllValues` also holds where a request has no such key at all: hence `Null`.

    Args:
        functions: what their keys begin with: the Lambda functions' names.
    """
    arn = f"arn:{partition}:dynamodb:{region}:{account}:table/{layout.table}"
    statement = {
        "Effect": "Allow",
        "Action": list(ACTIONS),
        "Resource": layout.table if layout.table.startswith("arn:") else arn,
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{name}#*" for name in functions]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def url(layout: Layout) -> str:
    """The URL that opens the store."""
    options = {
        f"attribute.{field}": name
        for field, name, usual in zip(Names._fields, layout.names, Names(), strict=True)
        if name != usual
    }
    if layout.sort_key is not None:
        options |= {"sort_key": layout.sort_key, "sort_value": layout.sort_value}
    return f"dynamodb://{layout.table}" + (f"?{urlencode(options)}" if options else "")


def _table(layout: Layout) -> str:
    keys = _keys(layout)
    attributes = [f"        - {{AttributeName: {json.dumps(name)}, AttributeType: S}}" for name in keys]
    schema = [f"        - {{AttributeName: {json.dumps(name)}, KeyType: {kind}}}" for name, kind in keys.items()]
    return TABLE.format(
        name=json.dumps(layout.table),
        attributes="\n".join(attributes),
        keys="\n".join(schema),
        expiration=json.dumps(layout.names.expiration),
    )


def _keys(layout: Layout) -> dict[str, str]:
    """The key's attributes, and what each is to it."""
    keys = {layout.names.id: "HASH"}
    if layout.sort_key is not None:
        keys[layout.sort_key] = "RANGE"
    return keys
