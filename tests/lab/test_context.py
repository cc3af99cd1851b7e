"""What a handler finds around itself."""

from __future__ import annotations

import os
import re

import pytest

from tests.lab.conftest import FUNCTIONS, Lab
from twicesafe.lab.context import Context, new_trace_id, variables


def test_the_context_is_as_the_runtime_gives_it(lab: Lab) -> None:
    found = lab.one("about", timeout=30).reply
    assert re.fullmatch(r"[0-9a-f-]{36}", found["aws_request_id"])
    assert found["function_name"] == "handlers"
    assert found["function_version"] == "$LATEST"
    assert found["memory_limit_in_mb"] == "128"
    assert found["invoked_function_arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:handlers"
    assert found["log_group_name"] == "/aws/lambda/handlers"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", found["log_stream_name"])
    assert [found[name] for name in ("client_context", "tenant_id", "identity")] == [None, None, None]
    assert found["w3c"] == {}
    assert found["shown"].startswith(f"LambdaContext([aws_request_id={found['aws_request_id']},")
    assert 0 < found["remaining"] <= 30_000


def test_the_remaining_time_counts_down_to_nothing() -> None:
    context = Context("r-1", 0, variables("f", "app.handler", "."))
    assert context.get_remaining_time_in_millis() == 0


def test_the_environment_is_as_lambda_sets_it(lab: Lab) -> None:
    found = lab.one("environment").reply
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "handlers"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert found["LAMBDA_TASK_ROOT"] == str(FUNCTIONS)
    assert found["_HANDLER"] == "handlers.environment"
    assert found["TZ"] == ":UTC"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", found["_X_AMZN_TRACE_ID"])


def test_the_variables_of_the_user_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    assert variables("app", "app.handler", ".")["AWS_LAMBDA_FUNCTION_NAME"] == "orders"


def test_nothing_says_that_this_is_really_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert "AWS_LAMBDA_RUNTIME_API" not in variables("app", "app.handler", ".")
    assert "AWS_LAMBDA_RUNTIME_API" in os.environ


def test_each_trace_is_another() -> None:
    assert new_trace_id() != new_trace_id()


def test_all_that_is_said_is_in_the_log(lab: Lab) -> None:
    delivered = lab.one("says")
    logged, *others = delivered.log.splitlines()
    assert re.fullmatch(rf"\[INFO\]\t[0-9T:-]+\.\d{{3}}Z\t{delivered.call.request_id}\tlogged", logged)
    assert others == ["printed", "to standard error", "written to descriptor 1", "said to the context"]
