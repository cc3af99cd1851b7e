"""An endpoint: POST /orders. Whoever sends the same Idempotency-Key again gets the same order again."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twicesafe import idempotent, step

ORDERS = Path(os.environ.get("ORDERS_FILE", ".twicesafe/orders.db"))


@idempotent(require_key=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    order = json.loads(event["body"])
    if not order.get("items"):
        return answer(422, {"error": "An order has at least one item."})
    return answer(201, {"order": step("order", write_order, order)})


def write_order(order: dict[str, Any], idempotency_key: str) -> str:
    """Add the order under a number that is the same in each attempt, so that a crash leaves no second one."""
    ORDERS.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(ORDERS, timeout=10)) as orders, orders:
        orders.execute("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, items TEXT)")
        orders.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", (idempotency_key, json.dumps(order["items"])))
    return idempotency_key


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
