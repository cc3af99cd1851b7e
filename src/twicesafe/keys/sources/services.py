"""Services that call a function: builds, rules, rotations, batches, logs, and Lambda's own records."""

from __future__ import annotations

from binascii import Error as NoBase64
from binascii import a2b_base64

from ..canonical import digest
from .reading import UnreadableError, fields, get, has, listed, only, parsed, text
from .row import DAY, Reading, Row, is_from, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST_LOGS = 64 * 1024 * 1024
"""In bytes, unpacked. Lambda takes 6 MB of JSON; this much out of it is no log."""
CFN_NOISE = (("ResponseURL", "it is signed, and expires"),)
PIPELINE_NOISE = (("data.artifactCredentials", "each invocation has others, and they are secret"),)
CONFIG_NOISE = (("resultToken", "it is for the answer: each delivery may have another"),)
BATCH_NOISE = (("invocationId", "each try has another"),)
DESTINATION_NOISE = (("timestamp, requestContext.approximateInvokeCount", "they describe the delivery"),)


def _is_destination(event: Any) -> bool:
    return has(event, "requestContext/functionArn", "requestContext/requestId", "requestPayload")


def _destination(event: Any, _: Any) -> Reading:
    names = {"condition": "requestContext/condition?", "request_id": "requestContext/requestId"}
    return Reading(fields(event, **names), only(event, "requestPayload"))


def _batch_info(event: Any) -> Any:
    found = event if isinstance(event, dict) and has(event, "responseContext", "requestContext") else {}
    return next((value for name, value in found.items() if isinstance(name, str) and name.endswith("BatchInfo")), None)


def _is_stream_failure(event: Any) -> bool:
    return _batch_info(event) is not None and not _is_destination(event)


def _stream_failure(event: Any, _: Any) -> Reading:
    names = {"stream": "streamArn?", "shard": "shardId?", "start": "startSequenceNumber?", "end": "endSequenceNumber?"}
    return Reading({**fields(_batch_info(event), **names), **fields(event, request_id="requestContext/requestId")})


def _is_logs(event: Any) -> bool:
    return has(event, "awslogs/data")


def _logs(event: Any, _: Any) -> Reading:
    content = parsed(_unpacked(get(event, "awslogs/data")))
    if get(content, "messageType") == "CONTROL_MESSAGE":
        return Reading(None, kind="never")
    identity = fields(content, owner="owner", group="logGroup", stream="logStream")
    filters = digest(*(str(name) for name in listed(content, "subscriptionFilters")))
    lines = digest(*(text(line, "id") for line in listed(content, "logEvents")))
    return Reading({**identity, "filters": filters, "lines": lines})


def _unpacked(data: object) -> bytes:
    import zlib

    try:
        unpacked = zlib.decompressobj(31).decompress(a2b_base64(str(data)), LARGEST_LOGS)
    except (NoBase64, zlib.error, ValueError):
        raise UnreadableError("awslogs/data is no gzip in base64") from None
    if len(unpacked) == LARGEST_LOGS:
        raise UnreadableError(f"awslogs/data holds more than {LARGEST_LOGS} bytes")
    return unpacked


def _is_resource(event: Any) -> bool:
    return has(event, "RequestType", "StackId", "RequestId", "LogicalResourceId")


def _is_custom_resource(event: Any) -> bool:
    return _is_resource(event) and has(event, "ResponseURL")


def _is_provider(event: Any) -> bool:
    """CDK's provider framework polls isComplete with an event that looks as onEvent's does."""
    return _is_resource(event) and not has(event, "ResponseURL")


def _custom_resource(event: Any, _: Any) -> Reading:
    names = {"stack": "StackId", "resource": "LogicalResourceId", "type": "RequestType", "request_id": "RequestId"}
    return Reading(fields(event, **names), only(event, "ResourceProperties", "OldResourceProperties"))


def _is_pipeline(event: Any) -> bool:
    return has(event, "CodePipeline.job")


