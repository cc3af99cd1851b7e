"""What must hold: in every state (Moment), at every change of the record (Change), at every turn of a process (Turn).

Each is a small function that says whether its sentence holds. The sentences are protocol.md's; what a
record may become is said here once more, in other words than the reference store's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.errors import (
    InProgress,
    LeaseLost,
    NotEnoughTime,
    NotRecorded,
    PayloadMismatch,
    StoreUnavailable,
    UnknownOutcome,
)
from twicesafe.protocol.commands import (
    Claim,
    Claimed,
    Complete,
    Existing,
    Failed,
    Forget,
    Lost,
    Redo,
    Release,
    Renew,
    Returned,
    SaveStep,
    Unkept,
)
from twicesafe.protocol.flows import Ran, Replayed
from twicesafe.protocol.records import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twicesafe.protocol.records import Millis, Record, Seconds
    from twicesafe.protocol.tenure import Instant

    from .process import Facts, Role
    from .settings import Setting


class Kept(NamedTuple):
    """An answer that is kept, and that a caller had."""

    status: Status
    reply: str | None
    expires_at: Seconds | None


class Ghost(NamedTuple):
    """What has happened, where the record alone does not tell any more."""

    grants: tuple[tuple[str, Millis, int], ...] = ()  # owner, life's start, attempt: in the order of the store
    over: frozenset[tuple[str, Millis]] = frozenset()  # owner, life's start: it completed, or was released
    recorded: frozenset[tuple[str, Status, str | None]] = frozenset()  # owner, status, reply
    pardoned: frozenset[str] = frozenset()  # owners of whom a person said that their work may run again
    kept: Kept | None = None
    at_once: bool = False  # two owners ran at once: only where I1 need not hold


class Change(NamedTuple):
    """A command is applied."""

    command: Any
    before: Record | None
    after: Record | None
    reply: Any
    ghost: Ghost  # before
    facts: tuple[Facts, ...]
    by_hand: bool
    is_wrong: bool  # it is a claim by a clock that its first answer corrects


class Turn(NamedTuple):
    """A process was told something, and went on."""

    role: Role
    told: Any  # a reply, or None
    to: Any  # the command that it answers, or None
    before: Facts
    after: Facts
    asks: Any  # what its flow asks for now
    ghost: Ghost
    others: tuple[tuple[Facts, Instant], ...]
    setting: Setting
    now: int  # true time


class Moment(NamedTuple):
    """A state."""

    now: int
    record: Record | None
    ghost: Ghost
    setting: Setting
    running: tuple[tuple[Facts, Instant], ...]
    probe: Callable[[int], Any]  # what a delivery of the record's own payload would get at a time


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, sentence: str, detail: str) -> None:
        super().__init__(f"{invariant}: {sentence}\n{detail}")
        self.invariant = invariant


def check(rules: Iterable[Callable[[Any], bool]], subject: Any) -> None:
    """Raise the first violation."""
    for rule in rules:
        if not rule(subject):
            raise Violation(rule.__name__, rule.__doc__ or "", repr(subject))


# I1, I5, I11, I12: who may run


def I1_one_believes(moment: Moment) -> bool:
    """At most one owner runs under a lease that it may believe in (clocks within the allowance)."""
    return sum(not facts.is_ended and _believes(facts, clock) for facts, clock in moment.running) <= 1


def I1_a_lease_is_not_given_away(turn: Turn) -> bool:
    """Nobody runs under the live lease of another whose function is done, or may be."""
    if not _begins(turn):
        return True
    undone = ("raises", "says that it failed", "passes on", "is interrupted", "interrupted")
    return not any(
        _believes(facts, clock)
        for facts, clock in turn.others
        if facts.grant and facts.ending not in undone and not facts.is_ended and not _is_pardoned(turn, facts)
    )


def I5_no_effect_without_a_claim(turn: Turn) -> bool:
    """No effect without a confirmed claim."""
    if not _begins(turn):
        return True
    return turn.after.confirmed and turn.after.grant in turn.ghost.grants


def I5_once_in_a_delivery(turn: Turn) -> bool:
    """A delivery has each of its effects once at most, and only while its function runs."""
    effects = turn.after.effects
    return len(set(effects)) == len(effects) and (effects == turn.before.effects or turn.after.grant is not None)


def I11_silent_never_runs_again(turn: Turn) -> bool:
    """Under on_unknown="raise" a function that fell silent never runs again."""
    if not _begins(turn) or turn.setting.work.policy.on_unknown == "rerun":
        return True
    return all(_has_spoken(turn, facts) for facts, _ in turn.others if facts.grant)


def I12_the_ended_complete_nothing(turn: Turn) -> bool:
    """Nothing is completed by an execution that was ended."""
    return not (isinstance(turn.asks, Complete) and turn.after.is_ended)


def _believes(facts: Facts, clock: Instant) -> bool:
    return facts.lease is not None and not facts.lease.is_over(clock)


def _begins(turn: Turn) -> bool:
    return turn.before.grant is None and turn.after.grant is not None


def _is_pardoned(turn: Turn, facts: Facts) -> bool:
    return facts.grant is not None and facts.grant[0] in turn.ghost.pardoned


def _has_spoken(turn: Turn, facts: Facts) -> bool:
    assert facts.grant is not None
    owner, started, _ = facts.grant
    if _is_pardoned(turn, facts) or any(owner == recorded[0] for recorded in turn.ghost.recorded):
        return True
    said_no = facts.ending in ("raises", "says that it failed", "passes on") or (
        facts.is_ended and facts.ending not in ("", "is interrupted", "interrupted")
    )
    return said_no and (owner, started) in turn.ghost.over


# I2, I7: one reply


def I2_a_kept_reply_stays(moment: Moment) -> bool:
    """Once a caller had a reply that is kept, every later delivery within the expiry gets that reply."""
    kept = moment.ghost.kept
    ahead = max(role.stays_ahead for role in moment.setting.roles)
    if kept is None or kept.expires_at is None or kept.expires_at * 1000 <= moment.now + ahead:
        return True
    answer = moment.probe(moment.now)
    return isinstance(answer, Replayed) and (answer.record.status, answer.record.reply) == kept[:2]


def I2_no_longer_than_its_expiry(change: Change) -> bool:
    """A reply is not given to a delivery that came after its expiry."""
    if change.is_wrong or not (isinstance(change.reply, Existing) and change.reply.record.is_final):
        return True
    return not _has_expired(change.reply.record, change.command.now)


def I7_what_is_heard_is_recorded(turn: Turn) -> bool:
    """First reply = replay: what a caller gets is what the record was given, by that very owner."""
    answer = _answer(turn)
    if not isinstance(answer, Ran) or not isinstance(answer.outcome, (Returned, Unkept, Failed)):
        return True
    status = Status.FAILED if isinstance(answer.outcome, Failed) else Status.COMPLETED
    return (turn.role.name, status, answer.outcome.kept) in turn.ghost.recorded


def I7_only_answers_are_recorded(change: Change) -> bool:
    """Nothing is recorded but what the owner's function returned, or what a person says of it."""
    if not isinstance(change.command, Complete) or change.before == change.after:
        return True
    if change.by_hand:
        return True
    facts = _of_owner(change, change.command.owner)
    return facts is not None and facts.ending in ANSWERS


