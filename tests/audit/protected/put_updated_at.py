import datetime
import json

import boto3

from twicesafe import idempotent

table = boto3.resource("dynamodb").Table("orders")


@idempotent
def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        now = datetime.datetime.now().isoformat()
        table.put_item(Item={"id": order["order_id"], "amount": order["amount"], "updated_at": now})
