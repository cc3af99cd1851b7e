import json
import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")

def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        try:
            dynamodb.transact_write_items(TransactItems=[
                {"Put": {"TableName": "done", "Item": {"id": {"S": record["messageId"]}},
                         "ConditionExpression": "attribute_not_exists(id)"}},
                {"Update": {"TableName": "stats", "Key": {"id": {"S": order["customer"]}},
                            "UpdateExpression": "ADD spent :a", "ExpressionAttributeValues": {":a": {"N": "1"}}}}])
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
