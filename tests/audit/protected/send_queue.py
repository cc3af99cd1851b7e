import boto3

from twicesafe import idempotent, step

sqs = boto3.client("sqs")
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/fulfilment"


@idempotent(key="json(body).order_id")
def handler(event, context):
    step("send_message", sqs.send_message, QueueUrl=QUEUE, MessageBody=event["body"])
    return {"statusCode": 202}
