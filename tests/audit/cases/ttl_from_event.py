import json

import boto3

table = boto3.resource("dynamodb").Table("sessions")


def handler(event, context):
    record = event["Records"][0]
    order = json.loads(record["body"])
    sent = int(record["attributes"]["SentTimestamp"]) // 1000
    table.put_item(Item={"id": order["order_id"], "expires_at": sent + 7 * 86400})
