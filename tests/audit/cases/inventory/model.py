import json
from typing import NamedTuple


class Reservation(NamedTuple):
    order: str
    sku: str
    count: int


def reservations(record):
    body = json.loads(record["body"])
    return [Reservation(body["order_id"], line["sku"], line["count"]) for line in body["lines"]]
