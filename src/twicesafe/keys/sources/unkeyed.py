"""Sources without an identity: those that need the user's own key, and those where a repeat is meant to run."""

from __future__ import annotations

from .http import is_authorizer
from .reading import get, has
from .row import DAY, Reading, Row, first_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

YEAR = 366 * DAY
"""A standard execution of Step Functions may run for a year."""
STEP_NOISE = (
    ("State.RetryCount, the task token", "each try has another"),
    ("State.EnteredTime", "whether it stays the same in a Retry is not documented"),
)
LEX_NOISE = (("sessionId, intent", "the same intent can be fulfilled twice in one session"),)
CONNECT_NOISE = (("Details.ContactData.ContactId", "one contact can pass the same block twice"),)
COGNITO_NOISE = (("userPoolId, userName", "they tell the user, and not the event"),)


def _is_cognito(event: Any) -> bool:
    return has(event, "triggerSource", "userPoolId")


def _cognito(event: Any, _: Any) -> Reading:
    """All but the confirmation are questions, to be answered each time."""
    confirms = str(get(event, "triggerSource")).startswith("PostConfirmation")
    return Reading(None, kind="explicit" if confirms else "never")


def _is_lex(event: Any) -> bool:
    return has(event, "bot", "messageVersion") and (has(event, "currentIntent") or has(event, "sessionState"))


def _lex(event: Any, _: Any) -> Reading:
    """A dialog hook is asked again in each turn."""
    return Reading(None, kind="explicit" if get(event, "invocationSource") == "FulfillmentCodeHook" else "never")


def _is_connect(event: Any) -> bool:
    return get(event, "Name") == "ContactFlowEvent" and has(event, "Details/ContactData")


def _is_step(event: Any) -> bool:
    """The context object of Step Functions, where the definition passes it."""
    return any(has(found, "Execution/Id", "State/Name") for found in (event, get(event, "_datadog")))


def _is_firehose(event: Any) -> bool:
    return has(event, "deliveryStreamArn", "records", "invocationId")


def _is_analytics(event: Any) -> bool:
    return has(event, "applicationArn", "records", "invocationId")


def _is_durable(event: Any) -> bool:
    return has(event, "DurableExecutionArn", "CheckpointToken")


def _is_object_lambda(event: Any) -> bool:
    return has(event, "getObjectContext") or has(event, "xAmzRequestId", "userRequest")


def _is_edge(event: Any) -> bool:
    return has(first_record(event), "cf")


def _is_appsync_authorizer(event: Any) -> bool:
    return has(event, "authorizationToken", "requestContext/queryString")


def _is_appsync_events(event: Any) -> bool:
    return has(event, "info/channel", "info/operation")


def _is_cognito_sync(event: Any) -> bool:
    return has(event, "datasetRecords", "identityPoolId")


def _is_bedrock(event: Any) -> bool:
    return has(event, "messageVersion", "agent", "actionGroup")


def _is_transfer(event: Any) -> bool:
    return has(event, "serverId", "username", "protocol")


def _is_vpn(event: Any) -> bool:
    return has(event, "connection-id", "endpoint-id")


def _is_iot_authorizer(event: Any) -> bool:
    return has(event, "protocolData", "connectionMetadata")


def _is_provisioning(event: Any) -> bool:
    return has(event, "claimCertificateId", "certificatePem")


def _is_widget(event: Any) -> bool:
    return has(event, "widgetContext")


def _is_alexa(event: Any) -> bool:
    return has(event, "header/namespace", "payload") or has(event, "directive/header/namespace")


ASKED_EACH_TIME = {
    "durable-function": _is_durable,
    "authorizer": is_authorizer,
    "appsync-authorizer": _is_appsync_authorizer,
    "appsync-events": _is_appsync_events,
    "s3-object-lambda": _is_object_lambda,
    "lambda-edge": _is_edge,
    "firehose": _is_firehose,
    "kinesis-analytics": _is_analytics,
    "cognito-sync": _is_cognito_sync,
    "bedrock-agent": _is_bedrock,
    "transfer-family": _is_transfer,
    "client-vpn": _is_vpn,
    "iot-authorizer": _is_iot_authorizer,
    "iot-provisioning": _is_provisioning,
    "cloudwatch-widget": _is_widget,
    "alexa": _is_alexa,
}
"""Questions and transforms: an old answer would be a wrong one."""

ROWS = (
    *(Row(name, "never", recognises, DAY, "raise", True) for name, recognises in ASKED_EACH_TIME.items()),
    Row("cognito", "explicit", _is_cognito, DAY, "wait", True, _cognito, left_out=COGNITO_NOISE),
    Row("lex", "explicit", _is_lex, DAY, "raise", True, _lex, left_out=LEX_NOISE),
    Row("connect", "explicit", _is_connect, DAY, "raise", True, left_out=CONNECT_NOISE),
    Row("step-functions", "explicit", _is_step, YEAR, "raise", True, left_out=STEP_NOISE),
)
