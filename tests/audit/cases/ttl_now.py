import json
import time

import boto3

table = boto3.resource("dynamodb").Table("sessions")


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    table.put_item(Item={"id": order["order_id"], "expires_at": int(time.time()) + 7 * 86400})