ANSWERS = ("returns", "returns nothing kept", "returns what can't be kept", "raises a final error")


def _answer(turn: Turn) -> Any:
    return turn.after.end if turn.before.end is None else None


def _of_owner(change: Change, owner: str) -> Facts | None:
    return next((facts for facts in change.facts if facts.grant and facts.grant[0] == owner), None)


# I3, I8: what a record may become


def I3_a_stale_owner_changes_nothing(change: Change) -> bool:
    """A stale owner changes nothing: not the reply, not the steps, not the lease."""
    if not isinstance(change.command, (Complete, Release, Renew, SaveStep)) or change.before == change.after:
        return True
    before = change.before
    return before is not None and _holds(before, change.command.owner) and not _is_over(change, before)


def I3_a_claim_takes_what_is_free(change: Change) -> bool:
    """A claim changes nothing that is held, answered, claimed later, or that its own delivery has given back."""
    if not isinstance(change.command, Claim) or change.before == change.after or change.before is None:
        return True
    before, now = change.before, change.command.now
    if _has_expired(before, now) or _is_correction(change):
        return True
    is_held = before.owner is not None and now < before.lease_until
    is_free = before.status is Status.IN_PROGRESS and not is_held and before.claimed < change.command.claimed
    return is_free and not _is_over(change, before)


def I3_a_wrong_time_takes_nothing_over(change: Change) -> bool:
    """A claim whose answer shows that its time was wrong changes no record of another, expired or not."""
    return not change.is_wrong or change.before is None or change.before == change.after or _is_correction(change)


def I3_a_renewal_never_shortens(change: Change) -> bool:
    """A Renew never shortens a lease."""
    if not isinstance(change.command, Renew) or change.before is None or change.after is None:
        return True
    return change.after.lease_until >= change.before.lease_until


