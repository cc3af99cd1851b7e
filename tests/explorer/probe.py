"""What a delivery would get, if nothing went wrong with it: the question that some invariants ask of a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twicesafe.errors import TwicesafeError
from twicesafe.protocol import flows
from twicesafe.protocol.commands import Now, Returned, Run
from twicesafe.protocol.drivers import drive
from twicesafe.protocol.records import Millis
from twicesafe.protocol.tenure import Instant
from twicesafe.stores import memory

from .process import KEY

if TYPE_CHECKING:
    from twicesafe.protocol.commands import Command
    from twicesafe.protocol.records import Record

    from .settings import Setting


def probed(record: Record | None, now: int, setting: Setting) -> Any:
    """The answer, or the error, that a delivery of the record's own payload gets at this time."""
    policy = setting.work.policy._replace(on_conflict="raise")
    fingerprint = setting.roles[0].fingerprint if record is None else record.fingerprint
    clock, found = Instant(Millis(now), Millis(0)), [record]

    def answer(command: Command) -> object:
        if isinstance(command, Now):
            return clock
        if isinstance(command, Run):
            return Returned("probe", "probe")
        found[0], reply = memory.TRANSITIONS[type(command)](found[0], command)
        return reply

    try:
        return drive(flows.execute(flows.Delivery(KEY, "probe", fingerprint), policy), answer)
    except TwicesafeError as error:
        return error
