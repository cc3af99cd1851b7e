"""One process: the real flows, fed one answer at a time, and what they were seen to do.

A generator can't be copied, but it is deterministic in what it was sent. So a process is a tree of
nodes, one for each history of answers; a new node replays its history once, and is then remembered.
"""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.errors import StoreUnavailable, TwicesafeError
from twicesafe.protocol import by_hand, flows, steps
from twicesafe.protocol.commands import (
    Claimed,
    Failed,
    Now,
    Raised,
    Returned,
    Run,
    RunStep,
    Sleep,
    Unkept,
    Unsuccessful,
)
from twicesafe.protocol.records import Millis, Seconds
from twicesafe.protocol.tenure import Deadline

from .boxes import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    from twicesafe.protocol.commands import Command, Flow, Outcome
    from twicesafe.protocol.policy import Policy
    from twicesafe.protocol.tenure import Instant, Lease, Tenure

KEY = "order#1"
MAIN, BEAT = 0, 1


class Begin(NamedTuple):
    """Not begun yet."""


class Effect(NamedTuple):
    """Something that another system can see, about to be sent."""

    name: str


class Choose(NamedTuple):
    """The user's function does one of these."""

    options: tuple[str, ...]


class Join(NamedTuple):
    """The function has ended, and its heartbeat is being stopped."""


Ask = Any  # StoreCommand | Sleep | Begin | Effect | Choose | Join
Talk = Generator[Ask, Any, Any]


class Said(NamedTuple):
    """What a process was told, and what its clocks showed then."""

    channel: int
    how: str  # "reply", "unavailable", "interrupt"
    value: Any
    at: Instant


class Sent(NamedTuple):
    """A command that a process has sent."""

    command: Box
    age: int  # how many expiries had gone by


class Role(NamedTuple):
    """What one process does."""

    name: str  # a delivery's owner token, too
    payload: str = "p"
    ahead: Millis = Millis(0)  # its wall clock, of the true time
    by_hand: str = ""  # "settle done", "settle not done", "redo", "forget": it is a person
    rules: str = "1"  # version of the fingerprint's rule
    learns: bool = False  # from the first answer that it hears, how far ahead its clock is

    @property
    def fingerprint(self) -> str:
        return f"{self.rules}:{self.payload}"

    @property
    def stays_ahead(self) -> Millis:
        """How far its clock is ahead when all is known of it."""
        return Millis(0) if self.learns else self.ahead

    doubt = Millis(0)

    def is_outdated(self, offset: Millis | None) -> bool:
        """Return whether the store's answers show that this is not the correction of its clock."""
        return self.learns and offset != -self.ahead


class Work(NamedTuple):
    """What the user's function does, in every delivery."""

    policy: Policy
    steps: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("returns",)
    swallows: bool = False  # whether it may swallow an error of ours
    heartbeat: bool = False
    pauses: bool = False  # whether it may be paused between the last check and an effect
    runs_for: Millis | None = None  # the platform's time limit; None: none


class Facts(NamedTuple):
    """What is known of a process from outside; invariants are sentences about these."""

    grant: tuple[str, Millis, int] | None = None  # owner, life's start, attempt: since the function was called
    fence: int = 0
    lease: Lease | None = None
    given: tuple[tuple[str, str], ...] = ()  # results that came with the claim
    running: bool = False
    effects: tuple[str, ...] = ()
    results: tuple[tuple[str, str], ...] = ()  # of its own effects
    confirmed: bool = False  # a claim of it was answered with Claimed
    ending: str = ""  # how the function ended
    is_ended: bool = False  # it heard an error of ours, or its tenure is ended
    end: Any = None  # what its caller got: an answer or an error; "dead"
    unsent: str = ""  # an effect that a dead process had begun to send


