"""Every schedule of a few deliveries of one execution of steps, over the real flows and the reference store.

A delivery is a history of what it was told; it is played again from the start to see what it asks next. From each
state every move is made: a command is applied and answered, or given up before or after it was applied (and then may
arrive later), or its sender dies; an effect is had, or fails with its request on the wire, or its sender dies before,
after, or with the request on the wire; a lease runs out. Each state is gone through once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.errors import StoreUnavailable, TwicesafeError
from twicesafe.execution.current import Execution
from twicesafe.protocol import steps
from twicesafe.protocol.commands import (
    Claimed,
    Done,
    Load,
    Now,
    Raised,
    Returned,
    Run,
    RunRecover,
    RunStep,
    SaveStep,
    Transact,
)
from twicesafe.protocol.flows import Delivery, Ran, Replayed, execute
from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds, Status
from twicesafe.protocol.tenure import Instant
from twicesafe.stores import memory

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from twicesafe.protocol.commands import Outcome
    from twicesafe.protocol.records import Record
    from twicesafe.protocol.steps import Plan
    from twicesafe.protocol.tenure import Tenure

LEASE, BASE = Millis(30_000), Millis(1_000_000_000)
PAST_A_LEASE = LEASE + 3_000
SETTLES_AFTER = Millis(60_000)
"""Longer than a lease: what was sent in one attempt may land in the next."""
POLICY = Policy(Seconds(100_000), lease=LEASE)
STORE = memory.MemoryStore()
PLAIN, KEYED, TRANSACTIONAL = "plain", "keyed", "transactional"
RECOVERABLE, AT_MOST_ONCE = "recoverable", "at most once"
PLANS: dict[str, Plan] = {
    PLAIN: steps.PLAIN,
    KEYED: steps.PLAIN,
    RECOVERABLE: steps.Plan(recovers=True, settles_after=SETTLES_AFTER),
    AT_MOST_ONCE: steps.Plan(at_most_once=True),
    TRANSACTIONAL: steps.PLAIN,
}


class Begin(NamedTuple):
    """Not begun."""


class Had(NamedTuple):
    """An effect that was had."""

    step: str
    owner: str
    key: str
    is_late: bool = False  # it was begun at an earlier time than it was had


class Flying(NamedTuple):
    """A request on the wire, whose sender hears no more of it."""

    had: Had
    until: int  # it lands before that, or never


class Bounds(NamedTuple):
    """How often each may happen in one schedule."""

    deaths: int = 1
    given_up: int = 1
    failures: int = 1
    leases: int = 2  # that run out
    faults: int = 2  # of the first three together


BOUNDS = Bounds()


class State(NamedTuple):
    """Where everything stands."""

    now: int
    record: Record | None
    deliveries: tuple[int | str, ...]  # the history of each, by its number; or how it ended
    had: tuple[Had, ...]
    flying: tuple[Flying, ...]
    late: tuple[Any, ...]  # commands that nobody waits for, and that may still arrive
    left: Bounds


class Wrong(AssertionError):
    """An invariant does not hold."""


class Schedules:
    """One exploration.

    Args:
        kinds: of the steps, one after the other; each is called what it is.
    """

    def __init__(self, kinds: tuple[str, ...], deliveries: int = 2, bounds: Bounds = BOUNDS) -> None:
        self.kinds = kinds
        self.first = State(BASE, None, (0,) * deliveries, (), (), (), bounds)
        self._histories: list[tuple[Any, ...]] = [()]
        self._numbers: dict[Any, int] = {}
        self.seen: set[Any] = set()
        self.ends: set[tuple[str, ...]] = set()
        self.most: dict[str, int] = dict.fromkeys(kinds, 0)
        self._asks: dict[tuple[int, int, int], tuple[int, Any]] = {}

    def explore(self) -> int:
        """Go through every state, and count them.

        Raises:
            Wrong: with the moves that lead there.
        """
        waiting: list[tuple[State, tuple[str, ...]]] = [(self.first, ())]
        while waiting:
            state, path = waiting.pop()
            moves = list(self._moves(state))
            if not moves:
                self._check_end(state, path)
            for label, then in moves:
                key = _frozen(then)
                if key not in self.seen:
                    self.seen.add(key)
                    self._check(then, (*path, label))
                    waiting.append((then, (*path, label)))
        return len(self.seen)

    # What can happen

    def _moves(self, state: State) -> Iterator[tuple[str, State]]:
        is_first = True
        for who, told in enumerate(state.deliveries):
            if isinstance(told, str):
                continue
            if told == 0:
                if is_first:  # they are alike: begin them in their order
                    yield f"{who} begins", self._told(state, who, told, ("reply", None))
                is_first = False
                continue
            yield from self._moves_of(state, who, told)
        for command in state.late:
            after, _, had = self._applied(state, command)
            if after != state.record or had != state.had:
                late = _without(state.late, command)
                yield f"late {type(command).__name__}", state._replace(record=after, had=had, late=late)
        for flying in state.flying:
            rest = _without(state.flying, flying)
            yield f"{flying.had.step} lands", state._replace(had=(*state.had, flying.had), flying=rest)
        if state.left.leases and any(not isinstance(told, str) for told in state.deliveries):
            now = state.now + PAST_A_LEASE
            flying = tuple(each for each in state.flying if each.until > now)
            left = state.left._replace(leases=state.left.leases - 1)
            yield "a lease runs out", state._replace(now=now, flying=flying, left=left)

    def _moves_of(self, state: State, who: int, told: int) -> Iterator[tuple[str, State]]:
        told, ask = self._asks_for(who, told, state.now)
        name = f"{who} {type(ask).__name__} {getattr(ask, 'name', '')}"
        if isinstance(ask, RunStep):
            yield from self._moves_of_effect(state, who, told, Had(ask.name, f"owner {who}", self._key(told)), name)
        elif isinstance(ask, RunRecover):
            is_had = any(had.step == ask.name for had in state.had)
            answer = Returned(f'"{ask.name}"', ask.name) if is_had else None
            yield name, self._told(state, who, told, ("reply", answer))
        else:
            after, reply, had = self._applied(state, ask)
            applied = state._replace(record=after, had=had)
            yield name, self._told(applied, who, told, ("reply", reply))
            for what, then in (("is given up", state), ("is applied and given up", applied)):
                spent = _spent(then, "given_up")
                if spent is not None:
                    if not isinstance(ask, Load):  # the first copy of it, or another that was sent again
                        spent = spent._replace(late=(*spent.late, ask))
                    yield f"{name} {what}", self._told(spent, who, told, ("raise", "unavailable"))
            for what, then in (("dies before", state), ("dies after", applied)):
                spent = _spent(then, "deaths")
                if spent is not None:
                    yield f"{name} {what}", self._ended(spent, who, "dead")

    def _moves_of_effect(self, state: State, who: int, told: int, had: Had, name: str) -> Iterator[tuple[str, State]]:
        begun = next(value.wall for _, value in reversed(self._histories[told]) if isinstance(value, Instant))
        if state.now >= begun + SETTLES_AFTER:  # the effect's own time limit: it is had before that, or never
            yield f"{name} times out", self._told(state, who, told, ("reply", Raised(TimeoutError())))
            return
        had = had._replace(is_late=state.now > begun)
        landed = state._replace(had=(*state.had, had))
        yield name, self._told(landed, who, told, ("reply", Returned(f'"{had.step}"', had.step)))
        on_the_wire = Flying(had._replace(is_late=True), begun + SETTLES_AFTER)
        flying = state._replace(flying=(*state.flying, on_the_wire))
        for what, then in (("before", state), ("after", landed), ("with it on the wire", flying)):
            spent = _spent(then, "deaths")
            if spent is not None:
                yield f"{name} dies {what}", self._ended(spent, who, "dead")
        for what, then in (("after", landed), ("with it on the wire", flying)):
            spent = _spent(then, "failures")
            if spent is not None:
                yield f"{name} fails {what}", self._told(spent, who, told, ("reply", Raised(TimeoutError())))

    # What comes of it

    def _told(self, state: State, who: int, told: int, answer: tuple[str, Any]) -> State:
        told, ask = self._asks_for(who, self._longer(told, answer), state.now)
        if isinstance(ask, (Ran, Replayed)):
            return self._ended(state, who, "raised" if _is_raised(ask) else "answered")
        if isinstance(ask, BaseException):
            return self._ended(state, who, type(ask).__name__)
        deliveries = (*state.deliveries[:who], told, *state.deliveries[who + 1 :])
        return state._replace(deliveries=deliveries)

    @staticmethod
    def _ended(state: State, who: int, how: str) -> State:
        return state._replace(deliveries=(*state.deliveries[:who], how, *state.deliveries[who + 1 :]))

    @staticmethod
    def _applied(state: State, command: Any) -> tuple[Record | None, Any, tuple[Had, ...]]:
        """What the store makes of it; with a transaction its effect is had."""
        if isinstance(command, Load):
            return state.record, state.record, state.had
        change = command.change if isinstance(command, Transact) else command
        after, reply = memory.TRANSITIONS[type(change)](state.record, change)
        if isinstance(command, Transact) and applies(state.record, after, reply):
            assert isinstance(change, SaveStep)
            return after, reply, (*state.had, *(Had(name, change.owner, "") for name in change.steps))
        return after, reply, state.had

    def _longer(self, told: int, answer: tuple[str, Any]) -> int:
        """The number of the history with one answer more."""
        key = (told, _frozen(answer))
        if key not in self._numbers:
            self._numbers[key] = len(self._histories)
            self._histories.append((*self._histories[told], answer))
        return self._numbers[key]

    def _asks_for(self, who: int, told: int, now: int) -> tuple[int, Any]:
        """What it asks after all that, and all that it was told, the time included."""
        known = (who, told, now)
        if known not in self._asks:
            talk = self._delivery(f"owner {who}")
            ask = _next(talk, None)
            for answer in self._histories[told]:
                ask = _next(talk, answer)
            while isinstance(ask, Now):
                answer = ("reply", Instant(Millis(now), Millis(now - BASE)))
                told = self._longer(told, answer)
                ask = _next(talk, answer)
            talk.close()
            self._asks[known] = told, ask
        return self._asks[known]

    def _delivery(self, owner: str) -> Generator[Any, Any, Any]:
        yield Begin()
        flow = execute(Delivery("order", owner), POLICY)
        answer: tuple[str, Any] | None = None
        while True:
            command = _next(flow, answer)
            if isinstance(command, BaseException):
                raise command
            if isinstance(command, (Ran, Replayed)):
                return command
            if isinstance(command, Run):
                answer = ("reply", (yield from self._function(command.tenure)))
                continue
            try:
                answer = ("reply", (yield command))
            except StoreUnavailable as error:
                answer = ("throw", error)

    def _function(self, tenure: Tenure) -> Generator[Any, Any, Outcome]:
        try:
            for kind in self.kinds:
                if kind == TRANSACTIONAL:
                    yield from steps.transact(tenure, kind, PLANS[kind], ())
                else:
                    outcome = yield from steps.step(tenure, kind, PLANS[kind])
                    if isinstance(outcome, Raised):
                        return outcome
        except TwicesafeError as error:
            return Raised(error)
        return Returned('"done"', "done")

    def _key(self, told: int) -> str:
        """The downstream key that a step is handed, in the execution that this claim began."""
        claimed = next(value for _, value in self._histories[told] if isinstance(value, Claimed))
        execution = Execution("function", "order", None, STORE, Seconds(1))
        execution.tenure = _Tenure("order", claimed.generation)  # type: ignore[assignment]
        return execution.downstream_key(KEYED) or ""

    # What must hold

    def _check(self, state: State, path: tuple[str, ...]) -> None:
        for kind in self.kinds:
            had = [each for each in state.had if each.step == kind]
            self.most[kind] = max(self.most[kind], len(had))
            if kind in (TRANSACTIONAL, AT_MOST_ONCE, RECOVERABLE) and len(had) > 1:
                raise Wrong(f"{kind} was had {len(had)} times: {'; '.join(path)}")
            if len({each.owner for each in had}) < len(had):
                raise Wrong(f"{kind} was had twice in one delivery: {'; '.join(path)}")
            if kind == KEYED and len({each.key for each in had}) > 1:
                raise Wrong(f"{kind} had two keys: {'; '.join(path)}")
        repeats = sum(len([each for each in state.had if each.step == kind]) > 1 for kind in self.kinds)
        faults = self.first.left.faults - state.left.faults
        leases = self.first.left.leases - state.left.leases
        if repeats > faults + leases:
            raise Wrong(f"{repeats} steps were repeated by {faults} faults and {leases} leases: {'; '.join(path)}")
        for place, again in enumerate(state.had):
            if not again.is_late and self._was_recorded(state.had[:place], again):
                raise Wrong(f"{again.step} was recorded, and was had again: {'; '.join(path)}")
        if state.record is not None and state.record.status is Status.COMPLETED:
            missing = [kind for kind in self.kinds if not any(each.step == kind for each in state.had)]
            if missing:
                raise Wrong(f"it is completed without {', '.join(missing)}: {'; '.join(path)}")

    def _was_recorded(self, before: tuple[Had, ...], again: Had) -> bool:
        """Whether another delivery had had the step, and went on to a later one: it had the answer of its record."""
        later = self.kinds[self.kinds.index(again.step) + 1 :]
        others = {had.owner for had in before if had.step == again.step} - {again.owner}
        return any(had.owner in others and had.step in later for had in before)

    def _check_end(self, state: State, path: tuple[str, ...]) -> None:
        self.ends.add(tuple(str(told) for told in state.deliveries))


class _Tenure(NamedTuple):
    """What a downstream key is made of."""

    key: str
    generation: int


def applies(before: Record | None, after: Record | None, reply: object) -> bool:
    """Whether a transaction's writes are made: only with a change, or a copy of it would make them again."""
    return isinstance(reply, Done) and before != after


