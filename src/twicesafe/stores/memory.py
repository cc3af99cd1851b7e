"""The reference store: the meaning of each command, in the plainest code."""

from __future__ import annotations

import threading

from ..protocol.commands import (
    Claim,
    Claimed,
    Complete,
    Done,
    Existing,
    Forget,
    Keep,
    List,
    Load,
    Lost,
    Page,
    Redo,
    Release,
    Renew,
    SaveStep,
    SettleStep,
)
from ..protocol.records import Millis, Record, Status, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..protocol.commands import StoreCommand, StoreReply


def claim(found: Record | None, command: Claim) -> tuple[Record | None, Claimed | Existing]:
    """Make of the record what a claim makes of it."""
    if found is not None and _is_held(found, command.owner) and found.claimed == command.corrects:
        return _corrected(found, command)
    if found is None or found.is_leftover(command.now):
        return _new_life(command)
    if found.owner == command.owner and not found.is_final:  # rule 1: this claim, sent again
        return found, claimed(found)
    if found.contradicts(command.fingerprint) or found.is_final or found.is_live(command.now):
        return found, Existing(found)
    if found.claimed >= command.claimed:  # a late copy must not revive a claim that was released
        return found, Existing(found)
    if found.owner is not None and not command.takes_over:
        return found, Existing(found)
    return _taken(found, command)


def _new_life(command: Claim) -> tuple[Record, Claimed]:
    record = Record(
        command.key,
        Status.IN_PROGRESS,
        command.owner,
        attempt=1,
        started=command.now,
        claimed=command.claimed,
        lease_until=command.lease_until,
        expires_at=command.expires_at,
        fingerprint=command.fingerprint,
    )
    return record, claimed(record)


def _taken(found: Record, command: Claim) -> tuple[Record, Claimed]:
    record = found._replace(
        owner=command.owner,
        attempt=found.attempt + 1,
        claimed=command.claimed,
        lease_until=command.lease_until,
        expires_at=command.expires_at,
    )
    return record, claimed(record)


def _corrected(found: Record, command: Claim) -> tuple[Record, Claimed]:
    """Put the right times in the place of those that the owner's clock said before it was known to be wrong."""
    record = found._replace(
        started=command.now if found.attempt == 1 else found.started,  # the first claim began the life
        claimed=command.claimed,
        lease_until=command.lease_until,
        expires_at=command.expires_at,
    )
    return record, claimed(record)


def claimed(record: Record) -> Claimed:
    """What a claim is told that holds this record."""
    return Claimed(record.attempt, record.started, record.lease_until, record.steps, record.generation)


def complete(found: Record | None, command: Complete) -> tuple[Record | None, Done | Lost]:
    """Record the answer, for the owner in progress alone."""
    if found is not None and _is_of(found, command):  # rule 1: this completion, sent again
        return found, Done()
    if found is None or not _is_held(found, command.owner):
        return found, Lost(found)
    done = found._replace(
        status=command.status,
        reply=command.reply,
        steps={},
        lease_until=Millis(0),
        expires_at=command.expires_at,
    )
    return done, Done()


def release(found: Record | None, command: Release) -> tuple[Record | None, Done | Lost]:
    """Take the owner out; a copy that comes late finds another owner, none, or a later claim, and changes nothing."""
    if found is None or not _is_held(found, command.owner) or found.claimed > command.claimed:
        return found, Lost(found)
    steps = {**found.steps, **_open(found.steps, command.steps)}
    released = found._replace(
        owner=None,
        claimed=command.claimed,
        lease_until=Millis(0),
        expires_at=command.expires_at,
        steps=steps,
    )
    return released, Done()


def renew(found: Record | None, command: Renew) -> tuple[Record | None, Done | Lost]:
    """Make the lease longer, never shorter: copies arrive out of order."""
    if found is None or not _is_held(found, command.owner):
        return found, Lost(found)
    if command.lease_until <= found.lease_until:
        return found, Done()
    return found._replace(lease_until=command.lease_until, expires_at=command.expires_at), Done()


