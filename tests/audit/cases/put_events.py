import json
import boto3

events = boto3.client("events")

def handler(event, context):
    entry = {"Source": "shop", "DetailType": "OrderPaid", "Detail": json.dumps(event["detail"])}
    events.put_events(Entries=[entry])
