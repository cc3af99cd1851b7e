"""What has happened, kept beside the record: the invariants' memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twicesafe.protocol.commands import Claim, Complete, Failed, Forget, Redo, Release, Returned, Unkept
from twicesafe.protocol.flows import Ran, Replayed
from twicesafe.protocol.records import Status

from .invariants import Ghost, Kept

if TYPE_CHECKING:
    from twicesafe.protocol.records import Record

    from .invariants import Change


def remembered(change: Change) -> Ghost:
    """What is known after a command that changed the record."""
    ghost, command, record = change.ghost, change.command, change.after
    if isinstance(command, Claim):
        assert record is not None
        is_new = change.before is None or change.before.started != record.started
        grants = (*ghost.grants, (command.owner, record.started, record.attempt))
        return ghost._replace(grants=grants, kept=None if is_new else ghost.kept)
    if isinstance(command, (Redo, Forget)):
        return ghost._replace(kept=None, pardoned=ghost.pardoned | {owner for owner, _, _ in ghost.grants})
    if not isinstance(command, (Complete, Release)):
        return ghost
    assert record is not None
    if isinstance(command, Release) and change.by_hand:
        return ghost._replace(pardoned=ghost.pardoned | {command.owner})
    ghost = ghost._replace(over=ghost.over | {(command.owner, record.started)})
    if isinstance(command, Complete):
        ghost = ghost._replace(recorded=ghost.recorded | {(command.owner, command.status, command.reply)})
    return ghost


def heard(ghost: Ghost, end: object, record: Record | None) -> Ghost:
    """What is known after a caller got its answer."""
    answer = _kept(end)
    if answer is None or record is None or (record.status, record.reply) != answer:
        return ghost
    return ghost._replace(kept=Kept(*answer, record.expires_at))


def _kept(end: object) -> tuple[Status, str | None] | None:
    if isinstance(end, Replayed):
        return end.record.status, end.record.reply
    if isinstance(end, Ran) and isinstance(end.outcome, Failed):
        return Status.FAILED, end.outcome.kept
    if isinstance(end, Ran) and isinstance(end.outcome, (Returned, Unkept)):
        return Status.COMPLETED, end.outcome.kept
    return None
