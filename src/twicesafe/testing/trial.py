"""One key of a store under test, and the moment that its commands carry."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
from ..protocol.records import Millis, Record, Seconds, Status, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.commands import StoreCommand, StoreReply
    from ..protocol.records import Steps

LEASE = 30_000
"""How long a trial's claims are honoured, in milliseconds, where a test does not say otherwise."""
EXPIRY = 3_600
"""How long a trial's records are kept, in seconds, where a test does not say otherwise."""

REPLIES: dict[type, tuple[type, ...]] = {
    Claim: (Claimed, Existing),
    Complete: (Done, Lost),
    Release: (Done, Lost),
    Renew: (Done, Lost),
    SaveStep: (Done, Lost),
    Keep: (Done,),
    Load: (Record, type(None)),
    Forget: (Done, Lost),
    Redo: (Done, Lost),
    SettleStep: (Done, Lost),
    List: (Page,),
}
TEXT, MAYBE_TEXT, NUMBER, MAYBE_NUMBER = (str,), (str, type(None)), (int,), (int, type(None))
FIELDS: dict[str, tuple[type, ...]] = {
    "key": TEXT,
    "status": (Status,),
    "owner": MAYBE_TEXT,
    "attempt": NUMBER,
    "started": NUMBER,
    "claimed": NUMBER,
    "lease_until": NUMBER,
    "expires_at": MAYBE_NUMBER,
    "fingerprint": TEXT,
    "reply": MAYBE_TEXT,
    "generation": NUMBER,
}


class Trial:
    """One key; every command carries the trial's own time, which starts at the present.

    Args:
        apply: the store's, in either form.
        key: by default one that no other trial has, so that trials can share a server.
    """

    def __init__(self, apply: Callable[[StoreCommand], StoreReply], key: str | None = None) -> None:
        self._apply = apply
        self.key = f"contract/{uuid.uuid4()}" if key is None else key
        self.now = self.claimed = Millis(time.time_ns() // 1_000_000)

    def time_passes(self, duration: int) -> None:
        """Move the time forward, by milliseconds."""
        self.now = Millis(self.now + duration)

    def apply(self, command: StoreCommand) -> Any:
        """Apply a command, and check that its reply is made of what it should be made of."""
        reply = self._apply(command)
        assert type(reply) in REPLIES[type(command)]
        _check(reply)
        return reply

    def claim(
        self,
        owner: str,
        *,
        lease: int = LEASE,
        expires_after: int | None = EXPIRY,
        fingerprint: str = "",
        takes_over: bool = True,
        not_before: int = 0,
        corrects: Millis | None = None,
    ) -> Claimed | Existing:
        """Claim the key now."""
        lease_until = Millis(self.now + lease)
        expires_at = None if expires_after is None else self.expires_at(expires_after)
        command = Claim(self.key, owner, self.now, lease_until, expires_at, fingerprint, takes_over)
        command = command._replace(not_before=Millis(not_before), corrects=corrects)
        self.claimed = command.claimed
        return self.apply(command)  # type: ignore[no-any-return] # checked by apply

    def complete(
        self,
        owner: str,
        reply: str | None = '"paid"',
        *,
        status: Status = Status.COMPLETED,
        expires_after: int = EXPIRY,
    ) -> Done | Lost:
        """Record the owner's answer."""
        command = Complete(self.key, owner, status, reply, self.expires_at(expires_after))
        return self.apply(command)  # type: ignore[no-any-return] # checked by apply

    def release(self, owner: str, steps: Steps | None = None, *, expires_after: int = EXPIRY) -> Done | Lost:
        """Give the last claim back."""
        command = Release(self.key, owner, self.claimed, self.expires_at(expires_after), steps or {})
        return self.apply(command)  # type: ignore[no-any-return] # checked by apply

    def renew(self, owner: str, lease: int, *, expires_after: int | None = EXPIRY) -> Done | Lost:
        """Ask for a lease that ends that many milliseconds from now."""
        expires_at = None if expires_after is None else self.expires_at(expires_after)
        command = Renew(self.key, owner, Millis(self.now + lease), expires_at)
        return self.apply(command)  # type: ignore[no-any-return] # checked by apply

    def save(self, owner: str, steps: Steps) -> Done | Lost:
        """Record what is known of some steps."""
        return self.apply(SaveStep(self.key, owner, steps))  # type: ignore[no-any-return] # checked by apply

    def keep(self, owner: str, text: str, *, expires_after: int = EXPIRY) -> Done:
        """Keep a text alone, in the place of a record."""
        return self.apply(Keep(self.key, owner, self.now, text, self.expires_at(expires_after)))  # type: ignore[no-any-return] # as above

    def load(self) -> Record | None:
        """Read the record."""
        return self.apply(Load(self.key))  # type: ignore[no-any-return] # checked by apply

    def found(self) -> Record:
        """Read the record that must be there."""
        record = self.load()
        assert record is not None
        return record

    def forget(self, seen: Record) -> Done | Lost:
        """Remove what was seen."""
        return self.apply(Forget(seen))  # type: ignore[no-any-return] # checked by apply

    def redo(self, seen: Record, *, expires_after: int = EXPIRY) -> Done | Lost:
        """Begin a new generation of what was seen."""
        return self.apply(Redo(seen, self.expires_at(expires_after), self.now))  # type: ignore[no-any-return] # as above

    def settle_step(self, seen: Record, steps: Steps, *, expires_after: int = EXPIRY) -> Done | Lost:
        """Say what became of some steps of what was seen."""
        command = SettleStep(seen, steps, self.expires_at(expires_after))
        return self.apply(command)  # type: ignore[no-any-return] # checked by apply

    def expires_at(self, expires_after: int) -> Seconds:
        """The moment that many seconds from now."""
        return Seconds(self.now // 1000 + expires_after)


def _check(reply: object) -> None:
    """Tuples of different classes can be equal, and so can a status and its text: look at the classes."""
    if isinstance(reply, Record):
        for field, types in FIELDS.items():
            assert type(getattr(reply, field)) in types, field
        _check_steps(reply.steps)
    elif isinstance(reply, Claimed):
        assert {type(value) for value in (reply.attempt, reply.started, reply.lease_until, reply.generation)} == {int}
        _check_steps(reply.steps)
    elif isinstance(reply, (Existing, Lost)):
        _check(reply.record)
    elif isinstance(reply, Page):
        assert type(reply.after) in MAYBE_TEXT
        for record in reply.records:
            _check(record)


def _check_steps(steps: object) -> None:
    assert isinstance(steps, Mapping)
    for name, step in steps.items():
        assert (type(name), type(step), type(step.is_result), type(step.data)) == (str, Step, bool, str)
