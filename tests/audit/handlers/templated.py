"""What template.yaml describes: a queue that deduplicates by content, a table with a local index, a bucket."""

import json
import os

import boto3
from boto3.dynamodb.conditions import Key


def handler(event, context):
    order = event["order_id"]
    table = boto3.resource("dynamodb").Table(os.environ["ORDERS"])
    table.put_item(Item={"customer": "c-1", "order": order, "placed": 7})
    query = {"IndexName": "by-placed", "ConsistentRead": True, "KeyConditionExpression": Key("customer").eq("c-1")}
    placed = table.query(**query)["Items"]
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps({"order": order}), MessageGroupId="g"
    )
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=order, Body=b"placed")
    return {"placed": len(placed), "stage": os.environ.get("STAGE"), "secret": os.environ.get("SECRET")}
