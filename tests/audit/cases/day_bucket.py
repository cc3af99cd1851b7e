import json
from datetime import datetime, timezone

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    order = event["detail"]
    day = datetime.now(timezone.utc).strftime("%Y/%m/%d")
    s3.put_object(Bucket="lake", Key=f"orders/{day}/{order['order_id']}.json", Body=json.dumps(order))
