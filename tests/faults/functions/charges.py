"""Handlers whose effect is a line in a file, on a store that the test has chosen."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from twicesafe import idempotent
from twicesafe.stores.dynamodb import DynamoDBStore


def never_found(host, *_args, **_kwargs):
    """A look-up of a name that takes longer than anybody waits."""
    time.sleep(60)
    raise socket.gaierror(f"{host} was not found")


if os.environ.get("NAMES") == "hang":
    socket.getaddrinfo = never_found


def store():
    options = {"endpoint": os.environ["ENDPOINT"]}
    if os.environ["CONNECTION"] == "own client":
        import boto3  # whose limits are a minute for each of several tries

        return DynamoDBStore("faults", client=boto3.client("dynamodb", endpoint_url=options["endpoint"]))
    return DynamoDBStore("faults", connection=os.environ["CONNECTION"], **options)


def charge(event, context):
    with Path(os.environ["CHARGES"]).open("a") as file:
        file.write("charged\n")
    return "charged"


async def charge_later(event, context):
    return charge(event, context)


opened = store()
handler = idempotent(store=opened, name="charge")(charge)
async_handler = idempotent(store=opened, name="charge")(charge_later)
reporting = idempotent(store=opened, name="charge", report_failures=True)(charge)
