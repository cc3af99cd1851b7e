"""What DynamoDB's error codes mean, whichever connection brings them: pure."""

from __future__ import annotations

from ...errors import ConfigurationError
from ...tuples import NamedTuple
from .patience import LONG_PAUSE, SHORT_PAUSE
from .requests import Cancelled, Refused, Unanswered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .layout import Item
    from .requests import Request, Response

BUSY = {"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException"}
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
}
UNWELL = {
    "InternalServerError",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
}
NO_RIGHTS = {"AccessDeniedException", "AccessDenied", "UnauthorizedException"}
OLD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidClientTokenIdException",
    "UnrecognizedClientException",
}
"""Where others may be had by now."""
WRONG_TIME = {
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestInTheFutureException",
    "RequestTimeTooSkewed",
    "RequestTimeTooSkewedException",
}
"""Where the clock may be why."""
BAD_CREDENTIALS = {
    *OLD_CREDENTIALS,
    *WRONG_TIME,
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
}
GET_CREDENTIALS = (
    "Give this process valid AWS credentials: on Lambda an execution role, elsewhere 'aws configure' or SSO."
)
SET_REGION = "Set AWS_DEFAULT_REGION, or add ?region=eu-west-1 to the store's URL."


class Refusal(NamedTuple):
    """An answer that is an error."""

    code: str  # "" where there is none: it isn't DynamoDB's own
    message: str
    status: int
    item: Item | None = None  # what a condition did not hold for
    reasons: tuple[dict[str, Any], ...] = ()  # of a transaction, one for each part

    @property
    def said(self) -> str:
        """For messages."""
        return f"{self.code}: {self.message}"

    @property
    def answer(self) -> Refused | Cancelled | None:
        """What did not hold; None: it says something else."""
        if self.code == "ConditionalCheckFailedException":
            return Refused(self.item)
        return Cancelled(self.reasons) if self.code == "TransactionCanceledException" else None

    @property
    def is_no_answer(self) -> bool:
        """Whether it says to ask again."""
        known = self.code in THROTTLED or self.code in UNWELL or self.code in BUSY
        return known or self.status == 429 or self.status >= 500


def read_refusal(refusal: Refusal, error: Exception, request: Request, store: str) -> Response:
    """What was not applied, and why.

    Args:
        error: the same, as its connection has it.

    Raises:
        ConfigurationError: asking again cannot help.
    """
    answer = refusal.answer
    if answer is not None:
        return answer
    if refusal.is_no_answer:
        pause = LONG_PAUSE if refusal.code in THROTTLED else SHORT_PAUSE
        return Unanswered(refusal.said, error, pause, is_busy=refusal.code in BUSY)
    if request.operation == "TransactWriteItems":
        raise _explain_transaction(refusal, store, request.key) from error
    raise explain_refusal(refusal, store, request.key) from error


def _explain_transaction(refusal: Refusal, store: str, key: str) -> ConfigurationError:
    """Return our error for a transaction, which has the user's own writes to tables of theirs."""
    if refusal.code == "ValidationException":
        return writes_refused(key, refusal.said)
    if refusal.code == "ResourceNotFoundException":
        return ConfigurationError(
            f"The transaction of {key!r} was refused ({refusal.said}), and nothing was written. The table of the store "
            f"{store}, or one that your own writes name, is not there in this account and Region: correct its name."
        )
    if refusal.code in NO_RIGHTS:
        return ConfigurationError(
            f"The transaction of {key!r} was refused ({refusal.said}), and nothing was written. Its role needs "
            f"dynamodb:UpdateItem on the table of the store {store}, and on the tables of your own writes what they do."
        )
    return explain_refusal(refusal, store, key)


def of_one_key(message: str) -> ConfigurationError:
    """Return an error of this record or its writes alone: another key's may pass."""
    error = ConfigurationError(message)
    error.is_lasting = False
    return error


def writes_refused(key: str, said: str) -> ConfigurationError:
    """Return the error for a user's own writes that no transaction can have."""
    return of_one_key(f"DynamoDB does not take the writes of {key!r}: {said}. Nothing was written.")


def explain_refusal(refusal: Refusal, store: str, key: str) -> ConfigurationError:
    """Return our error for one that would come again, with what to do now."""
    code, message, said = refusal.code, refusal.message, refusal.said
    if code == "ResourceNotFoundException":
        return ConfigurationError(
            f"The table of the store {store} is not there ({said}). Create it with 'twicesafe table --name "
            f"{store.rpartition('/')[2]} create' (a new one takes some seconds), or correct the name, the region or "
            "the account."
        )
    if code in NO_RIGHTS and "KMS" in message:
        return ConfigurationError(
            f"The key that the table of the store {store} is encrypted with may not be used with these credentials "
            f"({said}). Give the role kms:Decrypt on that key, in the key's policy too."
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
        return of_one_key(
            f"The record of {key!r} would be over the 400 KB that DynamoDB allows in one item ({said}). "
            "Return less from its steps, for example where the result can be found."
        )
    if code.startswith("ItemCollectionSizeLimitExceeded"):
        return of_one_key(
            f"The record of {key!r} does not fit beside the others under its partition key ({said}). Take a table "
            "without a local secondary index."
        )
    if code == "ValidationException" and "key" in message.lower():
        return ConfigurationError(
            f"The key does not fit the table of the store {store} ({said}). The table needs a partition key 'id' of "
            "type S and no sort key; else name its keys in the store's URL: ?attribute.id=PK&sort_key=SK."
        )
    return ConfigurationError(f"The store {store} refused a request, and would again ({said}).")
