import json
import urllib.parse
import urllib.request

from twicesafe import idempotent, step


@idempotent
def handler(event, context):
    return step("post", post, json.loads(event["Records"][0]["body"]))


def post(order, idempotency_key):
    request = urllib.request.Request(
        "https://api.stripe.com/v1/charges",
        method="POST",
        data=urllib.parse.urlencode({"amount": order["amount"], "currency": "eur"}).encode(),
        headers={"Authorization": "Bearer sk_test", "Idempotency-Key": idempotency_key},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["id"]
