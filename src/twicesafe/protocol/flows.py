"""What happens between a delivery and its reply: every decision, and nothing else.

`execute` carries one delivery from its claim to its answer, `keep_alive` renews a lease that no platform's
deadline bounds, and steps.py has the pieces of the work inside. They are generators: they yield commands
(commands.py), are sent the replies, and raise the errors of twicesafe.errors. What the
user's function did reaches them as a value, never as an exception.
"""

from __future__ import annotations

from ..errors import (
    ConfigurationError,
    CorruptRecord,
    CredentialsMismatch,
    InProgress,
    LeaseLost,
    NotEnoughTime,
    NotRecorded,
    PayloadMismatch,
    StoreUnavailable,
    TransactionRefused,
    TwicesafeError,
    UnknownOutcome,
)
from ..tuples import NamedTuple
from .commands import (
    Claim,
    Claimed,
    Complete,
    Denied,
    Existing,
    Failed,
    Lost,
    Now,
    Raised,
    Release,
    Renew,
    Returned,
    Run,
    SaveStep,
    Sleep,
    Transact,
    Unkept,
    Unsuccessful,
    ask,
)
from .policy import FIRST_POLL, LONGEST_LEASE, LONGEST_POLL, Policy, before_the_end
from .records import Millis, Record, Status, differ_in_credentials
from .tenure import Deadline, Instant, Lease, Tenure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from .commands import Done, Flow, Outcome
    from .records import Step

SMALL = 256
"""Letters of a step that leave a record room: an intent, a pointer, a short result."""


MOST_CORRECTIONS = 4
"""How often in a row an answer may show that the time was wrong. One is enough, unless the clocks are set meanwhile."""
MOST_LOOKS = 32
"""How often in a row a claim may find the key free for it, and not be granted it."""


class Delivery(NamedTuple):
    """One call of the function by the platform."""

    key: str
    owner: str  # a random token, drawn for this delivery
    fingerprint: str = ""
    deadline: Deadline | None = None  # None: no platform bounds it


class Ran(NamedTuple):
    """This delivery ran the function."""

    outcome: Outcome
    attempt: int


class Replayed(NamedTuple):
    """An earlier delivery had run it; this is its answer."""

    record: Record


Answer: TypeAlias = "Ran | Replayed"


def execute(delivery: Delivery, policy: Policy) -> Flow[Answer]:
    """Run the delivery's call once for its key, or answer as it was answered before.

    Raises:
        InProgress, PayloadMismatch, UnknownOutcome, NotEnoughTime, CorruptRecord, StoreUnavailable: nothing was run.
        LeaseLost: the lease was over before the function was called, or before its reply was recorded.
        NotRecorded: the function has run; whether that is recorded is not known.
    """
    started = yield from ask(Now())
    claim = yield from _claim(delivery, policy, started)
    if isinstance(claim, Replayed):
        return claim
    tenure = claim
    outcome = yield from ask(Run(tenure))
    if tenure.ended is not None and not isinstance(outcome, Raised):
        outcome = Raised(_over(tenure.ended, outcome))  # rule 12: it stays ended, whatever the function made of it
    if isinstance(outcome, (Raised, Unsuccessful)):
        yield from _give_back(tenure, policy, outcome)
        return Ran(outcome, tenure.attempt)
    return (yield from _complete(tenure, policy, outcome, delivery.fingerprint))


def _claim(delivery: Delivery, policy: Policy, started: Instant) -> Flow[Tenure | Replayed]:
    """Take the key, or find out why not; wait for another's reply where the policy says so."""
    deadline = _lease_end(delivery, started)
    asked, not_before, poll, looks = started, Millis(0), FIRST_POLL, 0
    while True:
        if deadline is not None and not deadline.remaining(asked):
            raise NotEnoughTime(delivery.key, 0)
        claim, reply, asked, now = yield from _ask_corrected(delivery, policy, deadline, asked, not_before)
        if isinstance(reply, Claimed):
            return (yield from _enter(delivery, claim, reply, policy, asked, is_bounded=deadline is not None))
        record = reply.record
        if record.contradicts(delivery.fingerprint):
            raise _mismatch(delivery, record)
        if record.is_final:
            return Replayed(record)
        if not policy.believes(record, now.wall):
            raise CorruptRecord(delivery.key, "its lease ends later than any that is granted")
        looks += 1
        if record.is_live(claim.now):
            waited = now.elapsed - started.elapsed
            left = policy.wait - waited if deadline is None else before_the_end(deadline.remaining(now))
            yield from _wait(delivery.key, policy, record, now, Millis(left), poll)
            poll, looks = Millis(min(2 * poll, LONGEST_POLL)), 0
        elif looks == MOST_LOOKS:  # each time another was faster
            raise InProgress(delivery.key, record.attempt, 0)
        elif record.claimed >= claim.claimed:  # only a late copy would be as old as that: claim as one just after
            not_before = Millis(record.claimed + 1)
        elif record.owner is not None and not policy.reruns:
            raise UnknownOutcome(delivery.key, record.attempt)
        asked = yield from ask(Now())


