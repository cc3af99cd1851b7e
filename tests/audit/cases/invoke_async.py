import json
import boto3

functions = boto3.client("lambda")

def handler(event, context):
    functions.invoke(FunctionName="send-receipt", InvocationType="Event", Payload=json.dumps(event["detail"]))
