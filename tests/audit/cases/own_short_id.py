import json
import random
import string
import time

import boto3

ALPHABET = string.ascii_uppercase + string.digits
table = boto3.resource("dynamodb").Table("tickets")


def new_ticket():
    return f"T{int(time.time() * 1000):X}" + "".join(random.choices(ALPHABET, k=4))


def handler(event, context):
    order = json.loads(event["body"])
    ticket = new_ticket()
    table.put_item(Item={"id": ticket, "order": order["order_id"]}, ConditionExpression="attribute_not_exists(id)")
    return {"statusCode": 201, "body": json.dumps({"ticket": ticket})}
