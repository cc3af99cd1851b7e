import io
import json
import boto3

s3 = boto3.client("s3")

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    s3.upload_fileobj(io.BytesIO(event["Records"][0]["body"].encode()), "archive", f"orders/{order['order_id']}.json")
