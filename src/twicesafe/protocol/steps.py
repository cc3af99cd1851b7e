"""What happens between a step's call and its result: every decision, and nothing else."""

from __future__ import annotations

from ..errors import (
    ConfigurationError,
    CorruptRecord,
    LeaseLost,
    NotEnoughTime,
    StepInDoubt,
    StepMismatch,
    StoreUnavailable,
    TransactionRefused,
    TwicesafeError,
)
from ..tuples import NamedTuple
from .commands import (
    Contended,
    Denied,
    Keep,
    Load,
    Lost,
    Now,
    Raised,
    Returned,
    RunRecover,
    RunStep,
    SaveStep,
    Sleep,
    Transact,
    Unkept,
    ask,
)
from .entries import Intent, NotDone, Result, aside, entry
from .policy import ALLOWANCE, FIRST_POLL, LONGEST_POLL, before_the_end
from .records import Millis, Seconds, contradict
from .room import Room, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .commands import Complete, Done, Flow, Outcome
    from .entries import Entry
    from .records import Step
    from .tenure import Instant, Tenure

SETTLES_AFTER = Millis(60_000)
"""How long after its begin an effect may still be had, where nothing better is known: HTTP clients give up sooner."""
LONGEST_CONTENTION = Millis(60_000)
"""How long others may be at the items of a transaction, where no deadline comes first."""
LARGE, LARGE_IN_ALL = 4 * 1024, 200 * 1024
"""Bytes of one result, and of all steps, that are kept in the record: each write is billed by the size of all of it.
Past these, and past half of the room, a result is moved to an item of its own, if the pointer to that is shorter."""
NOTHING = "null"
"""What a step of writes returned, encoded."""


class Plan(NamedTuple):
    """What the user chose for one step."""

    fingerprint: str = ""  # of its arguments; empty: they may be others
    needs: Millis = Millis(0)  # the time that must be left
    recovers: bool = False  # the user can find out whether the effect was had
    at_most_once: bool = False
    not_done: tuple[type[BaseException], ...] = ()  # exceptions that prove that nothing was sent
    settles_after: Millis = SETTLES_AFTER  # from its begin on, how long the effect may still be had
    horizon: Millis | None = None  # how long the other system remembers the downstream key; None: not known

    @property
    def has_intent(self) -> bool:
        """Whether an intent is recorded before the effect."""
        return self.recovers or self.at_most_once


PLAIN = Plan()


def step(tenure: Tenure, name: str, plan: Plan = PLAIN) -> Flow[Result | Outcome]:
    """Run one piece of the work, unless an earlier attempt recorded its result.

    Raises:
        LeaseLost: the lease was over before the effect (which was not run), or before its result was recorded.
        StepMismatch, NotEnoughTime, StepInDoubt: the effect was not run.
        ConfigurationError: there is no room for the step in the record, and the effect was not run.
        StoreUnavailable: before the effect, or after it; then its result goes along with the next write.
    """
    tenure.check_running()
    now = yield from ask(Now())
    tenure.check(now)
    found = met(tenure, name, plan)
    if isinstance(found, Result):
        return (yield from _whole(tenure, name, found))
    check_time(tenure, name, plan, now)
    _make_room(tenure, name, _least(tenure, name, plan))
    try:
        if _is_in_doubt(tenure, plan, found, now):
            outcome = yield from _recover(tenure, name, plan, found)
            if outcome is not None:
                return outcome
        if plan.has_intent:
            yield from _intend(tenure, name, plan)
        return (yield from _run(tenure, name, plan))
    finally:
        _settle_room(tenure, name)


def _run(tenure: Tenure, name: str, plan: Plan) -> Flow[Outcome]:
    """Run the effect and note what became of it; until that is noted, the claim is not given back."""
    tenure.busy.add(name)
    try:
        tenure.check_running()
        outcome = yield from ask(RunStep(name))
        if isinstance(outcome, Raised):
            yield from _note_failure(tenure, name, plan, outcome)
        else:
            yield from _keep(tenure, name, plan, outcome)
    finally:
        tenure.busy.discard(name)
    return outcome


def transact(tenure: Tenure, name: str, plan: Plan, writes: tuple[dict[str, Any], ...]) -> Flow[None]:
    """Make writes in one transaction with the step's record, unless an earlier attempt did.

    Raises:
        TransactionRefused: a condition of the user's own did not hold; nothing was written.
        LeaseLost, StepMismatch, NotEnoughTime, ConfigurationError: nothing was written.
        StoreUnavailable: it may have been written; the next attempt sees in the record whether it was.
    """
    now = yield from ask(Now())
    tenure.check(now)
    if isinstance(met(tenure, name, plan), Result):
        return
    check_time(tenure, name, plan, now)
    steps = {name: Result(NOTHING, plan.fingerprint).step()}
    _make_room(tenure, name, size_of(name, steps[name]))
    save = SaveStep(tenure.key, tenure.owner, steps)
    try:
        reply = yield from insist(tenure, save, writes)
    except TwicesafeError as error:
        tenure.leave(Transact(save, writes, tenure.token()), error)
        raise tenure.end(error) from None
    if isinstance(reply, Denied):
        _settle_room(tenure, name)
        raise TransactionRefused(tenure.key, name, reply.reasons)
    if isinstance(reply, Lost):
        raise tenure.end(LeaseLost(tenure.key, tenure.attempt))
    tenure.steps.update(steps)


