"""A Kinesis stream of meter readings. Each adds to its customer's bill, which is not safe to repeat, exactly once."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twicesafe import idempotent, step

BILLS = Path(os.environ.get("BILLS_FILE", ".twicesafe/bills.db"))
SCHEMA = Path(__file__).with_name("schema.sql")


@idempotent(report_failures=True)  # the event source mapping has ReportBatchItemFailures
def handler(event: dict[str, Any], context: Any) -> None:
    for record in event["Records"]:
        reading = json.loads(base64.b64decode(record["kinesis"]["data"]))
        with closing(connect()) as bills:
            step.transaction("bill", bills, add_to_bill, reading)


def add_to_bill(cursor: sqlite3.Cursor, reading: dict[str, Any]) -> None:
    """Commit the addition and the record of it as one, so that no crash can part them."""
    cursor.execute(
        "INSERT INTO bills VALUES (:customer, :kwh) ON CONFLICT (customer) DO UPDATE SET kwh = kwh + excluded.kwh",
        {"customer": reading["customer"], "kwh": reading["kwh"]},
    )


def connect() -> sqlite3.Connection:
    BILLS.parent.mkdir(parents=True, exist_ok=True)
    bills = sqlite3.connect(BILLS, timeout=10)
    bills.executescript(SCHEMA.read_text())
    return bills
