import json

import requests

from twicesafe import idempotent, step


def post(order):
    requests.post("https://hooks.example.com/orders", json=order, timeout=5).raise_for_status()


@idempotent
def handler(event, context):
    for record in event["Records"]:
        step("post", post, json.loads(record["body"]))
