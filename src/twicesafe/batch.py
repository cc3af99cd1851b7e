"""One event of many records: record by record, each a delivery of its own."""

from __future__ import annotations

from .decisions import class_and_place, logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any

    from .keys.sources import Unit

FAILURES = "batchItemFailures"


def deliver(event: object, units: Sequence[Unit], *, report_failures: bool) -> Generator[Unit, Any, object]:
    """Yield each unit to be run and be sent its reply, or be thrown its error; return what the platform gets.

    In an ordered source nothing after a failure runs (`Unit.order`); everywhere else the others are
    completed first, so that the redelivered batch only runs what failed.

    Args:
        report_failures: the event source mapping has ReportBatchItemFailures, so that failures are returned.
            Without it a return value is ignored, and would delete the failed messages: the first error is raised.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    replies: list[object] = []
    failed: list[object] = []
    stopped: set[str] = set()
    first_error: Exception | None = None
    for unit in units:
        if unit.order in stopped:
            failed.append(unit.item)
            continue
        try:
            reply = yield unit
        except Exception as error:  # noqa: BLE001 - the user's function can raise anything, for this record alone
            if report_failures:
                logger.error("Record %s of a batch from %s failed%s", unit.item, unit.source, class_and_place(error))
            first_error = first_error or error
            is_failed = True
        else:
            replies.append(reply)
            is_failed = reports_failure(unit, reply)
        if is_failed:
            failed.append(unit.item)
            stopped.update(_behind(unit, units))
    if first_error is not None and not (report_failures and None not in failed):
        raise first_error
    return _answer(event, replies, failed, report_failures=report_failures)


def _behind(failed: Unit, units: Sequence[Unit]) -> set[str]:
    """Which orders stop; where a record that cannot be read stands in them is not known."""
    behind = {unit.order for unit in units} if failed.malformed is not None else {failed.order}
    return {order for order in behind if order is not None}


def reports_failure(unit: Unit, reply: object) -> bool:
    """Whether the handler says itself, in its partial batch response, that this record failed.

    An entry that names no record of the batch fails all of it, and this record is all that the handler was given.
    """
    return unit.item is not None and isinstance(reply, dict) and bool(reply.get(FAILURES))


def _answer(event: object, replies: list[object], failed: list[object], *, report_failures: bool) -> object:
    """One answer for the platform out of one for each record."""
    if report_failures or any(map(_names_failures, replies)):
        return {FAILURES: [{"itemIdentifier": item} for item in failed]}
    if isinstance(event, list) and all(isinstance(reply, list) for reply in replies):
        return [element for reply in replies if isinstance(reply, list) for element in reply]
    return replies[0] if len(replies) == 1 else None


def _names_failures(reply: object) -> bool:
    try:
        return isinstance(reply, dict) and FAILURES in reply
    except Exception:  # noqa: BLE001 - a proxy may raise anything, and its record is done
        return False
