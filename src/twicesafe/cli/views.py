"""A record, for people and for programs. Replies and results are shown only when they are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from ..errors import CorruptRecord, UnkeptReply
from ..protocol.entries import Intent, Result, aside, entry
from ..protocol.records import NO_REPLY, Millis, Status
from ..replies import Codec
from . import show

if TYPE_CHECKING:
    from ..protocol.records import Record, Step

COLOURS = {"in progress": "yellow", "unknown": "red", "released": "magenta", "completed": "green", "failed": "red"}
STATES = (*COLOURS, "expired")


def state_of(record: Record, now: Millis) -> str:
    """What a delivery that came now would conclude."""
    if record.is_leftover(now):
        return "expired"
    if record.is_final:
        return "completed" if record.status is Status.COMPLETED else "failed"
    if record.owner is None:
        return "released"
    return "in progress" if record.is_live(now) else "unknown"


def state_text(record: Record, now: Millis) -> Text:
    """The same, in its colour."""
    state = state_of(record, now)
    return Text(state, style=COLOURS.get(state, "dim"))


def as_json(record: Record, now: Millis, *, with_reply: bool = False) -> dict[str, object]:
    """Its fields; times in milliseconds since the epoch, the expiry in seconds."""
    steps = {name: {"is_result": step.is_result} for name, step in record.steps.items()}
    fields: dict[str, object] = {
        "key": record.key,
        "state": state_of(record, now),
        "status": record.status.value,
        "attempt": record.attempt,
        "generation": record.generation,
        "started": record.started,
        "claimed": record.claimed,
        "lease_until": record.lease_until,
        "expires_at": record.expires_at,
        "fingerprint": record.fingerprint,
        "has_reply": _reply(record) is not None,
        "steps": steps,
    }
    if with_reply:
        fields["reply"] = record.reply
        fields["steps"] = {name: {"is_result": s.is_result, "data": s.data} for name, s in record.steps.items()}
    return fields


def expiry(record: Record) -> str:
    """When it goes."""
    return "never" if record.expires_at is None else show.ago(record.expires_at * 1000)


def lines(record: Record, now: Millis, *, with_reply: bool) -> list[tuple[str, str | Text]]:
    """Names and values, for people."""
    rows: list[tuple[str, str | Text]] = [
        ("state", state_text(record, now)),
        ("attempt", str(record.attempt)),
        ("generation", str(record.generation)),
        ("first claimed", _time(record.started)),
        ("last claimed", _time(record.claimed)),
    ]
    if not record.is_final and record.owner is not None:
        rows.append(("lease until", _time(record.lease_until)))
    rows.append(("expires", "never" if record.expires_at is None else _time(record.expires_at * 1000)))
    rows += ((f"step {name}", _step(record, name, step, with_reply=with_reply)) for name, step in record.steps.items())
    if record.is_final:
        rows.append(("reply", _held(_reply(record), "kept", record.key, with_reply=with_reply)))
    if state_of(record, now) == "unknown":
        rows.append(("", "Find out whether its work is done, and say so with 'twicesafe records resolve'."))
    return rows


def _step(record: Record, name: str, step: Step, *, with_reply: bool) -> str:
    said = entry(step, name, record.key)
    if isinstance(said, Result):
        if said.owner:
            return f"done; its result is the reply of {aside(record.key, name, said.owner)}"
        return _held(said.text, "done", record.key, with_reply=with_reply)
    if isinstance(said, Intent):
        return f"begun {show.ago(said.recorded)}, and not said to be done"
    return f"not done, as of {show.ago(said.since)}"


def _reply(record: Record) -> str | None:
    """The encoded reply; None where it says nothing."""
    return None if record.reply == NO_REPLY else record.reply


def _time(millis: int) -> str:
    return f"{show.date(millis)}, {show.ago(millis)}"


def _held(data: str | None, what: str, key: str, *, with_reply: bool) -> str:
    if data is None:
        return "none is kept"
    return _decoded(data, key) if with_reply else f"{what}, {len(data.encode())} bytes (--reply shows them)"


def _decoded(data: str, key: str) -> str:
    """As JSON where it is plain; what needs the function's own types is shown as it is kept."""
    try:
        return show.printable(json.dumps(Codec().decode(data, key), ensure_ascii=False, default=str))
    except (CorruptRecord, UnkeptReply):
        return show.printable(data)
