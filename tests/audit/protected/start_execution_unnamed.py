import json
import os

import boto3

from twicesafe import idempotent, step
from twicesafe.downstream import aws_call

stepfunctions = boto3.client("stepfunctions")


@idempotent
def handler(event, context):
    machine, data = os.environ["STATE_MACHINE_ARN"], json.dumps(event["detail"])
    step("start_execution", aws_call(stepfunctions.start_execution), stateMachineArn=machine, input=data)
