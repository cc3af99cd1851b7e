import json

import boto3


class Notifier:
    """Remembers what it has sent, for as long as the sandbox lives."""

    def __init__(self):
        self.sns = boto3.client("sns")
        self.seen = set()

    def __call__(self, event, context):
        for record in event["Records"]:
            if record["messageId"] in self.seen:
                continue
            order = json.loads(record["body"])
            self.sns.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:orders", Message=order["order_id"])
            self.seen.add(record["messageId"])


handler = Notifier()
