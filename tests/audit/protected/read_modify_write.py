import json

import boto3

from twicesafe import idempotent, step

table = boto3.resource("dynamodb").Table("accounts")


def read(customer):
    return table.get_item(Key={"id": customer})["Item"]


@idempotent
def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    account = step("read", read, order["customer"])
    table.put_item(Item={**account, "balance": account["balance"] - order["amount"]})
