import json
import boto3

table = boto3.resource("dynamodb").Table("lines")

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    with table.batch_writer() as batch:
        for number in range(3):
            batch.put_item(Item={"id": f"{order['order_id']}-{number}", "amount": order["amount"]})
