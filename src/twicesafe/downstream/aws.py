"""boto3 and aiobotocore: which parameter of which call is the token stands in AWS's own service descriptions."""

from __future__ import annotations

from datetime import datetime, timezone

from ..errors import ConfigurationError, KeyInUse, KeyReused
from ..execution.current import current_step
from ..providers import PROVIDERS
from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DEDUPLICATION = "MessageDeduplicationId"
NAMED = {
    "sqs.SendMessage": DEDUPLICATION,
    "sns.Publish": DEDUPLICATION,
    "stepfunctions.StartExecution": "name",
}
"""Tokens that the service descriptions do not mark as such."""
BATCHES = {"sqs.SendMessageBatch": "Entries", "sns.PublishBatch": "PublishBatchRequestEntries"}
"""Calls whose entries have a token each."""
FIFO = ("QueueUrl", "TopicArn")
REUSED = ("IdempotentParameterMismatch", "IdempotencyParameterMismatch")
IN_USE = ("TransactionInProgressException", "IdempotencyInProgress")


class _Call(NamedTuple):
    """One operation of one client."""

    call: Callable[..., Any]
    operation: str  # service and operation
    token: str | None  # None: its entries have one each

    def parameters(self, kwargs: dict[str, Any], key: str) -> dict[str, Any]:
        """What is sent."""
        target = next((kwargs[name] for name in FIFO if name in kwargs), None)
        if self.token in (None, DEDUPLICATION) and not str(target).endswith(".fifo"):
            raise ConfigurationError(
                f"{self.operation} deduplicates in a FIFO queue or topic only, and {target} is none. Call the client "
                "itself in a plain step, which a crash in its window may repeat."
            )
        if self.token is not None:
            return {self.token: key, **kwargs}
        entries = BATCHES[self.operation]
        return {**kwargs, entries: [{DEDUPLICATION: f"{key}.{e['Id']}", **e} for e in kwargs[entries]]}


def aws_call(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, for a step: it sends the step's downstream key as the token that this operation takes.

    That is the member with the trait idempotencyToken in botocore's own description of the service (ClientToken,
    ClientRequestToken, clientToken …); for a FIFO queue or topic the MessageDeduplicationId, for Step Functions the
    execution's name (of a standard workflow: an express one does not look at it).

    Args:
        call: a method of a boto3 or aiobotocore client: `client.run_task`.

    Returns:
        A function that returns what the call does, without its ResponseMetadata and with its times in UTC.

    Raises:
        ConfigurationError: now, the operation takes no token; from the call, the queue or topic is not FIFO.
        KeyInUse, KeyReused: from the call, as AWS says it.
    """
    described = _described(call)

    def keyed(*, idempotency_key: str, **kwargs: Any) -> Any:
        parameters = described.parameters(kwargs, idempotency_key)
        try:
            return _plain(call(**parameters))
        except Exception as error:
            if _code(error) == "ExecutionAlreadyExists":
                return _started(call, parameters, error)
            _say(error)
            raise

    async def keyed_async(*, idempotency_key: str, **kwargs: Any) -> Any:
        try:
            return _plain(await call(**described.parameters(kwargs, idempotency_key)))
        except Exception as error:
            _say(error)
            raise

    made: Any = keyed_async if hasattr(getattr(call, "__self__", None), "__aenter__") else keyed
    provider = PROVIDERS.get(described.operation)
    made.horizon = provider.horizon if provider else None
    return made  # type: ignore[no-any-return]  # a function with an attribute


def _described(call: Any) -> _Call:
    client = getattr(call, "__self__", None)
    meta = getattr(client, "meta", None)
    if meta is None or call.__name__ not in meta.method_to_api_mapping:
        raise ConfigurationError(f"aws_call() takes a method of a boto3 client, as in client.run_task, not {call!r}.")
    operation = meta.method_to_api_mapping[call.__name__]
    model = meta.service_model.operation_model(operation)
    name = f"{meta.service_model.service_name}.{operation}"
    if name in BATCHES:
        return _Call(call, name, None)
    token = NAMED.get(name) or next(iter(model.idempotent_members), None)
    if token is None:
        raise ConfigurationError(
            f"{name} takes no idempotency token, as AWS describes it. Make it a step with recover=, which looks for "
            "what it has made, or a plain step, which a crash in its window may repeat."
        )
    return _Call(call, name, token)


def _started(call: Any, parameters: dict[str, Any], error: Exception) -> Any:
    """The execution that this very key has started before, and that has ended since; AWS names only a running one."""
    machine = parameters["stateMachineArn"].replace(":stateMachine:", ":execution:")
    arn = f"{machine}:{parameters['name']}"
    found = call.__self__.describe_execution(executionArn=arn)
    if found.get("input", "{}") != parameters.get("input", "{}"):
        raise KeyReused(_name()) from error
    return _plain({"executionArn": arn, "startDate": found["startDate"]})


def _plain(value: Any) -> Any:
    """The answer as it can be recorded: without what is of the connection, and its times in UTC."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def _say(error: Exception) -> None:
    """Raise our error for AWS's, where it is about the token."""
    if _code(error).startswith(REUSED):
        raise KeyReused(_name()) from error
    if _code(error).startswith(IN_USE):
        raise KeyInUse(_name()) from error


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _name() -> str | None:
    running = current_step.get()
    return running[1] if running else None
