"""A mail to each new user, from an async function with a key of its own.

A producer that is not sure sends the event again, under another id: only the user's id tells that it is the same.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from twicesafe import idempotent

OUTBOX = Path(os.environ.get("OUTBOX", ".twicesafe/outbox"))


@dataclass
class User:
    user: str
    name: str
    email: str


@dataclass
class Sent:
    to: str
    mail: str


def handler(event: dict[str, Any], context: Any) -> str:
    sent = asyncio.run(welcome(User(**event["detail"])))
    return sent.mail


@idempotent(key=lambda user: user.user, expires_after=timedelta(days=30))
async def welcome(user: User) -> Sent:
    """Send it, and say which mail it was; a later caller gets the same answer, as the same class."""
    number = os.urandom(8).hex()
    mail = EmailMessage()
    mail["To"] = user.email
    mail["Subject"] = f"Welcome, {user.name}"
    mail["Message-ID"] = f"<{number}@shop.example.com>"
    mail.set_content("Good to have you.\n")
    await asyncio.to_thread(put_into_outbox, number, mail)
    return Sent(user.email, number)


def put_into_outbox(number: str, mail: EmailMessage) -> None:
    OUTBOX.mkdir(parents=True, exist_ok=True)
    (OUTBOX / f"{number}.eml").write_bytes(bytes(mail))
