"""A checkout: one SQS message an order. It charges the card, writes the order, and mails the receipt."""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.request
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from twicesafe import idempotent, step

PAYMENTS = os.environ.get("PAYMENTS_URL", "http://127.0.0.1:4242")
SHOP = Path(os.environ.get("SHOP_FOLDER", ".twicesafe/shop"))


@idempotent
def handler(event: dict[str, Any], context: Any) -> None:
    for message in event["Records"]:
        order = json.loads(message["body"])
        charge = step("charge", charge_card, order)
        step("order", write_order, order, charge)
        step("receipt", mail_receipt, order, charge)


def charge_card(order: dict[str, Any], idempotency_key: str | None = None) -> dict[str, Any]:
    """Take the money. The payment server deduplicates by the key, which twicesafe hands in here."""
    request = urllib.request.Request(
        f"{PAYMENTS}/v1/charges",
        json.dumps({"order": order["id"], "amount": order["amount"], "currency": "eur"}).encode(),
        {"Content-Type": "application/json"},
    )
    if idempotency_key is not None:
        request.add_header("Idempotency-Key", idempotency_key)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def write_order(order: dict[str, Any], charge: dict[str, Any]) -> None:
    """Add the order to the shop's book."""
    SHOP.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(SHOP / "orders.db", timeout=10)) as book, book:
        book.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, id TEXT, charge TEXT)")
        book.execute("INSERT INTO orders (id, charge) VALUES (?, ?)", (order["id"], charge["id"]))


def mail_receipt(order: dict[str, Any], charge: dict[str, Any]) -> None:
    """Put the receipt into the outbox."""
    mail = EmailMessage()
    mail["To"] = order["customer"]
    mail["Subject"] = f"Your order {order['id']}"
    mail.set_content(f"Thank you. We charged {order['amount'] / 100:.2f} EUR ({charge['id']}).\n")
    outbox = SHOP / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    (outbox / f"{os.urandom(8).hex()}.eml").write_bytes(bytes(mail))