def _next(talk: Generator[Any, Any, Any], answer: tuple[str, Any] | None) -> Any:
    """What it asks, how it ended, or what it raised."""
    try:
        if answer is None:
            return next(talk)
        how, value = answer
        if how == "reply":
            return talk.send(value)
        return talk.throw(value if how == "throw" else StoreUnavailable("explored", "no answer", "order"))
    except StopIteration as stop:
        return stop.value
    except BaseException as error:
        return error


def _is_raised(answer: Ran | Replayed) -> bool:
    return isinstance(answer, Ran) and isinstance(answer.outcome, Raised)


def _spent(state: State, what: str) -> State | None:
    """The state with one fault less, if one is left."""
    left = state.left
    if not left.faults or not getattr(left, what):
        return None
    return state._replace(left=left._replace(faults=left.faults - 1, **{what: getattr(left, what) - 1}))


def _without(values: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    place = next(index for index, each in enumerate(values) if each is value)
    return (*values[:place], *values[place + 1 :])


def _frozen(value: Any) -> Any:
    """The value as something that can be hashed."""
    if isinstance(value, dict):
        return tuple(sorted((name, _frozen(each)) for name, each in value.items()))
    if isinstance(value, tuple):
        return (type(value).__name__, *(_frozen(each) for each in value))
    return type(value).__name__ if isinstance(value, BaseException) else value