def _mismatch(delivery: Delivery, record: Record) -> PayloadMismatch:
    """Name the credentials first: a stranger must not find out by trial which payload it was."""
    if differ_in_credentials(record.fingerprint, delivery.fingerprint):
        return CredentialsMismatch(delivery.key)
    return PayloadMismatch(delivery.key)


def _lease_end(delivery: Delivery, started: Instant) -> Deadline | None:
    """Return the deadline that the lease ends with; None: the lease is renewed.

    What is further off than any that Lambda has (stand-ins for it say such things) would block the key after a crash.
    """
    deadline = delivery.deadline
    return None if deadline is None or deadline.remaining(started) > LONGEST_LEASE else deadline


def _ask_corrected(
    delivery: Delivery, policy: Policy, deadline: Deadline | None, asked: Instant, not_before: Millis
) -> Flow[tuple[Claim, Claimed | Existing, Instant, Instant]]:
    """Claim, and claim again as soon as an answer shows that the time in the claim was wrong.

    Nothing follows from an answer to a wrong time; what was written by one is put right.

    Returns:
        The last claim, its reply, and the time just before and just after.
    """
    corrects: Millis | None = None
    corrections = 0
    while True:
        claim = _claim_at(delivery, policy, deadline, asked)._replace(not_before=not_before, corrects=corrects)
        reply = yield from _ask_claim(claim, policy)
        now = yield from ask(Now())
        if corrections == MOST_CORRECTIONS or not asked.is_corrected_by(now):
            return claim, reply, asked, now
        corrections += 1
        corrects = claim.claimed if isinstance(reply, Claimed) else None
        asked = now


def _claim_at(delivery: Delivery, policy: Policy, deadline: Deadline | None, asked: Instant) -> Claim:
    ends = None if deadline is None else Millis(asked.wall + deadline.remaining(asked))
    lease_until = policy.lease_until(asked.wall, ends)
    return Claim(
        delivery.key,
        delivery.owner,
        asked.wall,
        lease_until,
        policy.open_expires_at(lease_until),
        delivery.fingerprint,
        policy.reruns,
        offset=asked.offset,
    )


def _ask_claim(claim: Claim, policy: Policy) -> Flow[Claimed | Existing]:
    """Rule 4: a claim given up may have been applied, so it is released if the store can be reached."""
    try:
        return (yield from ask(claim))
    except GeneratorExit:
        raise
    except BaseException as error:  # an interrupt too: nothing has run
        if not isinstance(error, Exception) or isinstance(error, StoreUnavailable):
            yield from _give_back_claim(claim, policy)
        raise


def _give_back_claim(claim: Claim, policy: Policy) -> Flow[None]:
    try:
        claimed = Millis(max(claim.claimed, claim.corrects or 0))
        yield from ask(Release(claim.key, claim.owner, claimed, policy.expires_at(claim.lease_until)))
    except TwicesafeError:
        return  # the lease runs out by itself


def _enter(
    delivery: Delivery, claim: Claim, reply: Claimed, policy: Policy, asked: Instant, *, is_bounded: bool
) -> Flow[Tenure]:
    """Begin a tenure, unless the answer came too late (rule 6)."""
    lease_until = min(claim.lease_until, reply.lease_until)
    span = lease_until - policy.allowance - asked.wall
    lease = Lease(Millis(asked.wall + span), Millis(asked.elapsed + span))
    tenure = Tenure(
        claim.key,
        claim.owner,
        reply.attempt,
        reply.started,
        claim.claimed,
        reply.generation,
        lease,
        is_bounded=is_bounded,
        deadline=delivery.deadline,
        keeps_aside_for=policy.keeps_aside_for,
    )
    tenure.steps.update(reply.steps)
    now = yield from ask(Now())
    try:
        tenure.check(now)
    except LeaseLost as error:
        yield from _give_back(tenure, policy, Raised(error))
        raise
    return tenure


def _wait(key: str, policy: Policy, record: Record, now: Instant, left: Millis, poll: Millis) -> Flow[None]:
    """Sleep until the other delivery may have answered, or raise InProgress where no time is left for that."""
    retry_in = Millis(max(0, record.lease_until - now.wall))
    if policy.on_conflict == "raise" or left <= poll:
        raise InProgress(key, record.attempt, retry_in)
    yield from ask(Sleep(Millis(min(poll, retry_in + 1))))


