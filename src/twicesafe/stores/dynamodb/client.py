"""What botocore and aiobotocore have in common: settings, the form of answers, and what errors mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

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
from .clock import date_in
from .patience import SHORT_PAUSE
from .refusals import GET_CREDENTIALS, SET_REGION, Refusal, explain_refusal, read_refusal, writes_refused
from .requests import Accepted, Scanned, Unanswered

if TYPE_CHECKING:
    from typing import TypeAlias

    from ...errors import TwicesafeError
    from .layout import Layout, Options
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


def settings(options: Options) -> dict[str, Any]:
    """Those of a client. It tries once: patience.py tries again, sooner than botocore would."""
    return {
        "connect_timeout": options.connect_timeout,
        "read_timeout": options.read_timeout,
        "retries": {"mode": "standard", "total_max_attempts": 1},
        "tcp_keepalive": True,
        "max_pool_connections": 50,  # made when they are needed; with botocore's 10, more threads throw some away
    }


def place(options: Options, session: Any) -> dict[str, Any]:
    """Where a client goes, and whom it believes."""
    region = options.region or session.get_config_variable("region")
    region = region or os.environ.get("AWS_REGION")  # botocore reads AWS_DEFAULT_REGION only; others set this one alone
    return {"region_name": region, "endpoint_url": options.endpoint, "verify": options.ca_bundle}


def read_answer(answer: Answer) -> Response:
    """What was applied or read. botocore takes what it cannot read, or was cut short, for an empty answer."""
    if "Items" in answer:
        return Scanned(tuple(answer["Items"]), answer.get("LastEvaluatedKey"))
    if _is_cut_short(answer):
        return Unanswered("the answer was cut short, or is not DynamoDB's", EOFError(), SHORT_PAUSE)
    return Accepted(answer.get("Item"))


def _is_cut_short(answer: Answer) -> bool:
    """Return whether nothing is in the answer, and something else than `{}` was sent."""
    return answer.keys() <= {"ResponseMetadata"} and not _is_empty(answer)


def _is_empty(answer: Answer) -> bool:
    """Return whether the server sent `{}`: for an absent item, and to a write. A mock of AWS may say no length."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return "json" in headers.get("content-type", "json") and headers.get("content-length", "2") in ("2", "3", "4")


def read_failure(error: Exception, request: Request, layout: Layout) -> Response:
    """What was not applied, and why.

    Raises:
        ConfigurationError: asking again cannot help.
    """
    if isinstance(error, ClientError):
        return read_refusal(_refusal(error), error, request, layout.store)
    if isinstance(error, NO_ANSWER):
        return Unanswered(_said(error), error, SHORT_PAUSE)
    if isinstance(error, ParamValidationError) and request.operation == "TransactWriteItems":
        raise writes_refused(request.key, " ".join(str(error).split())) from error
    raise explain(error, layout.store, request.key) from error


def late(error: Exception) -> Unanswered:
    """Return what it means that the platform's time was over sooner than the client's own."""
    return Unanswered("Read timeout: DynamoDB did not answer in time", error, SHORT_PAUSE)


def date_of(answer: Answer | Exception) -> str | None:
    """Return when DynamoDB made the answer, as it says itself; None: it does not, or the answer is another's."""
    if isinstance(answer, Exception):
        answer = _answer_of(answer)
        code = answer.get("Error", {}).get("Code", "")
        if not code or code.isdigit():  # digits are botocore's own, for a body without DynamoDB's `__type`
            return None
    elif _is_cut_short(answer):
        return None
    return date_in(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}))


def explain(error: Exception, store: str, key: str = "") -> TwicesafeError:
    """Our error for theirs, with what to do now."""
    said = _said(error)
    if isinstance(error, ClientError):
        refusal = _refusal(error)
        if not refusal.is_no_answer:
            return explain_refusal(refusal, store, key)
    if isinstance(error, (ClientError, *NO_ANSWER)):
        return StoreUnavailable(store, said, key or None)
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


def _refusal(error: ClientError) -> Refusal:
    """What the server said; a status in digits stands for a code where it was not said in JSON."""
    answer = _answer_of(error)
    code, status = answer["Error"]["Code"], answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code.isdigit():
        status = max(int(code), 500)
    reasons = tuple(answer.get("CancellationReasons", ()))
    return Refusal(code, answer["Error"].get("Message", ""), status, answer.get("Item"), reasons)


def _said(error: Exception) -> str:
    return _refusal(error).said if isinstance(error, ClientError) else f"{type(error).__name__}: {error}"
