import json
from datetime import date

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    sqs.send_message(
        QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/reminders.fifo",
        MessageBody=json.dumps({"remind": order["customer"]}),
        MessageGroupId=order["customer"],
        MessageDeduplicationId=f"{order['customer']}-{date.today():%Y%m%d}",
    )
