import json
import uuid

import boto3

from twicesafe import idempotent, step

table = boto3.resource("dynamodb").Table("orders")


def new_id():
    return str(uuid.uuid4())


@idempotent(key="json(body).order_id")
def handler(event, context):
    item = {"id": step("new_id", new_id), **json.loads(event["body"])}
    table.put_item(Item=item)
    return {"statusCode": 201, "body": json.dumps(item)}
