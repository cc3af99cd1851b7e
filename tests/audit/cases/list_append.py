import json

import boto3

table = boto3.resource("dynamodb").Table("customers")


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    table.update_item(
        Key={"id": order["customer"]},
        UpdateExpression="SET #history = list_append(if_not_exists(#history, :none), :new)",
        ExpressionAttributeNames={"#history": "history"},
        ExpressionAttributeValues={":none": [], ":new": [order["order_id"]]},
    )
