import boto3

from twicesafe import idempotent, step
from twicesafe.downstream import aws_call

sqs = boto3.client("sqs")
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/fulfilment.fifo"


@idempotent(key="json(body).order_id")
def handler(event, context):
    step("send_message", aws_call(sqs.send_message), QueueUrl=QUEUE, MessageBody=event["body"], MessageGroupId="g")
    return {"statusCode": 202}