def save_step(found: Record | None, command: SaveStep) -> tuple[Record | None, Done | Lost]:
    """Add steps to what is known."""
    if found is None or not _is_held(found, command.owner):
        return found, Lost(found)
    steps = _merged(found.steps, command.steps)
    return (found, Lost(found)) if steps is None else (found._replace(steps=steps), Done())


def keep(_: Record | None, command: Keep) -> tuple[Record | None, Done]:
    """Put the text there, as the reply of a record that was never in progress."""
    kept = Record(
        command.key,
        Status.COMPLETED,
        command.owner,
        attempt=1,
        started=command.now,
        claimed=command.now,
        lease_until=Millis(0),
        expires_at=command.expires_at,
        reply=command.text,
    )
    return kept, Done()


def forget(found: Record | None, command: Forget) -> tuple[Record | None, Done | Lost]:
    """Remove what a person saw."""
    return (None, Done()) if found == command.seen else (found, Lost(found))


def redo(found: Record | None, command: Redo) -> tuple[Record | None, Done | Lost]:
    """Begin a new generation of what a person saw."""
    if found is None or found != command.seen:
        return found, Lost(found)
    fresh = found._replace(
        status=Status.IN_PROGRESS,
        owner=None,
        lease_until=Millis(0),
        expires_at=command.expires_at,
        reply=None,
        steps={},
        started=max(found.started, command.now),
        generation=found.generation + 1,
    )
    return fresh, Done()


def settle_step(found: Record | None, command: SettleStep) -> tuple[Record | None, Done | Lost]:
    """Put a person's word in the place of what they saw of a step."""
    if found is None or found != command.seen or found.is_final:
        return found, Lost(found)
    return found._replace(steps={**found.steps, **command.steps}, expires_at=command.expires_at), Done()


def _is_of(record: Record, command: Complete) -> bool:
    """Whether this very answer is in the record; a person may have given another in the owner's name."""
    mine = (command.owner, command.status, command.reply)
    return record.is_final and (record.owner, record.status, record.reply) == mine


def _is_held(record: Record, owner: str) -> bool:
    return record.owner == owner and not record.is_final


def _open(known: Mapping[str, Step], new: Mapping[str, Step]) -> dict[str, Step]:
    """Return the new steps of which no result is known."""
    return {name: step for name, step in new.items() if name not in known or not known[name].is_result}


def _merged(known: Mapping[str, Step], new: Mapping[str, Step]) -> dict[str, Step] | None:
    """Both, or None where a result would be replaced by another, or by an intent."""
    for name, step in new.items():
        if name in known and known[name].is_result and known[name] != step:
            return None
    return {**known, **new}


TRANSITIONS: dict[type, Callable[[Record | None, Any], tuple[Record | None, StoreReply]]] = {
    Claim: claim,
    Complete: complete,
    Release: release,
    Renew: renew,
    SaveStep: save_step,
    Keep: keep,
    Forget: forget,
    Redo: redo,
    SettleStep: settle_step,
}


class MemoryStore:
    """Records in this process's memory: for tests, and to say what the other stores must do."""

    name = "memory"
    reply_limit: int | None = None
    transacts = False

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def apply(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command."""
        with self._lock:
            if isinstance(command, Load):
                return self._records.get(command.key)
            if isinstance(command, List):
                return self._page(command)
            return self._change(command.key, command)

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        """Apply one command; it never blocks for long."""
        return self.apply(command)

    def clock_offset(self) -> Millis:
        """The host's clock is this store's."""
        return Millis(0)

    def close(self) -> None:
        """There is nothing to let go of; the records stay, as in a real store."""

    def _change(self, key: str, command: StoreCommand) -> StoreReply:
        record, reply = TRANSITIONS[type(command)](self._records.get(key), command)
        if record is None:
            self._records.pop(key, None)
        else:
            self._records[key] = record
        return reply

    def _page(self, command: List) -> Page:
        keys = sorted(k for k in self._records if k.startswith(command.prefix) and k > (command.after or ""))
        shown = keys[: command.limit]
        return Page(tuple(self._records[k] for k in shown), shown[-1] if len(keys) > len(shown) else None)
