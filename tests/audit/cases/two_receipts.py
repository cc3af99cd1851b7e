import json
import uuid
import boto3

dynamodb = boto3.resource("dynamodb")

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    for name in ("orders", "invoices"):
        dynamodb.Table(name).update_item(
            Key={"id": order["order_id"]}, UpdateExpression="SET receipt = if_not_exists(receipt, :r)",
            ExpressionAttributeValues={":r": str(uuid.uuid4())})
