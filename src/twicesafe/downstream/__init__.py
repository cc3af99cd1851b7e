"""Hands a step's downstream key to clients that are not your own: Stripe's, boto3's, httpx's, requests'.

charge = step("charge", stripe_call(stripe.PaymentIntent.create), amount=4900, currency="eur")
step("start", aws_call(client.start_execution), stateMachineArn=arn, input=json.dumps(order))
step("pay", lambda: httpx.post(url, json=order, auth=KeyHeader("paypal")))
"""

from ..errors import KeyInUse, KeyReused
from ..providers import PROVIDERS, Provider
from .aws import aws_call
from .http import KeyHeader, check
from .stripe import stripe_call

__all__ = ["PROVIDERS", "KeyHeader", "KeyInUse", "KeyReused", "Provider", "aws_call", "check", "stripe_call"]
