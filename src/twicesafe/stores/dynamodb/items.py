"""A record as an item, and back: nothing that cannot be read is taken for a record."""

from __future__ import annotations

from ...errors import CorruptRecord
from ...protocol.records import Millis, Record, Seconds, Status, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...protocol.records import Steps
    from .layout import Attribute, Item, Layout, Names

VERSION = 1
STATUSES = {status.value: status for status in Status}
RESULT, INTENT = "r", "i"
"""How the text of a step begins. One text a step, so that a condition can tell a result from an intent."""
LONGEST_NUMBER = 38
"""Digits that DynamoDB keeps."""
OTHERS_OWNER = "(another library)"
"""Stands for the owner of a record that Powertools has in progress; no token is like it."""


def write(record: Record, layout: Layout) -> Item:
    """The item of a record."""
    names = layout.names
    item = layout.key(record.key)
    item[names.v] = number(VERSION)
    item[names.status] = text(record.status._value_)
    item[names.attempt] = number(record.attempt)
    item[names.started] = number(record.started)
    item[names.claimed] = number(record.claimed)
    item[names.validation] = text(record.fingerprint)
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
    reader = _Reader(item, layout.names)
    version = reader.maybe_number("v")
    if version is None:
        return _read_powertools(reader)
    if version != VERSION:
        raise reader.corrupt(f"it is of version {version}, and this twicesafe knows version {VERSION} only")
    status, owner = reader.status(), reader.maybe_text("owner")
    in_progress = status is Status.IN_PROGRESS
    is_held = in_progress and owner is not None
    lease_until = Millis(reader.number("in_progress_expiration", None if is_held else 0))
    if in_progress and lease_until and owner is None:
        raise reader.corrupt("it has a lease, and no owner")
    return Record(
        reader.key,
        status,
        owner,
        reader.number("attempt"),
        Millis(reader.number("started")),
        Millis(reader.number("claimed")),
        lease_until,
        reader.seconds("expiration"),
        reader.text("validation"),
        reader.maybe_text("data"),
        reader.steps(must_be_there=in_progress),
        reader.number("generation", 0),
    )


def _read_powertools(reader: _Reader) -> Record:
    """A record that Powertools for AWS Lambda left under this very key: its words are honoured.

    A completed one is an answer. One in progress has an owner who is not known here; without a lease
    of its own it is honoured for as long as the record is.
    """
    status, expires_at = reader.status(), Seconds(reader.number("expiration"))
    if status is Status.FAILED:
        raise reader.corrupt("it has no format version")
    in_progress = status is Status.IN_PROGRESS
    lease_until = reader.number("in_progress_expiration", expires_at * 1000) if in_progress else 0
    return Record(
        reader.key,
        status,
        OTHERS_OWNER if in_progress else None,
        attempt=1,
        started=Millis(0),
        claimed=Millis(0),
        lease_until=Millis(lease_until),
        expires_at=expires_at,
        reply=reader.maybe_text("data"),
    )


class _Reader:
    """Takes attributes out of an item, each of the type that it must have."""

    def __init__(self, item: Item, names: Names) -> None:
        self._item = item
        self._names = names
        self.key = ""
        self.key = self.text("id")

    def corrupt(self, reason: str) -> CorruptRecord:
        return CorruptRecord(self.key, reason)

    def maybe_text(self, field: str) -> str | None:
        return self._get(field, "S")

    def text(self, field: str) -> str:
        text = self.maybe_text(field)
        if text is None:
            raise self._missing(field)
        return text

    def maybe_number(self, field: str) -> int | None:
        digits = self._get(field, "N")
        if digits is None:
            return None
        if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER):
            raise self.corrupt(f"its {self._named(field)} is not a whole number")
        return int(digits)

    def number(self, field: str, default: int | None = None) -> int:
        found = self.maybe_number(field)
        if found is None:
            found = default
        if found is None:
            raise self._missing(field)
        return found

    def seconds(self, field: str) -> Seconds | None:
        found = self.maybe_number(field)
        return None if found is None else Seconds(found)

    def status(self) -> Status:
        status = STATUSES.get(self.text("status"))
        if status is None:
            raise self.corrupt(f"its {self._named('status')} is not known")
        return status

    def steps(self, *, must_be_there: bool) -> dict[str, Step]:
        name = self._names.steps
        if name not in self._item:
            if must_be_there:
                raise self._missing("steps")
            return {}
        found = self._item[name].get("M")
        if not isinstance(found, dict):
            raise self.corrupt(f"its {self._named('steps')} are not a map")
        return {step: self._step(value) for step, value in found.items()}

    def _step(self, value: object) -> Step:
        text = value.get("S") if isinstance(value, dict) else None
        if not isinstance(text, str) or text[:1] not in (RESULT, INTENT):
            raise self.corrupt(f"its {self._named('steps')} are not as they are written")
        return Step(text[0] == RESULT, text[1:])

    def _get(self, field: str, kind: str) -> str | None:
        value = self._item.get(getattr(self._names, field))
        if value is None:
            return None
        found = value.get(kind)
        if not isinstance(found, str):
            raise self.corrupt(f"its {self._named(field)} is of the type {'/'.join(value)}, not {kind}")
        return found

    def _missing(self, field: str) -> CorruptRecord:
        return self.corrupt(f"its {self._named(field)} is missing")

    def _named(self, field: str) -> str:
        return f"attribute {getattr(self._names, field)!r}"
