import json
import os
import time
import boto3

table = boto3.resource("dynamodb").Table("orders")
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

def ulid():
    number = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(LETTERS[(number >> 5 * place) & 31] for place in reversed(range(26)))

def handler(event, context):
    table.put_item(Item={"id": ulid(), **json.loads(event["Records"][0]["body"])})
