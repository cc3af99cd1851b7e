import json

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, VersionAttribute
from pynamodb.models import Model


class Order(Model):
    class Meta:
        table_name = "orders"
        region = "us-east-1"

    id = UnicodeAttribute(hash_key=True)
    amount = NumberAttribute()
    version = VersionAttribute()


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    Order(order["order_id"], amount=order["amount"]).save()
