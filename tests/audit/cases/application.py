import json
import boto3

class Application:
    def __init__(self):
        self.queue = boto3.resource("sqs").Queue("https://sqs.us-east-1.amazonaws.com/123456789012/mails")

    def handle(self, event, context):
        self.queue.send_message(MessageBody=json.dumps(event["detail"]))

application = Application()
handler = application.handle