def _pipeline(event: Any, _: Any) -> Reading:
    names = {"continuation": "CodePipeline.job/data/continuationToken?", "job": "CodePipeline.job/id"}
    return Reading(fields(event, **names))


def _is_deploy(event: Any) -> bool:
    return has(event, "DeploymentId", "LifecycleEventHookExecutionId")


def _deploy(event: Any, _: Any) -> Reading:
    return Reading(fields(event, hook="LifecycleEventHookExecutionId", deployment="DeploymentId"))


def _is_commit(event: Any) -> bool:
    return is_from(event, "aws:codecommit")


def _commit(record: Any, _: Any) -> Reading:
    return Reading(fields(record, repository="eventSourceARN?", event_id="eventId"))


def _is_s3_batch(event: Any) -> bool:
    return has(event, "invocationSchemaVersion", "tasks")


def _s3_batch(event: Any, _: Any) -> Reading:
    """One reply is for all tasks. S3 sends one task an invocation."""
    job = fields(event, job="job/id")
    tasks = [text(task, "taskId") for task in listed(event, "tasks")]
    if not tasks:
        return Reading(None, kind="never")
    return Reading({**job, "task": tasks[0] if len(tasks) == 1 else digest(*tasks)}, only(event, "tasks"))


def _is_rotation(event: Any) -> bool:
    return has(event, "SecretId", "ClientRequestToken", "Step")


def _rotation(event: Any, _: Any) -> Reading:
    return Reading(fields(event, arn="SecretId", step="Step", version="ClientRequestToken"))


def _is_config(event: Any) -> bool:
    return has(event, "invokingEvent", "resultToken", "configRuleArn")


def _config(event: Any, _: Any) -> Reading:
    rule = fields(event, rule="configRuleArn")
    invoking = parsed(event["invokingEvent"])
    item = next(
        (name for name in ("configurationItem", "configurationItemSummary") if has(invoking, name)), "configurationItem"
    )
    if not has(invoking, item):
        return Reading({**rule, **fields(invoking, time="notificationCreationTime")})
    names = {"type": "resourceType?", "resource": "resourceId", "state": "configurationStateId?"}
    return Reading({**rule, **fields(invoking[item], **names, captured="configurationItemCaptureTime")})


def _is_campaign(event: Any) -> bool:
    return has(event, "Items/CustomerProfiles")


def _campaign(event: Any, _: Any) -> Reading:
    """One reply is for all profiles; Connect gives each a token."""
    tokens = [text(profile, "IdempotencyToken") for profile in listed(event, "Items/CustomerProfiles")]
    if not tokens:
        return Reading(None, kind="never")
    return Reading({"token": tokens[0] if len(tokens) == 1 else digest(*tokens)})


ROWS = (
    Row("lambda-destination", "natural", _is_destination, DAY, "wait", False, _destination, left_out=DESTINATION_NOISE),
    Row("stream-failure", "natural", _is_stream_failure, DAY, "wait", False, _stream_failure),
    Row("cloudwatch-logs", "natural", _is_logs, DAY, "wait", False, _logs),
    Row("cloudformation", "natural", _is_custom_resource, DAY, "wait", False, _custom_resource, left_out=CFN_NOISE),
    Row("cdk-provider", "never", _is_provider, DAY, "wait", True),
    Row("codepipeline", "natural", _is_pipeline, DAY, "wait", False, _pipeline, left_out=PIPELINE_NOISE),
    Row("codedeploy", "natural", _is_deploy, DAY, "wait", False, _deploy),
    Row("codecommit", "natural", _is_commit, DAY, "wait", False, _commit, records),
    Row("s3-batch", "natural", _is_s3_batch, 7 * DAY, "raise", True, _s3_batch, left_out=BATCH_NOISE),
    Row("secrets-rotation", "natural", _is_rotation, DAY, "wait", False, _rotation),
    Row("config", "natural", _is_config, DAY, "wait", False, _config, left_out=CONFIG_NOISE),
    Row("connect-campaign", "natural", _is_campaign, DAY, "raise", True, _campaign),
)
