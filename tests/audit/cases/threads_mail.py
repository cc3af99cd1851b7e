import json
from concurrent.futures import ThreadPoolExecutor

import boto3

ses = boto3.client("sesv2")


def mail(order):
    ses.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": [order["email"]]},
        Content={"Simple": {"Subject": {"Data": "Thanks"}, "Body": {"Text": {"Data": f"Order {order['order_id']}"}}}},
    )


def handler(event, context):
    orders = [json.loads(record["body"]) for record in event["Records"]]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(mail, orders))
