import json
import stripe

stripe.api_key = "sk_test_1"

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    return stripe.PaymentIntent.create(amount=order["amount"], currency="eur").id
