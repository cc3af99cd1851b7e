import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb", config=Config(retries={"max_attempts": 4, "mode": "standard"}, read_timeout=2))


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        try:
            dynamodb.update_item(
                TableName="accounts",
                Key={"id": {"S": order["customer"]}},
                UpdateExpression="ADD spent :amount, seen :ids",
                ConditionExpression="NOT contains(seen, :id)",
                ExpressionAttributeValues={
                    ":amount": {"N": str(order["amount"])},
                    ":ids": {"SS": [record["messageId"]]},
                    ":id": {"S": record["messageId"]},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
