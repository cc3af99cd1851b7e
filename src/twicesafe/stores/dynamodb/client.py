"""What botocore and aiobotocore have in common: settings, the form of answers, and what errors mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - the library's own name
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from ...errors import ConfigurationError, StoreUnavailable
from .patience import LONG_PAUSE, SHORT_PAUSE
from .requests import Accepted, Cancelled, Refused, Scanned, Unanswered

if TYPE_CHECKING:
    from typing import TypeAlias

    from ...errors import TwicesafeError
    from .layout import Layout
    from .requests import Request, Response

    Answer: TypeAlias = dict[str, Any]

METHODS = {
    "UpdateItem": "update_item",
    "PutItem": "put_item",
    "DeleteItem": "delete_item",
    "GetItem": "get_item",
    "Scan": "scan",
    "TransactWriteItems": "transact_write_items",
}
FAILURES = (BotoCoreError, ClientError, ValueError)
"""What clients raise. ValueError: an endpoint that is no URL."""

NO_ANSWER = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError, CredentialRetrievalError)
BUSY = {"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException"}
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
}
UNWELL = {"InternalServerError", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException"}
NO_RIGHTS = {"AccessDeniedException", "AccessDenied", "UnauthorizedException"}
BAD_CREDENTIALS = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ExpiredTokenException",
    "ExpiredToken",
    "RequestExpired",
}
GET_CREDENTIALS = (
    "Give this process valid AWS credentials: on Lambda an execution role, elsewhere 'aws configure' or SSO."
)
SET_REGION = "Set AWS_DEFAULT_REGION, or add ?region=eu-west-1 to the store's URL."


class Options(NamedTuple):
    """How the store's own clients are made. What is None comes from the usual AWS environment."""

    region: str | None = None
    endpoint: str | None = None
    connect_timeout: float = 1.0  # seconds
    read_timeout: float = 2.0  # seconds: a read that hangs for longer eats the platform's time

    def config(self) -> dict[str, Any]:
        """The settings of a client. It tries once: patience.py tries again, sooner than botocore would."""
        return {
            "connect_timeout": self.connect_timeout,
            "read_timeout": self.read_timeout,
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "tcp_keepalive": True,
            "max_pool_connections": 50,  # made when they are needed; with botocore's 10, more threads throw some away
        }

    def region_in(self, session: Any) -> str | None:
        """The region. botocore reads AWS_DEFAULT_REGION only; others set AWS_REGION alone."""
        return self.region or session.get_config_variable("region") or os.environ.get("AWS_REGION")


def read_answer(answer: Answer, request: Request) -> Response:
    """What was applied or read. botocore takes an answer that was cut short for an empty one."""
    if "Items" in answer:
        return Scanned(tuple(answer["Items"]), answer.get("LastEvaluatedKey"))
    item = answer.get("Attributes", answer.get("Item"))
    if item is None and not _may_be_empty(answer, request):
        return Unanswered("the answer was cut short", EOFError(), SHORT_PAUSE)
    return Accepted(item)


def _may_be_empty(answer: Answer, request: Request) -> bool:
    """Whether `{}` is what the server sent: for an absent item, or where nothing was asked to be returned."""
    if request.operation != "GetItem":
        return bool(request.parameters.get("ReturnValues", "NONE") == "NONE")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return "transfer-encoding" in headers or headers.get("content-length", "") in ("2", "3", "4")


def read_failure(error: Exception, request: Request, layout: Layout) -> Response:
    """What was not applied, and why.

    Raises:
        ConfigurationError: asking again cannot help.
    """
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code == "ConditionalCheckFailedException":
        return Refused(_answer_of(error).get("Item"))
    if code == "TransactionCanceledException":
        return Cancelled(tuple(_answer_of(error).get("CancellationReasons", ())))
    if code in BUSY:
        return Unanswered(_said(error), error, SHORT_PAUSE, is_busy=True)
    if _is_unanswered(error):
        return Unanswered(_said(error), error, LONG_PAUSE if code in THROTTLED else SHORT_PAUSE)
    raise explain(error, layout.store, request.key) from error


def date_of(answer: Answer | Exception) -> str | None:
    """When the server made it, as it says itself."""
    if isinstance(answer, Exception):
        answer = _answer_of(answer)
    date: str | None = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return date


def explain(error: Exception, store: str, key: str = "") -> TwicesafeError:
    """Our error for theirs, with what to do now."""
    said = _said(error)
    if _is_unanswered(error):
        return StoreUnavailable(store, said, key or None)
    if isinstance(error, ClientError):
        return _explain_answer(error.response["Error"], said, store, key)
    if isinstance(error, NoRegionError):
        return ConfigurationError(f"The store {store} needs a region. {SET_REGION}")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return ConfigurationError(f"The store {store} has no credentials ({said}). {GET_CREDENTIALS}")
    if isinstance(error, ParamValidationError) and "ReturnValuesOnConditionCheckFailure" in str(error):
        return ConfigurationError(
            f"The botocore here is too old for the store {store}: install boto3 1.26.164 or newer."
        )
    return ConfigurationError(f"The AWS client of the store {store} cannot be used as it is set up ({said}).")


def _answer_of(error: Exception) -> Answer:
    """The whole answer behind an error; empty where there was none."""
    return cast("Answer", error.response) if isinstance(error, ClientError) else {}


def _is_unanswered(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return isinstance(error, NO_ANSWER)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response["Error"]["Code"]
    return code in THROTTLED | UNWELL | BUSY or code.isdigit() or status == 429 or status >= 500  # digits: no JSON


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}"
    return f"{type(error).__name__}: {error}"


def _explain_answer(answer: Any, said: str, store: str, key: str) -> ConfigurationError:
    code, message = answer["Code"], answer.get("Message", "")
    if code == "ResourceNotFoundException":
        return ConfigurationError(
            f"The table of the store {store} is not there ({said}). Create it with 'twicesafe table --name "
            f"{store.rpartition('/')[2]} create', or correct the name, the region or the account."
        )
    if code in NO_RIGHTS:
        return ConfigurationError(
            f"The store {store} may not be used with these credentials ({said}). "
            "'twicesafe table --format policy' prints the IAM policy that a function needs."
        )
    if "Signature expired" in message or "not yet current" in message:
        return ConfigurationError(
            f"The store {store} refused a request for its time ({said}). "
            "Set this host's clock right, by NTP for example."
        )
    if code in BAD_CREDENTIALS:
        return ConfigurationError(f"The credentials for the store {store} were refused ({said}). {GET_CREDENTIALS}")
    if "item size" in message.lower():
        return ConfigurationError(
            f"The record of {key!r} would be over the 400 KB that DynamoDB allows in one item ({said}). "
            "Return less from its steps, for example where the result can be found."
        )
    if code == "ValidationException" and "key" in message.lower():
        return ConfigurationError(
            f"The key does not fit the table of the store {store} ({said}). The table needs a partition key 'id' of "
            "type S and no sort key; else name its keys in the store's URL: ?attribute.id=PK&sort_key=SK."
        )
    return ConfigurationError(f"The store {store} refused a request, and would again ({said}).")