def I8_results_are_never_lost(change: Change) -> bool:
    """A recorded result is never lost within its life, nor another put in its place."""
    before, after = change.before, change.after
    if before is None or before == after or isinstance(change.command, (Complete, Redo, Forget)):
        return True
    if isinstance(change.command, Claim) and _has_expired(before, change.command.now):
        return True
    return after is not None and _results(before) <= _results(after)


def I8_a_new_life_inherits_nothing(change: Change) -> bool:
    """What an expired record held is removed, not inherited."""
    if not isinstance(change.command, Claim) or change.before == change.after or change.after is None:
        return True
    if change.before is not None and not _has_expired(change.before, change.command.now):
        return change.after.started == change.before.started or _is_correction(change)
    after = change.after
    return not after.steps and (after.attempt, after.started, after.fingerprint) == (
        1,
        change.command.now,
        change.command.fingerprint,
    )


def I8_a_claim_is_given_the_results(change: Change) -> bool:
    """A claim is given the results that are in the record."""
    if not isinstance(change.reply, Claimed) or change.after is None:
        return True
    return change.reply.steps == change.after.steps


def I8_a_release_leaves_no_result_behind(change: Change) -> bool:
    """A step's result whose writing was given up goes along with the Release."""
    if not isinstance(change.command, Release) or change.before == change.after or change.after is None:
        return True
    facts = _of_owner(change, change.command.owner)
    return facts is None or change.by_hand or set(facts.results) <= _results(change.after)


def I8_a_recorded_step_never_runs(turn: Turn) -> bool:
    """A step whose result was in the record at the claim never runs."""
    given = dict(turn.after.given)
    return not any(name in given for name in turn.after.effects)


def _is_correction(change: Change) -> bool:
    """Whether an owner puts the time right in what it has claimed itself."""
    before, command = change.before, change.command
    return before is not None and _holds(before, command.owner) and before.claimed == command.corrects


def _holds(record: Record, owner: str) -> bool:
    return record.status is Status.IN_PROGRESS and record.owner == owner


def _is_over(change: Change, before: Record) -> bool:
    return (change.command.owner, before.started) in change.ghost.over


def _has_expired(record: Record, now: Millis) -> bool:
    is_held = record.status is Status.IN_PROGRESS and record.owner is not None and now < record.lease_until
    return record.expires_at is not None and record.expires_at * 1000 <= now and not is_held


def _results(record: Record) -> set[tuple[str, str]]:
    return {(name, step.data) for name, step in record.steps.items() if step.is_result}


# I4, I6: nobody is refused without a reason


def I4_nobody_takes_its_own_write_for_anothers(turn: Turn) -> bool:
    """A lost response never makes a delivery take its own write for another's."""
    if turn.role.by_hand or not isinstance(turn.told, (Existing, Lost)) or turn.told.record is None:
        return True
    record = turn.told.record
    if record.owner != turn.role.name:
        return True
    if record.status is Status.IN_PROGRESS:
        return False
    return not (isinstance(turn.to, Complete) and (record.status, record.reply) == (turn.to.status, turn.to.reply))


def I4_a_zombies_caller_hears_the_truth(turn: Turn) -> bool:
    """If its completion is lost, and the record holds an answer to its own payload, that is the answer."""
    if not isinstance(turn.to, Complete) or not isinstance(turn.told, Lost) or turn.role.by_hand:
        return True
    record = turn.told.record
    if record is None or not record.is_final or record.contradicts(turn.role.fingerprint):
        return isinstance(turn.after.end, LeaseLost)
    return isinstance(turn.after.end, Replayed)


def I4_a_wrong_time_decides_nothing(turn: Turn) -> bool:
    """When an answer shows that the time of its claim was wrong, nothing follows but another claim."""
    if not isinstance(turn.to, Claim) or turn.told is None or not turn.role.is_outdated(turn.to.offset):
        return True
    return isinstance(turn.asks, Claim)


def I4_a_lease_that_stands_is_used(turn: Turn) -> bool:
    """A claim that is granted is given back only when its lease is over."""
    if not isinstance(turn.to, Claim) or not isinstance(turn.told, Claimed) or not isinstance(turn.asks, Release):
        return True
    lease_until = min(turn.to.lease_until, turn.told.lease_until) - turn.setting.work.policy.allowance
    return turn.now + max(0, turn.role.stays_ahead) >= lease_until


def I4_errors_are_honest(turn: Turn) -> bool:
    """A refusal before the function means that nothing was run, and each error has its reason."""
    error = _answer(turn)
    if not isinstance(error, BaseException) or turn.role.by_hand:
        return True
    if isinstance(error, KeyboardInterrupt):
        return turn.setting.bounds.interrupts > 0
    if isinstance(error, NotRecorded):
        return turn.after.grant is not None
    if isinstance(error, UnknownOutcome) and turn.setting.work.policy.reruns:
        return False
    refusals = (InProgress, PayloadMismatch, UnknownOutcome, NotEnoughTime, StoreUnavailable)
    return isinstance(error, LeaseLost) or (isinstance(error, refusals) and turn.after.grant is None)


