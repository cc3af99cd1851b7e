import json
import boto3

machine = "arn:aws:states:us-east-1:123456789012:stateMachine:fulfil"
sfn = boto3.client("stepfunctions")

def handler(event, context):
    sfn.start_execution(stateMachineArn=machine, name=event["id"], input=json.dumps(event["detail"]))
