import json
from dataclasses import dataclass

import boto3


@dataclass(frozen=True)
class Order:
    id: str
    amount: int

    @classmethod
    def of(cls, record):
        body = json.loads(record["body"])
        return cls(body["order_id"], body["amount"])


class OrderService:
    def __init__(self, table):
        self.table = table

    def handle(self, event, context):
        for order in map(Order.of, event["Records"]):
            self.save(order)

    def save(self, order):
        self.table.put_item(Item={"id": order.id, "amount": order.amount, "vat": order.amount * 19 // 100})


handler = OrderService(boto3.resource("dynamodb").Table("orders")).handle
