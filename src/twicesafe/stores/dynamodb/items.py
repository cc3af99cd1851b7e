"""A record as an item, and back: nothing that cannot be read is taken for a record."""

from __future__ import annotations

from ...errors import CorruptRecord
from ...protocol.records import NO_REPLY, Millis, Record, Seconds, Status, Step
from .layout import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...protocol.records import Steps
    from .layout import Attribute, Item, Layout

VERSION = 1
STATUSES = {status.value: status for status in Status}
RESULT, INTENT = "r", "i"
"""How the text of a step begins. One text a step, so that a condition can tell a result from an intent."""
TEXTS = ("id", "status", "owner", "validation", "data")
PLACES = [(field, place, "S" if field in TEXTS else "N") for place, field in enumerate(Names._fields)]
HEAD = [place for place in PLACES if place[0] in ("id", "v")]
BODY = [place for place in PLACES if place[0] not in ("id", "v", "steps")]
THEIRS = [place for place in PLACES if place[0] in ("status", "expiration", "in_progress_expiration", "data")]
"""Fields, their places in Names, and their types: what is read first, what then, and what of a record of Powertools'.
Steps are read by themselves."""
LONGEST_NUMBER = 38
"""Digits that DynamoDB keeps."""
OTHERS_OWNER = "(another library)"
"""Stands for the owner of a record that Powertools has in progress; no token is like it."""


def write(record: Record, layout: Layout) -> Item:
    """The item of a record."""
    names = layout.names
    item = {
        **layout.key(record.key),
        names.v: number(VERSION),
        names.status: text(record.status._value_),
        names.attempt: number(record.attempt),
        names.started: number(record.started),
        names.claimed: number(record.claimed),
        names.validation: text(record.fingerprint),
    }
    if record.owner is not None:
        item[names.owner] = text(record.owner)
    if record.lease_until or (record.owner is not None and not record.is_final):
        item[names.in_progress_expiration] = number(record.lease_until)
    if record.expires_at is not None:
        item[names.expiration] = number(record.expires_at)
    if record.reply is not None:
        item[names.data] = text(record.reply)
    if record.steps or not record.is_final:
        item[names.steps] = write_steps(record.steps)
    if record.generation:
        item[names.generation] = number(record.generation)
    return item


def write_steps(steps: Steps) -> Attribute:
    """The map of steps."""
    return {"M": {name: write_step(step) for name, step in steps.items()}}


def write_step(step: Step) -> Attribute:
    """One step."""
    return text((RESULT if step.is_result else INTENT) + step.data)


def number(value: int) -> Attribute:
    """A whole number."""
    return {"N": str(value)}


def text(value: str) -> Attribute:
    """A text."""
    return {"S": value}


def read(item: Item, layout: Layout) -> Record:
    """The record of an item.

    Raises:
        CorruptRecord: it is neither one that `write` can have made, nor one of Powertools'.
    """
    names = layout.names
    found = _read(item, names, HEAD)
    try:
        key, version = found["id"], found.get("v", VERSION)
        if version != VERSION:
            raise CorruptRecord(key, f"it is of version {version}, and this twicesafe knows version {VERSION} only")
        found |= _read(item, names, BODY if "v" in found else THEIRS)
        status = STATUSES.get(found["status"])
        if status is None:
            raise CorruptRecord(key, f"its attribute {names.status!r} is not known")
        if "v" not in found:
            return _powertools(key, status, found)
        return _record(key, status, found, _read_steps(item.get(names.steps), key, names))
    except KeyError as missing:
        raise CorruptRecord(found.get("id", ""), f"its {_named(missing.args[0], names)} is missing") from None


def _record(key: str, status: Status, found: dict[str, Any], steps: dict[str, Step] | None) -> Record:
    owner, in_progress = found.get("owner"), status is Status.IN_PROGRESS
    is_held = in_progress and owner is not None
    lease_until = found["in_progress_expiration"] if is_held else found.get("in_progress_expiration", 0)
    if in_progress and lease_until and owner is None:
        raise CorruptRecord(key, "it has a lease, and no owner")
    if in_progress and steps is None:
        raise KeyError("steps")
    return Record(
        key,
        status,
        owner,
        found["attempt"],
        found["started"],
        found["claimed"],
        lease_until,
        found.get("expiration"),
        found["validation"],
        found.get("data"),
        steps or {},
        found.get("generation", 0),
    )


def _powertools(key: str, status: Status, found: dict[str, Any]) -> Record:
    """A record that Powertools for AWS Lambda left under this very key: its words are honoured.

    A completed one is an answer; without data it is None, as Powertools reads it. One in progress has an owner who is
    not known here; without a lease of its own it is honoured for as long as the record is.
    """
    expires_at: Seconds = found["expiration"]
    if status is Status.FAILED:
        raise CorruptRecord(key, "it has no format version")
    in_progress = status is Status.IN_PROGRESS
    lease_until = found.get("in_progress_expiration", expires_at * 1000) if in_progress else 0
    return Record(
        key,
        status,
        OTHERS_OWNER if in_progress else None,
        attempt=1,
        started=Millis(0),
        claimed=Millis(0),
        lease_until=Millis(lease_until),
        expires_at=expires_at,
        reply=found.get("data", None if in_progress else NO_REPLY),
    )


def _read(item: Item, names: Names, places: list[tuple[str, int, str]]) -> dict[str, Any]:
    """Those of the attributes that are there, each of the type that it must have, by its field."""
    found: dict[str, Any] = {}
    for field, place, kind in places:
        attribute = item.get(names[place])
        if attribute is None:
            continue
        value: Any = attribute.get(kind)
        if type(value) is not str:
            raise _corrupt(item, names, field, f"is of the type {'/'.join(attribute)}, not {kind}")
        if kind == "N":
            if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER):
                raise _corrupt(item, names, field, "is not a whole number")
            value = int(value)
        found[field] = value
    return found


def _read_steps(attribute: Attribute | None, key: str, names: Names) -> dict[str, Step] | None:
    if attribute is None:
        return None
    found = attribute.get("M")
    if not isinstance(found, dict):
        raise CorruptRecord(key, f"its {_named('steps', names)} are not a map")
    return {step: _read_step(value, key, names) for step, value in found.items()}


def _read_step(value: object, key: str, names: Names) -> Step:
    text = value.get("S") if isinstance(value, dict) else None
    if not isinstance(text, str) or text[:1] not in (RESULT, INTENT):
        raise CorruptRecord(key, f"its {_named('steps', names)} are not as they are written")
    return Step(text[0] == RESULT, text[1:])


def _corrupt(item: Item, names: Names, field: str, reason: str) -> CorruptRecord:
    key = item.get(names.id, {}).get("S")
    return CorruptRecord(key if isinstance(key, str) else "", f"its {_named(field, names)} {reason}")


def _named(field: str, names: Names) -> str:
    return f"attribute {getattr(names, field)!r}"
