import json
from concurrent.futures import ThreadPoolExecutor
import boto3

dynamodb = boto3.client("dynamodb")

def put(table, order):
    dynamodb.put_item(TableName=table, Item={"id": {"S": order["order_id"]}, "amount": {"N": str(order["amount"])}})

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(put, name, order) for name in ("orders", "copies")]:
            done.result()