def insist(
    tenure: Tenure, change: SaveStep | Complete, writes: tuple[dict[str, Any], ...]
) -> Flow[Done | Lost | Denied]:
    """Ask for a transaction until nobody else is at its items, as long as there is time."""
    pause = FIRST_POLL
    started = yield from ask(Now())
    while True:
        reply = yield from ask(Transact(change, writes, tenure.token()))
        if not isinstance(reply, Contended):
            return reply
        now = yield from ask(Now())
        remaining = tenure.lease.remaining(now)
        left = before_the_end(remaining) if tenure.is_bounded else remaining
        if min(left, LONGEST_CONTENTION - (now.elapsed - started.elapsed)) <= pause:
            raise StoreUnavailable(reply.store, reply.reason, tenure.key)
        yield from ask(Sleep(pause))
        pause = Millis(min(2 * pause, LONGEST_POLL))
        tenure.check((yield from ask(Now())))


def met(tenure: Tenure, name: str, plan: Plan) -> Entry | None:
    """What is recorded of the step; it must have been called with the same arguments.

    Raises:
        StepMismatch: it was called with others.
    """
    step = tenure.steps.get(name)
    if step is None:
        return None
    found = entry(step, name, tenure.key)
    if contradict(found.fingerprint, plan.fingerprint):
        raise tenure.end(StepMismatch(tenure.key, name))
    return found


def check_time(tenure: Tenure, name: str, plan: Plan, now: Instant) -> None:
    """Raise NotEnoughTime, when the platform leaves less than the step needs."""
    remaining = tenure.remaining(now)
    if remaining is not None and remaining < plan.needs:
        raise tenure.end(NotEnoughTime(tenure.key, remaining, name, plan.needs))


def _make_room(tenure: Tenure, name: str, size: int) -> None:
    """Take room for a step before its effect; what is not needed of it is given back.

    Raises:
        ConfigurationError: there is none.
    """
    room = _room(tenure)
    if not room.take(name, size):
        raise tenure.end(
            ConfigurationError(
                f"{tenure.key!r} did not begin its step {name!r}: its steps take {room.taken} of the {room.limit} "
                "bytes that one record has for them. Make one step of many, give them shorter names, or give parts of "
                "the work to protected functions of their own."
            )
        )


def _settle_room(tenure: Tenure, name: str) -> None:
    """Leave a step the room of what the record has of it."""
    _room(tenure).take(name, size_of(name, tenure.steps.get(name)))


def _room(tenure: Tenure) -> Room:
    if tenure.room is None:
        tenure.room = Room(None, tenure.steps)
    return tenure.room


def _least(tenure: Tenure, name: str, plan: Plan) -> int:
    """Return the bytes that a step takes at least: those of its intent, and of a pointer to its result."""
    intent = Intent(tenure.claimed, tenure.lease.wall, plan.fingerprint).step()
    return max(size_of(name, _pointer(tenure, plan)), size_of(name, intent) if plan.has_intent else 0)


def _pointer(tenure: Tenure, plan: Plan) -> Step:
    return Result("", plan.fingerprint, tenure.owner).step()


def _intend(tenure: Tenure, name: str, plan: Plan) -> Flow[None]:
    """Record an intent; what is not begun then leaves no doubt, if that can still be written."""
    now = yield from ask(Now())
    try:
        intent = {name: Intent(now.wall, tenure.lease.wall, plan.fingerprint).step()}
        yield from _send(tenure, intent)
        tenure.steps.update(intent)
        tenure.check((yield from ask(Now())))  # rule 6: the answer may have come late
    except BaseException:
        tenure.note({name: NotDone(now.wall, plan.fingerprint).step()})
        raise


def _is_in_doubt(tenure: Tenure, plan: Plan, found: Entry | None, now: Instant) -> bool:
    """Whether the effect may have been had, and running it again is no longer safe."""
    if isinstance(found, Intent) and plan.has_intent:
        return True
    if plan.horizon is None or tenure.attempt == 1 or (found is None and plan.has_intent):
        return False  # with intents, none means that nothing was sent
    return now.wall - _since(tenure, found) > plan.horizon


def _since(tenure: Tenure, found: Entry | None) -> Millis:
    """From when on the downstream key can have been handed out."""
    if isinstance(found, Intent):
        return found.recorded
    return found.since if isinstance(found, NotDone) else tenure.started


