"""S3 Batch Operations: a task comes again, each time in another invocation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing
from twicesafe import PayloadMismatch, idempotent
from twicesafe.protocol.commands import Claim


def task(invocation: str, key: str = "a") -> dict[str, Any]:
    event = s.SAMPLES["s3 batch"][0]
    return {**event, "invocationId": invocation, "tasks": [{"taskId": "t", "s3Key": key}]}


def answer(event: Any, code: str, words: str = "") -> dict[str, Any]:
    return {
        "invocationSchemaVersion": "1.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": "t", "resultCode": code, "resultString": words}],
    }


def test_a_replay_answers_the_invocation_that_asks() -> None:
    calls: list[int] = []
    handler = idempotent(store=Clocked(), name="handler")(
        lambda event, context: calls.append(1) or answer(event, "Succeeded", str(len(calls)))
    )
    for invocation in ("i-1", "i-2"):
        assert handler(task(invocation), Context()) == answer(task(invocation), "Succeeded", "1")


def test_a_temporary_failure_runs_again_and_a_permanent_one_does_not() -> None:
    codes = iter(["TemporaryFailure", "PermanentFailure"])
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: answer(event, next(codes)))
    told = [handler(task(invocation), Context())["results"][0]["resultCode"] for invocation in ("i-1", "i-2", "i-3")]
    assert told == ["TemporaryFailure", "PermanentFailure", "PermanentFailure"]


def test_a_running_duplicate_comes_again() -> None:
    heard: list[Any] = []

    @idempotent(store=Clocked(), name="handler")
    def handler(event: Any, context: Any) -> Any:
        with ThreadPoolExecutor(1) as elsewhere:
            heard.append(elsewhere.submit(handler, task("i-2"), Context()).result())
        return answer(event, "Succeeded")

    handler(task("i-1"), Context())
    assert heard == [answer(task("i-2"), "TemporaryFailure", "InProgress: it was not run.")]


def test_what_was_not_run_comes_again() -> None:
    handler = idempotent(store=Failing(Claim), name="h")(lambda event, context: answer(event, "Succeeded"))
    told = handler(task("i-1"), Context())
    assert told["results"][0]["resultCode"] == "TemporaryFailure"
    late = idempotent(store=Clocked(), name="h")(lambda event, context: answer(event, "Succeeded"))
    assert late(task("i-1"), Context(remaining=0))["results"][0]["resultCode"] == "TemporaryFailure"


def test_what_would_not_help_is_raised() -> None:
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: answer(event, "Succeeded"))
    handler(task("i-1"), Context())
    with pytest.raises(PayloadMismatch):
        handler(task("i-2", key="b"), Context())


@pytest.mark.parametrize("reply", [None, "text", [], {}, {"results": None}, {"results": [7]}])
def test_a_reply_of_another_shape_is_replayed_all_the_same(reply: Any) -> None:
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: reply)
    first, again = handler(task("i-1"), Context()), handler(task("i-2"), Context())
    assert first == reply
    assert again == ({**reply, "invocationId": "i-2"} if isinstance(reply, dict) else reply)
