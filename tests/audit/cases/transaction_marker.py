import json

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    record = event["Records"][0]
    order = json.loads(record["body"])
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": "seen",
                        "Item": {"id": {"S": record["messageId"]}},
                        "ConditionExpression": "attribute_not_exists(id)",
                    }
                },
                {
                    "Update": {
                        "TableName": "accounts",
                        "Key": {"id": {"S": order["customer"]}},
                        "UpdateExpression": "SET balance = balance - :amount",
                        "ExpressionAttributeValues": {":amount": {"N": str(order["amount"])}},
                    }
                },
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException as error:
        reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
        if reasons[0] != "ConditionalCheckFailed":
            raise