def _recover(tenure: Tenure, name: str, plan: Plan, found: Entry | None) -> Flow[Outcome | None]:
    """Find out whether the effect was had: its result, or None where it may be run."""
    if not plan.recovers:
        raise tenure.end(StepInDoubt(tenure.key, name, _why(plan, found)))
    outcome = yield from ask(RunRecover(name))
    now = yield from ask(Now())
    if outcome is None:
        retry_in = _settled(plan, found) - now.wall
        if retry_in > 0:
            why = f"its recover function does not find it, which proves nothing for {retry_in} ms more"
            raise tenure.end(StepInDoubt(tenure.key, name, why, retry_in))
        tenure.check(now)
        return None
    if isinstance(outcome, Raised):
        if isinstance(outcome.error, Exception):
            why = f"its recover function raised {type(outcome.error).__name__}"
            raise tenure.end(StepInDoubt(tenure.key, name, why)) from outcome.error
        return outcome
    if isinstance(outcome, (Returned, Unkept)) and outcome.value is None:
        why = "its recover function returned None, which says neither what the effect returned nor NOT_DONE"
        raise tenure.end(StepInDoubt(tenure.key, name, why))
    yield from _keep(tenure, name, plan, outcome)
    return outcome


def _why(plan: Plan, found: Entry | None) -> str:
    if plan.at_most_once and isinstance(found, Intent):
        return "an earlier attempt began it and did not say how it ended, and it is to happen at most once"
    return f"the other system remembers its key for {(plan.horizon or 0) // 1000} s, and that is over"


def _settled(plan: Plan, found: Entry | None) -> int:
    """From when on "not found" is believed: a request on the wire outlives its sender."""
    if not isinstance(found, Intent):
        return 0
    return max(found.lease_until, found.recorded + plan.settles_after) + ALLOWANCE


def _note_failure(tenure: Tenure, name: str, plan: Plan, outcome: Raised) -> Flow[None]:
    """An error leaves the intent, unless it proves that nothing was sent; that goes along with the next write."""
    if plan.has_intent and issubclass(type(outcome.error), plan.not_done):  # isinstance() would ask the error too
        now = yield from ask(Now())
        tenure.note({name: NotDone(now.wall, plan.fingerprint).step()})


def _whole(tenure: Tenure, name: str, result: Result) -> Flow[Result]:
    """The result with its text, which may lie in an item of its own.

    Raises:
        CorruptRecord: that item is not there.
    """
    if not result.owner:
        return result
    record = yield from ask(Load(aside(tenure.key, name, result.owner)))
    if record is None or record.reply is None:
        raise tenure.end(CorruptRecord(tenure.key, f"the result of its step {name!r} is not where it says"))
    return result._replace(text=record.reply)


def _keep(tenure: Tenure, name: str, plan: Plan, outcome: Outcome) -> Flow[None]:
    """Record what the step returned; what is large in an item of its own, before the record points to it."""
    if not isinstance(outcome, (Returned, Unkept)) or outcome.kept is None:
        return
    step = Result(outcome.kept, plan.fingerprint).step()
    if not _has_room(tenure, name, plan, step):
        yield from _put_aside(tenure, name, step, outcome.kept)
        step = _pointer(tenure, plan)
    yield from _save(tenure, {name: step})


def _has_room(tenure: Tenure, name: str, plan: Plan, step: Step) -> bool:
    """Take room for a result in the record; False: it is to be moved aside, for whose pointer there is room."""
    room, size = _room(tenure), size_of(name, step)
    in_all = LARGE_IN_ALL if room.limit is None else min(LARGE_IN_ALL, room.limit // 2)
    is_large = size_of("", step) > LARGE or room.taken + size > in_all
    if is_large and size > size_of(name, _pointer(tenure, plan)):
        return False
    return room.take(name, size)


def _put_aside(tenure: Tenure, name: str, step: Step, text: str) -> Flow[None]:
    """Keep a result in an item of its own; where that fails the Release takes it along, if there is room for it."""
    now = yield from ask(Now())
    expires_at = Seconds(now.wall // 1000 + tenure.keeps_aside_for)
    key = aside(tenure.key, name, tenure.owner)
    try:
        yield from ask(Keep(key, tenure.owner, now.wall, text, expires_at))
    except BaseException as error:
        if _room(tenure).take(name, size_of(name, step)):
            tenure.note({name: step})
        if isinstance(error, TwicesafeError):
            raise tenure.end(error) from None
        raise


def _save(tenure: Tenure, steps: dict[str, Step]) -> Flow[None]:
    """Note steps, so that they go along with the next write if this one is given up, and record them."""
    tenure.note(steps)
    yield from _send(tenure, steps)


def _send(tenure: Tenure, steps: dict[str, Step]) -> Flow[None]:
    """Record steps, with those that were not confirmed before (rule 11)."""
    sent = {**tenure.outgoing(), **steps}
    tenure.sending.update(sent)
    try:
        reply = yield from ask(SaveStep(tenure.key, tenure.owner, sent))
    except TwicesafeError as error:
        raise tenure.end(error) from None
    finally:
        tenure.sending.difference_update(sent)
    if isinstance(reply, Lost):
        raise tenure.end(LeaseLost(tenure.key, tenure.attempt))
    tenure.confirm(sent)
