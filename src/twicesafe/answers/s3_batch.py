"""What S3 Batch Operations hears: for a temporary failure it comes again before its job ends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html (response and result codes)
"""

from __future__ import annotations

from ..errors import InProgress, NotEnoughTime, StoreUnavailable
from .reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..errors import TwicesafeError
    from ..protocol.records import Millis
    from .reader import Statuses

TEMPORARY = "TemporaryFailure"


def _says_failed(_: Statuses, reply: Any) -> bool:
    results = reply.get("results") if isinstance(reply, dict) else None
    found = results if isinstance(results, list) else []
    return any(isinstance(one, dict) and one.get("resultCode") == TEMPORARY for one in found)


def _to_keep(reply: Any) -> Any:
    return reply


def _replayed(event: Any, reply: Any, _: Millis) -> Any:
    """It names the invocation that it answers, and each try is another."""
    return {**reply, "invocationId": event.get("invocationId")} if isinstance(reply, dict) else reply


def _refused(error: TwicesafeError, event: Any) -> dict[str, object] | None:
    if not isinstance(error, (InProgress, StoreUnavailable, NotEnoughTime)):
        return None
    why = f"{type(error).__name__}: it was not run."
    tasks = [{"taskId": task["taskId"], "resultCode": TEMPORARY, "resultString": why} for task in event["tasks"]]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event.get("invocationId"),
        "results": tasks,
    }


S3_BATCH = Reader(_says_failed, _to_keep, _replayed, _refused)
