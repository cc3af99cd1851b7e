"""Handlers that do one thing each, for deliveries in real processes."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from twicesafe import current_execution, idempotent, step

atexit.register(lambda: mark("atexit"))


def mark(line: str) -> None:
    """Say so in a file that outlives the process, where the test named one."""
    if path := os.environ.get("MARKS"):
        with Path(path).open("a") as file:
            file.write(f"{line}\n")


def echo(event, context):
    return event


def environment(event, context):
    return dict(os.environ)


def about(event, context):
    """The context, as it is seen from here."""
    return {
        "shown": repr(context),
        "remaining": context.get_remaining_time_in_millis(),
        "identity": context.identity.cognito_identity_id,
        "w3c": context.w3c(),
        **{name: value for name, value in vars(context).items() if name[0] != "_" and name != "identity"},
    }


def says(event, context):
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().info("logged")
    print("printed")
    sys.stderr.write("to standard error\n")
    os.write(1, b"written to descriptor 1\n")
    context.log("said to the context")


def talkative(event, context):
    for _ in range(event["lines"]):
        print("x" * 1023)
    return "y" * 1024 * event["lines"]


def reads_input(event, context):
    return sys.stdin.read()


def raises(event, context):
    mark("ran")
    raise ValueError("no money\nat all")


def exits(event, context):
    sys.exit(event)


def ends(event, context):
    os._exit(event)


def interrupted(event, context):
    raise KeyboardInterrupt


def unsendable(event, context):
    return {1, 2}


async def later(event, context):
    return {"async": True}


def without_parameters():
    return None


def waits(event, context):
    """Wait, and clean up: unless it is killed."""
    print("before")
    mark(f"began {os.getpid()}")
    try:
        time.sleep(event if isinstance(event, (int, float)) else 60)
    finally:
        mark("finally")


def starts_another(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    mark(f"began {os.getpid()}")
    mark(f"began {child.pid}")
    time.sleep(60)


def leaves_another(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return child.pid


def meets(event, context):
    """Return only when as many processes as the event says are in here at once."""
    mark(f"began {os.getpid()}")
    while len(Path(os.environ["MARKS"]).read_text().split("\n")) <= event:
        time.sleep(0.01)


@idempotent
def protected(event, context):
    mark("ran")
    return {"request": context.aws_request_id}


@idempotent
def protected_failing(event, context):
    mark("ran")
    raise ValueError("not yet")


@idempotent
def protected_batch(event, context):
    mark(event["Records"][0]["messageId"])


@idempotent
async def protected_later(event, context):
    mark("ran")
    return {"async": True}


@idempotent(on_unknown="raise")
def at_most_once(event, context):
    """Charge, as it were, and then, where it was told to, take so long that it can be killed."""
    step("charge", charge)
    if os.environ.get("HANGS"):
        mark("hangs")
        time.sleep(60)


def charge(idempotency_key):
    execution = current_execution()
    mark(f"charged in attempt {execution.attempt} with {idempotency_key}")


not_callable = 5
