"""What can happen to a request on its way; see proxy.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults.proxy import answer

if TYPE_CHECKING:
    from tests.faults.proxy import Exchange, Fault


def is_lost(exchange: Exchange) -> None:
    """The request is lost, and the connection closed."""


def answer_is_lost(exchange: Exchange) -> None:
    """It is applied, and the connection closed."""
    exchange.forward()


def answer_is_cut(exchange: Exchange) -> None:
    """It is applied, and the answer ends before its end."""
    exchange.answer_in_part(exchange.forward())


def is_lost_in_silence(exchange: Exchange) -> None:
    """The request is lost, and nobody says so."""
    exchange.hang()


def answer_is_lost_in_silence(exchange: Exchange) -> None:
    """It is applied, and the answer takes longer than anybody waits."""
    exchange.forward()
    exchange.hang()


def is_reset(exchange: Exchange) -> None:
    """The request is lost, and the connection reset."""
    exchange.reset()


def is_reset_once_applied(exchange: Exchange) -> None:
    """It is applied, and the connection reset."""
    exchange.forward()
    exchange.reset()


def arrives_late(exchange: Exchange) -> None:
    """It takes longer than anybody waits, and arrives when the test says so."""
    exchange.keep_copy()
    exchange.hang()


def others_arrive_first(exchange: Exchange) -> None:
    """It is applied and answered, just after what was late."""
    exchange.proxy.land()
    exchange.answer(exchange.forward())


def refused(status: int, code: str, message: str = "said by the proxy") -> Fault:
    """The server says that it did nothing."""

    def is_refused(exchange: Exchange) -> None:
        exchange.answer(error(status, code, message))

    return is_refused


def failed(status: int, code: str) -> Fault:
    """The server says that it failed; yet it is applied."""

    def is_applied_and_failed(exchange: Exchange) -> None:
        exchange.forward()
        exchange.answer(error(status, code))

    return is_applied_and_failed


def is_answered_by_a_gateway(exchange: Exchange) -> None:
    """It is lost, and something on the way says so in HTML."""
    exchange.answer(answer(503, b"<html><b>503</b> Service Unavailable</html>", {"content-type": "text/html"}))


def is_answered_by_a_firewall(exchange: Exchange) -> None:
    """It is lost, and something on the way says in HTML that it may not pass."""
    exchange.answer(answer(403, b"<html><b>403</b> Forbidden</html>", {"content-type": "text/html"}))


def is_answered_by_a_page(exchange: Exchange) -> None:
    """It is lost, and something on the way says that all is well, in HTML."""
    exchange.answer(answer(200, b"<html>Please log in</html>", {"content-type": "text/html"}))


def is_answered_by_another(exchange: Exchange) -> None:
    """It is lost, and something on the way says that all is well, in JSON of its own."""
    exchange.answer(answer(200, b'{"status": "blocked"}', {"content-type": "application/json"}))


def error(status: int, code: str, message: str = "said by the proxy") -> bytes:
    """An answer as DynamoDB's own errors are."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}
    return answer(status, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.0"})


NOT_APPLIED: dict[str, Fault] = {
    "lost": is_lost,
    "lost in silence": is_lost_in_silence,
    "reset": is_reset,
    "throttled": refused(400, "ProvisionedThroughputExceededException"),
    "limited": refused(400, "ThrottlingException"),
    "500": refused(500, "InternalServerError"),
    "503": refused(503, "ServiceUnavailable"),
    "a gateway's 503": is_answered_by_a_gateway,
    "a firewall's 403": is_answered_by_a_firewall,
    "a page's 200": is_answered_by_a_page,
    "another's 200": is_answered_by_another,
    "a transaction": refused(400, "TransactionConflictException"),
}
APPLIED: dict[str, Fault] = {
    "answer lost": answer_is_lost,
    "answer cut": answer_is_cut,
    "answer lost in silence": answer_is_lost_in_silence,
    "reset once applied": is_reset_once_applied,
    "500 once applied": failed(500, "InternalServerError"),
    "503 once applied": failed(503, "ServiceUnavailable"),
}
SILENT = {is_lost_in_silence, answer_is_lost_in_silence, arrives_late}
"""Those that the client learns of by waiting."""
ALL = {**NOT_APPLIED, **APPLIED, "late": arrives_late}
