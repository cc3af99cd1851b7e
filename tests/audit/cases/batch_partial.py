import json
import boto3

table = boto3.resource("dynamodb").Table("orders")

def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            table.put_item(Item={"id": order["order_id"], "amount": order["amount"]})
        except Exception:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
