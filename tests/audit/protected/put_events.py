import json

import boto3

from twicesafe import idempotent, step

events = boto3.client("events")


@idempotent
def handler(event, context):
    entry = {"Source": "shop", "DetailType": "OrderPaid", "Detail": json.dumps(event["detail"])}
    step("put_events", events.put_events, Entries=[entry])
