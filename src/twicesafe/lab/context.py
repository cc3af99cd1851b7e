"""What a handler finds around itself on Lambda: the context object, the environment's variables, the root log.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "123456789012"
VERSION = "$LATEST"
MEMORY = "128"
QUIET = {"POWERTOOLS_TRACE_DISABLED": "true", "AWS_XRAY_SDK_ENABLED": "false"}
"""There is no X-Ray daemon here; both libraries take LAMBDA_TASK_ROOT for a sign of one."""


def variables(name: str, handler: str, root: str) -> dict[str, str]:
    """What Lambda sets, for a process whose own environment does not say otherwise.

    AWS_LAMBDA_RUNTIME_API is left out: it says that this really is Lambda.

    Args:
        name: the function's name.
        handler: as in the function's configuration, "module.handler".
        root: the folder of the code.
    """
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    usual = {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{VERSION}]{os.urandom(16).hex()}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "LAMBDA_TASK_ROOT": root,
        "_HANDLER": handler,
        "TZ": ":UTC",
        **QUIET,
    }
    inherited = {name: value for name, value in os.environ.items() if name != "AWS_LAMBDA_RUNTIME_API"}
    return {**usual, **inherited}


class Identity:
    """The Cognito identity of a caller through the mobile SDK: there is none, but its fields are."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None

    def __repr__(self) -> str:
        return "CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])"


class Context:
    """The second argument of a handler, with the names and types of the runtime's."""

    def __init__(self, request_id: str, deadline: int, environment: Mapping[str, str]) -> None:
        """Take the rest from Lambda's variables.

        Args:
            deadline: milliseconds since the epoch.
        """
        self.aws_request_id = request_id
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]  # the runtime's is a text, too
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = (
            f"arn:aws:lambda:{environment['AWS_REGION']}:{ACCOUNT}:function:{self.function_name}"
        )
        self.identity = Identity()
        self.client_context: object = None
        self.tenant_id: str | None = None
        self._epoch_deadline_time_in_ms = deadline  # private there too, and yet some libraries read it

    def get_remaining_time_in_millis(self) -> int:
        """How long until the process is killed."""
        return max(0, self._epoch_deadline_time_in_ms - time.time_ns() // 1_000_000)

    def w3c(self) -> dict[str, str]:
        """The caller's W3C trace context: there is none."""
        return {}

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(f"{message}\n")

    def __repr__(self) -> str:
        fields = ",".join(f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"LambdaContext([{fields}])"


class LambdaLog(logging.StreamHandler):  # type: ignore[type-arg]  # Python 3.10 cannot subscript it
    """What Lambda's runtime hangs on the root logger: without it, what a function logs at INFO is lost."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.request_id = ""
        line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        self.formatter = logging.Formatter(line, "%Y-%m-%dT%H:%M:%S")
        self.formatter.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line, which names the request."""
        record.aws_request_id = self.request_id
        return super().format(record)


def new_trace_id() -> str:
    """As Lambda sets _X_AMZN_TRACE_ID for each invocation; not sampled, for nobody listens."""
    root = f"1-{int(time.time()):08x}-{os.urandom(12).hex()}"
    return f"Root={root};Parent={os.urandom(8).hex()};Sampled=0"