class Process:
    """The generators of one process, alive."""

    def __init__(self, role: Role, work: Work) -> None:
        self.role, self.work = role, work
        self.facts = Facts()
        self.asks: list[Ask | None] = [Begin(), None]
        self.wakes_at = [0, 0]  # by its own wall clock
        self.talks: list[Talk | None] = [None, None]
        self.tenure: Tenure | None = None
        self.now: Instant

    def feed(self, said: Said) -> None:
        """Go on, to the next thing that each generator asks of the world."""
        self.now = said.at
        if said.how == "death":
            self._die()
            return
        if isinstance(self.asks[MAIN], Begin):
            self.talks[MAIN] = self._as_person() if self.role.by_hand else self._deliver()
        value = said.value.value if isinstance(said.value, Box) else said.value
        if isinstance(value, Claimed):
            self.facts = self.facts._replace(confirmed=True)
        if isinstance(effect := self.asks[said.channel], Effect):
            self.land(effect.name)
        self._resume(said.channel, *ANSWERS[said.how](value))
        self._join()
        self._look()

    def _die(self) -> None:
        effect = self.asks[MAIN]
        unsent = effect.name if isinstance(effect, Effect) else ""
        self.facts = self.facts._replace(end="dead", unsent=unsent, running=False)
        self.asks = [None, None]

    def _resume(self, channel: int, reply: Any, error: BaseException | None) -> None:
        talk = self.talks[channel]
        assert talk is not None
        self.asks[channel] = None
        try:
            ask = talk.throw(error) if error is not None else talk.send(reply)
            while self._is_at_once(ask):
                ask = talk.send(self._answer_at_once(ask))
        except StopIteration as stop:
            self._stopped(channel, stop.value)
        except BaseException as raised:
            self._stopped(channel, raised)
        else:
            self.asks[channel] = ask
            if isinstance(ask, Sleep):
                self.wakes_at[channel] = self.now.wall + ask.duration

    def _is_at_once(self, ask: Ask) -> bool:
        return isinstance(ask, Now) or (isinstance(ask, Effect) and not self.work.pauses)

    def _answer_at_once(self, ask: Ask) -> Instant | None:
        if isinstance(ask, Now):
            return self.now
        self.land(ask.name)
        return None

    def land(self, effect: str) -> None:
        """The effect happens."""
        self.facts = self.facts._replace(effects=(*self.facts.effects, effect))

    def _stopped(self, channel: int, end: Any) -> None:
        if channel == MAIN:
            self.facts = self.facts._replace(end=end)
        elif isinstance(end, BaseException):
            raise AssertionError("the heartbeat raised") from end

    def _join(self) -> None:
        """The function's end waits for a renewal that is under way, and for nothing else."""
        if isinstance(self.asks[MAIN], Join) and (self.asks[BEAT] is None or isinstance(self.asks[BEAT], Sleep)):
            if (beat := self.talks[BEAT]) is not None:
                beat.close()
            self.asks[BEAT] = None
            self._resume(MAIN, None, None)

    def _look(self) -> None:
        if self.tenure is not None:
            ended = self.facts.is_ended or self.tenure.ended is not None
            self.facts = self.facts._replace(lease=self.tenure.lease, is_ended=ended)

    # What it does

    def _deliver(self) -> Talk:
        deadline = None
        if self.work.runs_for is not None:
            ends = self.now.wall - self.now.offset + self.work.runs_for
            deadline = Deadline(Millis(ends), Millis(self.now.elapsed + self.work.runs_for))
        delivery = flows.Delivery(KEY, self.role.name, self.role.fingerprint, deadline)
        return carry(flows.execute(delivery, self.work.policy), self._call)

    def _as_person(self) -> Talk:
        flows_by_hand: dict[str, Callable[[], Flow[Any]]] = {
            "settle done": lambda: by_hand.settle(KEY, Seconds(1), is_done=True, reply=self._reply("by hand")),
            "settle not done": lambda: by_hand.settle(KEY, Seconds(1), is_done=False),
            "redo": lambda: by_hand.redo(KEY, Seconds(1)),
            "forget": lambda: by_hand.forget(KEY),
        }
        return carry(flows_by_hand[self.role.by_hand](), self._call)

    def _reply(self, what: str) -> str:
        return f"{self.role.payload}/{self.role.name}/{what}"

    def _call(self, run: Run) -> Generator[Ask, Any, Outcome]:
        """The user's function."""
        tenure = self.tenure = run.tenure
        given = tuple(sorted((name, step.data) for name, step in tenure.steps.items() if step.is_result))
        grant = (tenure.owner, tenure.started, tenure.attempt)
        self.facts = self.facts._replace(grant=grant, fence=tenure.fence, given=given, running=True, lease=tenure.lease)
        if self.work.heartbeat:
            self.talks[BEAT] = carry(flows.keep_alive(tenure, self.work.policy), self._call)
            self._resume(BEAT, None, None)
        outcome = yield from self._function(tenure)
        yield Join()
        self.facts = self.facts._replace(running=False)
        return outcome

    def _function(self, tenure: Tenure) -> Generator[Ask, Any, Outcome]:
        try:
            for name in self.work.steps:
                yield from self._step(tenure, name)
            if not self.work.steps:
                yield Effect("body")
            ending = yield Choose(self.work.endings)
        except GeneratorExit:
            raise
        except BaseException as error:
            ending = "passes on" if isinstance(error, TwicesafeError) else "interrupted"
            self.facts = self.facts._replace(ending=ending)
            return Raised(error)
        self.facts = self.facts._replace(ending=ending)
        return ENDINGS[ending](self._reply("reply"))

    def _step(self, tenure: Tenure, name: str) -> Generator[Ask, Any, None]:
        try:
            yield from carry(steps.step(tenure, name), self._call_step)
        except TwicesafeError:
            self.facts = self.facts._replace(is_ended=True)
            if not self.work.swallows or (yield Choose(("passes on", "swallows"))) == "passes on":
                raise

    def _call_step(self, run: RunStep) -> Generator[Ask, Any, Outcome]:
        yield Effect(run.name)
        result = self._reply(run.name)
        self.facts = self.facts._replace(results=(*self.facts.results, (run.name, result)))
        return Returned(result, result)


