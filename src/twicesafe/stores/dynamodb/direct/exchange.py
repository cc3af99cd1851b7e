"""A request as bytes, and what came of it as a response: pure but for the wall clock, and the same for sync and async.

Each try is written and signed anew: a signature from before a freeze would be refused after it.
"""

from __future__ import annotations

import json
import sys
from binascii import a2b_base64, b2a_base64, crc32

from ....errors import ConfigurationError
from ....protocol.records import Millis
from ....tuples import NamedTuple
from ..clock import date_in, wall
from ..patience import SHORT_PAUSE
from ..refusals import OLD_CREDENTIALS, WRONG_TIME, Refusal, read_refusal, writes_refused
from ..requests import Accepted, Scanned, Unanswered
from .signing import signature, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..clock import Watch
    from ..requests import Request, Response
    from .endpoint import Place
    from .http1 import Answer
    from .signing import Credentials

TARGET = "DynamoDB_20120810."
CONTENT_TYPE = "application/x-amz-json-1.0"
MEMBERS = frozenset(("Item", "Items", "ConsumedCapacity", "ItemCollectionMetrics"))
"""What there can be in an answer to what is asked here, if it is not empty."""
A_CLOCK_APART = 4 * 60_000
"""Milliseconds. AWS refuses what is signed five minutes off."""


