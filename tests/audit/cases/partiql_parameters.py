import json

import boto3

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    dynamodb.execute_statement(
        Statement="INSERT INTO orders VALUE {'id': ?, 'amount': ?}",
        Parameters=[{"S": order["order_id"]}, {"N": str(order["amount"])}],
    )
