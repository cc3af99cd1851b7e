"""The environment: Lambda's, the world's, and what is missing in it; no credentials, no proxies."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from ...lab.context import ACCOUNT, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...lab.loading import Target
    from .link import Link

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIATWICESAFEAUDIT00",
    "AWS_SECRET_ACCESS_KEY": "audit",
    "AWS_SESSION_TOKEN": "audit",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""What the handler gets in the place of what this machine may have."""
LEFT_OUT = re.compile(r"AWS_|AMAZON_|.*_PROXY$|TWICESAFE_|LAMBDA_|TMPDIR$|PYTEST|COV_|COVERAGE", re.IGNORECASE)


def set_up(target: Target, given: Mapping[str, str], store: str) -> None:
    """Make the environment of this process that of the handler.

    Args:
        given: what the world says; it wins.
        store: the URL of the store for a handler that names none.
    """
    kept = {name: value for name, value in os.environ.items() if not LEFT_OUT.match(name)}
    chosen = os.environ.get("TWICESAFE_STORE", "")
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    os.environ.clear()
    os.environ.update(region)
    usual = variables(target.function_name, target.lambda_handler, target.root)
    usual["AWS_LAMBDA_LOG_STREAM_NAME"] = "2026/12/30/[$LATEST]0"
    os.environ.update({**usual, **CREDENTIALS, **kept, "TMPDIR": "/tmp"})  # noqa: S108 - it is the sandbox's own
    os.environ["TWICESAFE_STORE"] = chosen if chosen.startswith("dynamodb:") else store
    os.environ.update(given)


def supply(link: Link) -> None:
    """Let user code that asks for a variable that is not there have one that looks like what it asks for.

    `os.environ.get` says itself what it wants then, and is left alone.
    """
    theirs: Any = type(os.environ)
    real = theirs.__getitem__

    def getitem(self: Any, name: str) -> str:
        try:
            return str(real(self, name))
        except KeyError:
            if self is not os.environ or not link.is_own(sys._getframe(1)):  # noqa: SLF001 - who asks decides
                raise
            value = made_up(name)
            self[name] = value
            link.supplied(f"the variable {name} = {value!r}")
            return value

    theirs.__getitem__ = getitem


def made_up(name: str) -> str:
    """A value that looks like what a variable of this name holds."""
    words = set(name.upper().split("_"))
    plain = name.lower().replace("_", "-")
    if words & {"TOPIC"}:
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:{plain}"
    if words & {"QUEUE"} and words & {"ARN"}:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{plain}"
    if words & {"QUEUE"}:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{plain}"
    if words & {"STATE", "STATEMACHINE", "SFN"} and words & {"ARN", "MACHINE"}:
        return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{plain}"
    if words & {"URL", "URI", "ENDPOINT"}:
        return f"https://{plain}.example.com"
    if words & {"SENDER", "EMAIL", "MAIL", "RECIPIENT", "FROM", "TO"}:
        return f"{plain}@example.com"
    if words & {"TIMEOUT", "COUNT", "LIMIT", "SIZE", "PORT", "DAYS", "HOURS", "SECONDS", "TTL"}:
        return "1"
    return plain
