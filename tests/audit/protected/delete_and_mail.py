import json

import boto3

from twicesafe import idempotent, step

table = boto3.resource("dynamodb").Table("orders")
ses = boto3.client("ses")


@idempotent(key="json(body).order_id")
def handler(event, context):
    order = json.loads(event["body"])
    table.delete_item(Key={"id": order["order_id"]})
    message = {"Subject": {"Data": "Cancelled"}, "Body": {"Text": {"Data": order["order_id"]}}}
    to = {"ToAddresses": ["c@example.com"]}
    step("send_email", ses.send_email, Source="shop@example.com", Destination=to, Message=message)
    return {"statusCode": 204}
