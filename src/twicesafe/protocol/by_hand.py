"""What a person may do with a record: settle an unknown outcome, order a new execution, forget it.

Each reads the record first, refuses while an owner may be alive, and changes only what it has read.
"""

from __future__ import annotations

from ..errors import InProgress
from .commands import Complete, Forget, Load, Lost, Now, Redo, Release, SettleStep, ask
from .entries import NotDone, Result
from .records import NO_REPLY, Millis, Record, Seconds, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .commands import Done, Flow


def settle(key: str, expires_after: Seconds, *, is_done: bool, reply: str = NO_REPLY) -> Flow[Done | Lost]:
    """Say of a delivery that fell silent that its work is done, or that it is not and may run again.

    Args:
        reply: what later deliveries are answered with, when it is done; encoded.
    """
    record, now = yield from _unheld(key)
    if record is None or record.is_final or record.owner is None:
        return Lost(record)
    expires_at = _expires_at(now, expires_after)
    if is_done:
        return (yield from ask(Complete(key, record.owner, Status.COMPLETED, reply, expires_at)))
    return (yield from ask(Release(key, record.owner, record.claimed, expires_at)))


def settle_step(
    key: str, name: str, expires_after: Seconds, *, is_done: bool, result: str = "null"
) -> Flow[Done | Lost]:
    """Say of one step of a delivery whether its effect was had; the next attempt goes on from there.

    Args:
        result: what the step returned, when it is done; encoded.
    """
    record, now = yield from _unheld(key)
    if record is None or record.is_final:
        return Lost(record)
    known = record.steps.get(name)
    if known is not None and known.is_result:
        return Lost(record)
    said = Result(result) if is_done else NotDone(now)
    expires_at = None if record.expires_at is None else max(record.expires_at, _expires_at(now, expires_after))
    return (yield from ask(SettleStep(record, {name: said.step()}, expires_at)))


def redo(key: str, expires_after: Seconds) -> Flow[Done | Lost]:
    """Let the next delivery run again, with new downstream keys: a new generation."""
    record, now = yield from _unheld(key)
    if record is None:
        return Lost(None)
    return (yield from ask(Redo(record, _expires_at(now, expires_after), now)))


def forget(key: str) -> Flow[Done | Lost]:
    """Remove the record, as if its key had never been seen; downstream keys stay the same."""
    record, _ = yield from _unheld(key)
    if record is None:
        return Lost(None)
    return (yield from ask(Forget(record)))


def _unheld(key: str) -> Flow[tuple[Record | None, Millis]]:
    """Read the record, and refuse while its owner may be alive."""
    record = yield from ask(Load(key))
    now = (yield from ask(Now())).wall
    if record is not None and record.is_live(now):
        raise InProgress(key, record.attempt, record.lease_until - now)
    return record, now


def _expires_at(now: Millis, expires_after: Seconds) -> Seconds:
    return Seconds(now // 1000 + expires_after)
