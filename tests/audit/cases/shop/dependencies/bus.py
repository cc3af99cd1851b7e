import json
import boto3

sqs = boto3.client("sqs")

def send(queue, body):
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
