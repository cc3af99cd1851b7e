import json

import boto3

sqs = boto3.client("sqs")
table = boto3.resource("dynamodb").Table("orders")
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        table.put_item(Item={"id": order["order_id"], "amount": order["amount"]})
        sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=record["receiptHandle"])