def _give_back(tenure: Tenure, policy: Policy, outcome: Raised | Unsuccessful) -> Flow[None]:
    """Release the claim, so that the next delivery runs; a failure to do so hides nothing (rule 9)."""
    if not policy.releases(outcome):
        return  # its outcome is unknown
    if tenure.busy:  # an effect is under way in a thread or task that is left over: until it ends, the lease stands
        yield from _save_the_rest(tenure)
        return
    release = Release(tenure.key, tenure.owner, tenure.claimed, policy.expires_at(tenure.lease.wall))
    refused: list[tuple[Release, ConfigurationError]] = []
    for steps in _ever_fewer(tenure.unconfirmed.copy()):
        asked = release._replace(steps=steps)
        try:
            yield from ask(asked)
        except ConfigurationError as error:
            refused.append((asked, error))
            continue  # it may be too large for the record, and the lease would hold up the next delivery
        except TwicesafeError as error:
            tenure.leave(asked, error)  # and the lease runs out by itself
        return
    tenure.leave(*refused[0])


def _save_the_rest(tenure: Tenure) -> Flow[None]:
    """Record the results that no request has carried: what is left over may be cancelled, and send nothing more."""
    steps = tenure.outgoing()
    if not steps:
        return
    try:
        yield from ask(SaveStep(tenure.key, tenure.owner, steps))
    except TwicesafeError as error:
        tenure.leave(SaveStep(tenure.key, tenure.owner, steps), error)


def _ever_fewer(steps: dict[str, Step]) -> Iterator[dict[str, Step]]:
    """Yield all steps, those that are small, and none."""
    yield steps
    small = {name: step for name, step in steps.items() if len(step.data) <= SMALL}
    if len(small) < len(steps):
        yield small
    if small:
        yield {}


def _complete(tenure: Tenure, policy: Policy, outcome: Returned | Unkept | Failed, fingerprint: str) -> Flow[Answer]:
    """Record the answer; a zombie's caller hears the truth (rule 3), unless it is the truth of another payload."""
    status = Status.FAILED if isinstance(outcome, Failed) else Status.COMPLETED
    now = yield from ask(Now())
    complete = Complete(tenure.key, tenure.owner, status, outcome.kept, policy.expires_at(now.wall))
    writes = () if isinstance(outcome, Failed) else tenure.closing
    try:
        reply = yield from _insist(tenure, complete, writes) if writes else ask(complete)
    except TwicesafeError as error:  # rule 11: it may have been applied, so it is never followed by a Release
        tenure.leave(Transact(complete, writes, tenure.token()) if writes else complete, error)
        reason = error.reason if isinstance(error, StoreUnavailable) else str(error)
        if isinstance(outcome, Failed):
            raise NotRecorded(tenure.key, tenure.attempt, None, reason) from outcome.error
        raise NotRecorded(tenure.key, tenure.attempt, outcome.value, reason) from error
    if isinstance(reply, Denied):
        refused = Raised(tenure.end(TransactionRefused(tenure.key, None, reply.reasons)))
        yield from _give_back(tenure, policy, refused)
        return Ran(refused, tenure.attempt)
    if not isinstance(reply, Lost):
        return Ran(outcome, tenure.attempt)
    if reply.record is not None and reply.record.is_final and not reply.record.contradicts(fingerprint):
        return Replayed(reply.record)
    raise _over(tenure.end(LeaseLost(tenure.key, tenure.attempt)), outcome)


def _insist(tenure: Tenure, complete: Complete, writes: tuple[dict[str, Any], ...]) -> Flow[Done | Lost | Denied]:
    """Complete with the user's writes; what steps are made of is loaded with the first that is needed."""
    from .steps import insist

    return insist(tenure, complete, writes)


def _over(error: TwicesafeError, outcome: Outcome) -> TwicesafeError:
    """The error of ours that takes the place of the function's, which it does not hide."""
    if isinstance(outcome, Failed):
        error.__cause__ = outcome.error
    return error


def keep_alive(tenure: Tenure, policy: Policy) -> Flow[None]:
    """Renew the lease for as long as it is driven; end the tenure when the record is no longer its own."""
    while tenure.ended is None:
        yield from ask(Sleep(Millis(policy.lease // 3)))
        asked = yield from ask(Now())
        if tenure.ended is not None or tenure.lease.is_over(asked):
            return
        yield from _renew(tenure, policy, asked)


def _renew(tenure: Tenure, policy: Policy, asked: Instant) -> Flow[None]:
    """Renew the lease, and once more when the answer shows that the time was wrong."""
    for _ in range(1 + MOST_CORRECTIONS):
        lease_until = policy.lease_until(asked.wall, None)
        try:
            reply = yield from ask(Renew(tenure.key, tenure.owner, lease_until, policy.open_expires_at(lease_until)))
        except StoreUnavailable:
            return  # there is time for another try before the lease is over
        except TwicesafeError as error:
            tenure.end(error)
            return
        if isinstance(reply, Lost):
            tenure.end(LeaseLost(tenure.key, tenure.attempt))
            return
        tenure.lease = Lease(Millis(asked.wall + policy.lease), Millis(asked.elapsed + policy.lease))
        now = yield from ask(Now())
        if not asked.is_corrected_by(now):
            return
        asked = now
