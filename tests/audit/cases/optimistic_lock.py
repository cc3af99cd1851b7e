import json

import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table("stock")


def take(product):
    while True:
        item = table.get_item(Key={"id": product}, ConsistentRead=True)["Item"]
        try:
            table.put_item(
                Item={**item, "left": item["left"] - 1, "revision": item["revision"] + 1},
                ConditionExpression="revision = :seen",
                ExpressionAttributeValues={":seen": item["revision"]},
            )
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def handler(event, context):
    take(json.loads(event["Records"][0]["body"])["product"])