def I6_a_dead_lease_blocks_nobody(moment: Moment) -> bool:
    """After any crash a delivery after the lease ends runs, or is told UnknownOutcome by choice."""
    record = moment.record
    if record is None or record.is_final:
        return True
    answer = moment.probe(max(moment.now, record.lease_until) + 1)
    if isinstance(answer, Ran):
        return True
    is_silent = record.owner is not None and (record.owner, record.started) not in moment.ghost.over
    return isinstance(answer, UnknownOutcome) and is_silent and moment.setting.work.policy.on_unknown == "raise"


def I6_a_lease_is_no_longer_than_granted(moment: Moment) -> bool:
    """While a function runs, its record is held for no longer than its policy grants: a crash blocks it so long."""
    record, work = moment.record, moment.setting.work
    runs = record is not None and any(facts.grant and facts.grant[0] == record.owner for facts, _ in moment.running)
    if record is None or record.is_final or not runs:
        return True
    ahead = max(0, *(role.stays_ahead for role in moment.setting.roles))
    return record.lease_until <= moment.now + max(work.policy.lease, work.runs_for or 0) + work.policy.allowance + ahead


# I9, I10: fingerprints and fences


def I9_another_payload_is_refused(change: Change) -> bool:
    """A mismatching fingerprint never gets the claim."""
    if not isinstance(change.reply, Claimed) or change.after is None:
        return True
    return not change.after.contradicts(change.command.fingerprint)


def I9_another_payload_sees_nothing(turn: Turn) -> bool:
    """A mismatching fingerprint never sees the reply nor the steps."""
    if len({role.rules for role in turn.setting.roles}) > 1:
        return True  # versions that differ are not compared
    own = f"{turn.role.payload}/"
    answer = _answer(turn)
    seen = [data for _, data in turn.after.given]
    if isinstance(answer, Replayed):
        seen.append(answer.record.reply or own)
    return all(data.startswith(own) for data in seen)


def I10_the_fence_grows(turn: Turn) -> bool:
    """The fence strictly grows from each claim that runs to the next."""
    if not _begins(turn):
        return True
    mine = _last(turn.ghost, turn.after)
    return all(
        (_last(turn.ghost, facts) < mine) == (facts.fence < turn.after.fence) and facts.fence != turn.after.fence
        for facts, _ in turn.others
        if facts.grant and not _is_forgotten(turn, facts)
    )


def _is_forgotten(turn: Turn, facts: Facts) -> bool:
    """Whether a person forgot that claim, and this one is of the same millisecond: nothing tells them apart."""
    assert facts.grant is not None
    assert turn.after.grant is not None
    by_hand = any(role.by_hand == "forget" for role in turn.setting.roles)
    return by_hand and _is_pardoned(turn, facts) and facts.grant[1] == turn.after.grant[1]


def _last(ghost: Ghost, facts: Facts) -> int:
    """Which of the store's grants it is, in their order; -1: none (that is I5's)."""
    return max((i for i, grant in enumerate(ghost.grants) if grant == facts.grant), default=-1)


MOMENT = (
    I1_one_believes,
    I2_a_kept_reply_stays,
    I6_a_dead_lease_blocks_nobody,
    I6_a_lease_is_no_longer_than_granted,
)
CHANGE = (
    I2_no_longer_than_its_expiry,
    I7_only_answers_are_recorded,
    I3_a_stale_owner_changes_nothing,
    I3_a_claim_takes_what_is_free,
    I3_a_wrong_time_takes_nothing_over,
    I3_a_renewal_never_shortens,
    I8_results_are_never_lost,
    I8_a_new_life_inherits_nothing,
    I8_a_claim_is_given_the_results,
    I8_a_release_leaves_no_result_behind,
    I9_another_payload_is_refused,
)
TURN = (
    I1_a_lease_is_not_given_away,
    I5_no_effect_without_a_claim,
    I5_once_in_a_delivery,
    I11_silent_never_runs_again,
    I12_the_ended_complete_nothing,
    I7_what_is_heard_is_recorded,
    I8_a_recorded_step_never_runs,
    I4_nobody_takes_its_own_write_for_anothers,
    I4_a_zombies_caller_hears_the_truth,
    I4_a_wrong_time_decides_nothing,
    I4_a_lease_that_stands_is_used,
    I4_errors_are_honest,
    I9_another_payload_sees_nothing,
    I10_the_fence_grows,
)