def _binary(value: object) -> str:
    """What JSON has no form for: in a user's own writes."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"{value!r} is no value in DynamoDB's own form")


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_binary).encode
_decode = json.JSONDecoder().decode


class Refused(Exception):
    """DynamoDB said that it did not do it."""


class Damaged(Exception):
    """What came is not what DynamoDB sent, or not from it."""


class Letter(NamedTuple):
    """A request as it is sent."""

    request: Request
    data: bytes
    credentials: Credentials
    offset: Millis  # of the clock that it is signed by


class Desk:
    """Writes letters to one place, and reads what comes back.

    Args:
        store: for messages.
    """

    def __init__(self, store: str, place: Place, watch: Watch) -> None:
        self._store = store
        self._place = place
        self._authority = place.authority
        self._watch = watch

    def write(self, request: Request, credentials: Credentials) -> Letter:
        """Write and sign a request.

        Raises:
            ConfigurationError: it would leave a test's mock of AWS, or has values that cannot be sent.
        """
        if not self._place.is_given and "moto.core.models" in sys.modules:
            self._refuse_mock()
        offset = self._watch.offset
        try:
            body = _encode(request.parameters).encode()
        except (TypeError, ValueError) as error:
            if request.operation == "TransactWriteItems":
                raise writes_refused(request.key, f'{error}; values are in its own form, as {{"S": "text"}}') from error
            raise ConfigurationError(
                f"A request to the store {self._store} cannot be sent ({error}): a write takes values in DynamoDB's "
                'own form, as {"S": "text"}.'
            ) from error
        host, at, target, session = self._authority, stamp(Millis(wall() + offset)), TARGET + request.operation, ""
        headers = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": at, "x-amz-target": target}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
            session = f"x-amz-security-token: {credentials.token}\r\n"
        signed = signature(headers, body, credentials, self._place.region)
        head = (
            f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: {CONTENT_TYPE}\r\nx-amz-date: {at}\r\n"
            f"x-amz-target: {target}\r\n{session}authorization: {signed}\r\ncontent-length: {len(body)}\r\n"
            "user-agent: twicesafe\r\n\r\n"
        )
        return Letter(request, head.encode("latin-1") + body, credentials, offset)  # one write, one packet

    def read(self, letter: Letter, answer: Answer, sent: Millis) -> Response | OldCredentials:
        """Read what an answer means, and what it says of the clock.

        Args:
            sent: when the letter was, by this host's clock.

        Raises:
            ConfigurationError: asking again cannot help.
        """
        received = wall()
        try:
            said = _read_body(answer)
        except Damaged as damage:
            return Unanswered(str(damage), damage, SHORT_PAUSE)
        if answer.status == 200 or said.get("__type"):  # an error without it is not DynamoDB's
            self._watch.see(sent, received, date_in(answer.headers))
        if answer.status == 200:
            if "Items" in said:
                return Scanned(tuple(said["Items"]), said.get("LastEvaluatedKey"))
            return Accepted(said.get("Item"))
        refusal = _refusal(answer.status, said)
        decided = refusal.answer
        if decided is not None:
            return decided
        error = Refused(refusal.said)
        if refusal.code in OLD_CREDENTIALS:
            return OldCredentials(refusal, error)
        if self._is_corrected(letter, refusal):
            return Unanswered(refusal.said, error, SHORT_PAUSE, is_remedied=True)
        return read_refusal(refusal, error, letter.request, self._store)

    def read_credentials(self, letter: Letter, old: OldCredentials, *, has_others: bool) -> Response:
        """What it means that the credentials were refused.

        Raises:
            ConfigurationError: there are no others.
        """
        if has_others:
            return Unanswered(old.refusal.said, old.error, SHORT_PAUSE, is_remedied=True)
        return read_refusal(old.refusal, old.error, letter.request, self._store)

    def lost(self, error: Exception, *, is_stale: bool = False) -> Unanswered:
        """What it means that no answer came.

        Args:
            is_stale: the connection was an old one that had ended by itself, and another one is new.
        """
        said = str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            said = f"Read timeout: {self._place.authority} did not answer in time"
        return Unanswered(said, error, SHORT_PAUSE, is_remedied=is_stale)

    def unreachable(self, error: Exception) -> Unanswered:
        """What it means that nothing was sent."""
        said = "it took too long" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in said:
            said += ". Name the certificates to believe in AWS_CA_BUNDLE, or ?ca_bundle= in the store's URL"
        return Unanswered(f"Could not connect to {self._place.authority}: {said}", error, SHORT_PAUSE)

    def _is_corrected(self, letter: Letter, refusal: Refusal) -> bool:
        """Whether it was refused for its time, and the time is known better since."""
        is_for_time = refusal.code in WRONG_TIME or "Signature expired" in refusal.message
        return is_for_time and abs(self._watch.offset - letter.offset) > A_CLOCK_APART

    def _refuse_mock(self) -> None:
        stubber = getattr(sys.modules["moto.core.models"], "botocore_stubber", None)
        if getattr(stubber, "enabled", False):
            raise ConfigurationError(
                f"The store {self._store} speaks to DynamoDB directly, and moto's mock in this process would not see "
                "it: nothing was sent. Use connection='botocore' (?connection=botocore in the store's URL), or moto's "
                "server mode with AWS_ENDPOINT_URL_DYNAMODB, or a memory:// store."
            )


class OldCredentials(NamedTuple):
    """The answer says that the credentials are worth nothing, or nothing any more."""

    refusal: Refusal
    error: Refused


def _read_body(answer: Answer) -> dict[str, Any]:
    expected = answer.headers.get("x-amz-crc32")
    if expected is not None and str(crc32(answer.body)) != expected:
        raise Damaged(f"the answer was damaged on its way: it is not as its CRC32 {expected[:20]!r} says")
    try:
        said = _decode(answer.body.decode())
    except ValueError:
        said = None
    if not isinstance(said, dict) or (said and answer.status == 200 and MEMBERS.isdisjoint(said)):
        raise Damaged(f"the answer is not DynamoDB's: status {answer.status}, {answer.body[:80]!r}")
    return said


def _refusal(status: int, said: dict[str, Any]) -> Refusal:
    code = str(said.get("__type", "")).rpartition("#")[2]
    message = said.get("message", said.get("Message", ""))
    reasons = said.get("CancellationReasons")
    told = tuple(map(_with_binaries, reasons)) if reasons else ()
    return Refusal(code or str(status), str(message), status, said.get("Item"), told)


def _with_binaries(reason: dict[str, Any]) -> dict[str, Any]:
    """A transaction's items are the user's, and theirs may have binary values, which JSON has not."""
    if "Item" not in reason:
        return reason
    return {**reason, "Item": {name: _value(value) for name, value in reason["Item"].items()}}


def _value(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, inside),) = value.items()
    if kind == "B":
        return {kind: a2b_base64(inside)}
    if kind == "BS":
        return {kind: [a2b_base64(one) for one in inside]}
    if kind == "L":
        return {kind: [_value(one) for one in inside]}
    if kind == "M":
        return {kind: {name: _value(one) for name, one in inside.items()}}
    return value