def carry(flow: Flow[Any], call: Callable[[Any], Generator[Ask, Any, Outcome]]) -> Talk:
    """Drive a flow: play the user's function where it is called, and ask the world for all else."""
    resume: Callable[[], Command] = flow.__next__
    while True:
        try:
            command = resume()
        except StopIteration as stop:
            return stop.value
        try:
            if isinstance(command, (Run, RunStep)):
                reply = yield from call(command)
            else:
                reply = yield command
        except GeneratorExit:
            flow.close()
            raise
        except BaseException as error:
            resume = _throwing(flow, error)
        else:
            resume = _sending(flow, reply)


def _sending(flow: Flow[Any], reply: Any) -> Callable[[], Command]:
    return lambda: flow.send(reply)


def _throwing(flow: Flow[Any], error: BaseException) -> Callable[[], Command]:
    return lambda: flow.throw(error)


class Oops(Exception):
    """The user's own."""


ENDINGS: dict[str, Callable[[str], Outcome]] = {
    "returns": lambda reply: Returned(reply, reply),
    "returns nothing kept": lambda reply: Returned(None, reply),
    "returns what can't be kept": lambda reply: Unkept(f"{reply} is not kept", reply, Oops()),
    "raises": lambda _: Raised(Oops()),
    "raises a final error": lambda reply: Failed(f"{reply} is an error", Oops()),
    "says that it failed": Unsuccessful,
    "is interrupted": lambda _: Raised(KeyboardInterrupt()),
}
ANSWERS: dict[str, Callable[[Any], tuple[Any, BaseException | None]]] = {
    "reply": lambda reply: (reply, None),
    "unavailable": lambda _: (None, StoreUnavailable("explored", "no answer", KEY)),
    "interrupt": lambda _: (None, KeyboardInterrupt()),
}


class Node:
    """A process with a certain history."""

    __slots__ = ("after", "asks", "boxed", "commands", "ended", "facts", "history", "knows", "wakes_at")

    def __init__(self, process: Process, history: tuple[Said, ...] = ()) -> None:
        self.history = history
        self.asks: tuple[Ask | None, ...] = tuple(process.asks)
        self.wakes_at = tuple(process.wakes_at)
        self.facts = process.facts
        self.boxed: tuple[Box | None, ...] = (None, None)  # store commands that it waits for
        self.commands: tuple[Sent, ...] = ()  # all of them
        self.knows = False  # how far ahead its clock is
        self.after: dict[Said, Node] = {}
        self.ended: Node | None = None  # what stands for it, once it has ended

    def with_facts(self, facts: Facts) -> Node:
        """The same, with less known of it."""
        node = copy(self)
        node.facts = facts
        return node
