"""The world that the flows meet: a store, a network, clocks, and all that can go wrong with them.

A state is what the store holds, where each process stands, which replies are on their way, which
commands may still arrive once more, and what is left of the bounds. A move leads to the next state.
The faults of protocol.md, and the moves that make them:

    applied and answered             applied, then answered; anything may come between the two
    applied and unanswered,          a copy is applied (nobody hears its reply), then the command itself:
      then sent again                  the client library's retry
    not applied, then sent again     the command is applied later: to the store it is the same
    sent again, the first copy       a copy of any command that was ever sent is applied, at any later time,
      arriving at any later time       whatever became of its sender
    given up after each of these     StoreUnavailable is thrown in, before or after the command was applied;
                                       if before, a copy may be applied later
    interrupted                      KeyboardInterrupt is thrown in, in the same places and in a sleep
    the worker dies                  at any moment; what it had sent may be applied later, and an effect that
                                       it had begun may land later (where `pauses`)
    the clock jumps                  a moment, to a lease's end, past it, past the expiry; or past it while
                                       the first delivery's function runs, with one of its clocks not noticing
    the store deletes                an expired record, at any time

No copy arrives later than an expiry: AWS refuses a signature older than five minutes. Deliveries that
differ in nothing but their names begin in the order of these.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from twicesafe.protocol.commands import Claim, Complete, Forget, Load, Redo, Release, Renew, SaveStep, Sleep
from twicesafe.protocol.records import Millis
from twicesafe.protocol.tenure import Instant
from twicesafe.stores.dynamodb import dialect

from .boxes import Box, Boxes
from .ghosts import heard, remembered
from .invariants import CHANGE, MOMENT, TURN, Change, Ghost, I1_one_believes, Moment, Turn, check
from .probe import probed
from .process import BEAT, MAIN, Begin, Choose, Effect, Node, Process, Said, Sent
from .settings import BASE, EXPIRY, JUMPS, LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twicesafe.protocol.records import Record

    from .process import Facts
    from .settings import Bounds, Setting

STORE_COMMANDS = (Claim, Complete, Release, Renew, SaveStep, Load, Redo, Forget)


class Move(NamedTuple):
    """One thing that happens."""

    what: str  # the method of World that makes it happen
    who: int = -1
    channel: int = MAIN
    detail: Any = None

    def told(self, setting: Setting) -> str:
        """The move in words; no two moves of a state have the same."""
        who = NOBODY[self.what] if self.who < 0 else setting.roles[self.who].name
        beat = " heartbeat" if self.channel == BEAT else ""
        detail = "" if self.detail is None else f" {self.detail}"
        return f"{who}{beat} {self.what.replace('_', ' ')}{detail}"


NOBODY = {"passes": "time", "deletes": "store"}


class State(NamedTuple):
    """Where everything stands between two moves."""

    now: int  # true time
    record: Box
    nodes: tuple[Node, ...]
    replies: tuple[Box | None, ...]  # on their way: two channels a process
    left: Box  # of the bounds
    ghost: Box


class World:
    """One setting's states and moves; it remembers what it has computed, and is used for one exploration."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._clocks = {role.name: role for role in setting.roles}
        self.alike = [self._one_before(who) for who in range(len(setting.roles))]
        self.at_moments, self.at_changes, self.at_turns = map(self._rules, (MOMENT, CHANGE, TURN))
        self.boxes = Boxes()
        self.nothing = self.boxes.of(None)
        self.left = self.boxes.of(setting.bounds)
        self._applied: dict[tuple[Box, Box], tuple[Box, Box]] = {}
        self._answers: dict[tuple[Box, int], Any] = {}
        self._ends: dict[Any, Node] = {}
        self._turns: set[Any] = set()
        self._spends: dict[tuple[Box, str], Box] = {}
        self._heard: dict[tuple[Box, Node, Box], Box] = {}
        self._seen: set[Any] = set()

    def _one_before(self, who: int) -> int | None:
        """The last delivery before this one that differs from it in nothing but its name."""
        nameless = [role._replace(name="") for role in self.setting.roles]
        first = 1 if self.setting.misses else 0
        return next((i for i in reversed(range(first, who)) if nameless[i] == nameless[who]), None)

    def _rules(self, rules: tuple[Callable[[Any], bool], ...]) -> tuple[Callable[[Any], bool], ...]:
        return tuple(rule for rule in rules if self.setting.is_exact or not rule.__name__.startswith("I1_"))

    def first(self) -> State:
        """Nothing has happened."""
        nodes = tuple(Node(Process(role, self.setting.work)) for role in self.setting.roles)
        return State(BASE, self.nothing, nodes, (None,) * (2 * len(nodes)), self.left, self.boxes.of(Ghost()))

    def after(self, state: State, move: Move) -> State:
        """What comes of a move.

        Raises:
            Violation: an invariant does not hold.
        """
        then: State = getattr(self, f"_{move.what}")(state, move)
        return self._look(then)

    # What can happen

    def moves(self, state: State) -> list[Move]:
        """All that can happen now."""
        found: list[Move] = []
        for who, node in enumerate(state.nodes):
            if node.facts.end is None:
                found += self._moves_of(state, who, node)
            elif node.facts.unsent:
                found.append(Move("lands", who, MAIN, node.facts.unsent))
        found += self._copies(state)
        if any(node.facts.end is None for node in state.nodes):
            found += (Move("passes", detail=jump) for jump in JUMPS if self._may_pass(state, jump))
            if self._is_expired(state):
                found.append(Move("deletes"))
        return found

    def _moves_of(self, state: State, who: int, node: Node) -> Iterator[Move]:
        if isinstance(node.asks[MAIN], Begin):
            before = self.alike[who]
            if before is None or state.nodes[before].history:
                yield Move("begins", who)
            return
        for channel, ask in enumerate(node.asks):
            if node.boxed[channel] is not None:
                yield from self._moves_of_request(state, who, channel, node)
            elif isinstance(ask, Choose):
                yield from (Move("chooses", who, channel, option) for option in ask.options)
            elif isinstance(ask, Effect):
                yield Move("lands", who, channel, ask.name)
            elif isinstance(ask, Sleep) and (channel == MAIN or self._can(state, "beats")):
                yield Move("wakes", who, channel)
                if channel == MAIN and self._can(state, "interrupts"):
                    yield Move("is_interrupted_at", who, channel, "Sleep")
        if self._can(state, "deaths"):
            yield Move("dies", who)

    def _moves_of_request(self, state: State, who: int, channel: int, node: Node) -> Iterator[Move]:
        name = type(node.asks[channel]).__name__
        is_applied = state.replies[2 * who + channel] is not None
        yield Move("hears" if is_applied else "sends", who, channel, name)
        if self._can(state, "given_up"):
            yield Move("gives_up", who, channel, name)
        if channel == MAIN and self._can(state, "interrupts"):
            yield Move("is_interrupted_at", who, channel, name)

    def _copies(self, state: State) -> Iterator[Move]:
        """Copies that would change something."""
        if not self._can(state, "copies"):
            return
        for who, node in enumerate(state.nodes):
            for number, (command, age) in enumerate(node.commands):
                if age == (state.now - BASE) // EXPIRY and self._apply(state.record, command)[0] is not state.record:
                    yield Move("repeats", who, MAIN, f"{type(command.value).__name__} {number}")

    def _may_pass(self, state: State, jump: str) -> bool:
        if jump == "freezes" and not state.nodes[0].facts.running:
            return False
        return self._can(state, jump) and any(node.history for node in state.nodes)

    def _is_expired(self, state: State) -> bool:
        record: Record | None = state.record.value
        return record is not None and record.expires_at is not None and record.expires_at * 1000 <= state.now

    # What comes of it

    def _begins(self, state: State, move: Move) -> State:
        return self._tell(state, move, "reply", None)

    def _sends(self, state: State, move: Move) -> State:
        command = state.nodes[move.who].boxed[move.channel]
        assert command is not None
        state, reply = self._change(state, move.who, command)
        replies = list(state.replies)
        replies[2 * move.who + move.channel] = reply
        return state._replace(replies=tuple(replies))

    def _hears(self, state: State, move: Move) -> State:
        return self._tell(state, move, "reply", state.replies[2 * move.who + move.channel])

    def _gives_up(self, state: State, move: Move) -> State:
        return self._tell(self._spent(state, "given_up"), move, "unavailable", None)

    def _is_interrupted_at(self, state: State, move: Move) -> State:
        return self._tell(self._spent(state, "interrupts"), move, "interrupt", None)

    def _chooses(self, state: State, move: Move) -> State:
        return self._tell(state, move, "reply", move.detail)

    def _lands(self, state: State, move: Move) -> State:
        node = state.nodes[move.who]
        if node.facts.end is None:
            return self._tell(state, move, "reply", None)
        facts = node.facts._replace(effects=(*node.facts.effects, node.facts.unsent), unsent="")
        return self._with_node(state, move.who, self._end_of(move.who, node, facts))

    def _wakes(self, state: State, move: Move) -> State:
        """It sleeps no shorter than it asked to."""
        ahead = self._ahead(move.who, knows=state.nodes[move.who].knows)
        state = state._replace(now=max(state.now, state.nodes[move.who].wakes_at[move.channel] - ahead))
        if move.channel == BEAT:
            state = self._spent(state, "beats")
        return self._tell(state, move, "reply", None)

    def _dies(self, state: State, move: Move) -> State:
        return self._tell(self._spent(state, "deaths"), move, "death", None)

    def _repeats(self, state: State, move: Move) -> State:
        command = state.nodes[move.who].commands[int(move.detail.split()[1])].command
        return self._change(self._spent(state, "copies"), move.who, command)[0]

    def _passes(self, state: State, move: Move) -> State:
        return self._spent(state, move.detail)._replace(now=state.now + JUMPS[move.detail])

    def _deletes(self, state: State, move: Move) -> State:
        return state._replace(record=self.nothing, ghost=self.boxes.of(state.ghost.value._replace(kept=None)))

    def _can(self, state: State, what: str) -> bool:
        left = state.left.value
        return getattr(left, what) > 0 and left.total != 0

    def _spent(self, state: State, what: str) -> State:
        left = self._spends.get((state.left, what))
        if left is None:
            bounds: Bounds = state.left.value
            total = bounds.total if bounds.total is None or what == "beats" else bounds.total - 1
            left = self.boxes.of(bounds._replace(**{what: getattr(bounds, what) - 1, "total": total}))
            self._spends[state.left, what] = left
        return state._replace(left=left)

    # The store

    def _apply(self, record: Box, command: Box) -> tuple[Box, Box]:
        known = self._applied.get((record, command))
        if known is None:
            known = self._applied[record, command] = self._apply_anew(record, command)
        return known

    def _apply_anew(self, record: Box, command: Box) -> tuple[Box, Box]:
        if isinstance(command.value, Load):
            return record, record
        clock = self._clocks[command.value.owner] if isinstance(command.value, Claim) else None
        after, reply = dialect.decide(record.value, command.value, clock)
        return self.boxes.of(after), self.boxes.of(reply)

    def _change(self, state: State, who: int, command: Box) -> tuple[State, Box]:
        after, reply = self._apply(state.record, command)
        facts = tuple(node.facts for node in state.nodes)
        by_hand = bool(self.setting.roles[who].by_hand)
        sent = command.value
        is_wrong = isinstance(sent, Claim) and self._clocks[sent.owner].is_outdated(sent.offset)
        change = Change(
            command.value, state.record.value, after.value, reply.value, state.ghost.value, facts, by_hand, is_wrong
        )
        check(self.at_changes, change)
        ghost = state.ghost if after is state.record else self.boxes.of(remembered(change))
        return state._replace(record=after, ghost=ghost), reply

    # The processes

    def _ahead(self, who: int, *, knows: bool) -> Millis:
        role = self.setting.roles[who]
        return role.stays_ahead if knows else role.ahead

    def _clock(self, state: State, who: int, *, knows: bool) -> Instant:
        ahead = self._ahead(who, knows=knows)
        wall, elapsed = state.now + ahead, state.now - BASE
        if self.setting.misses and who == 0:
            missed = LONG * (self.setting.bounds.freezes - state.left.value.freezes)
            if self.setting.misses == "wall":
                wall -= missed
            else:
                elapsed -= missed
        return Instant(Millis(wall), Millis(elapsed), Millis(ahead - self.setting.roles[who].ahead))

    def _tell(self, state: State, move: Move, how: str, value: Any) -> State:
        who, channel = move.who, move.channel
        node = state.nodes[who]
        knows = node.knows or (how == "reply" and node.boxed[channel] is not None)
        said = Said(channel, how, value, self._clock(state, who, knows=knows))
        then = node.after.get(said)
        if then is None:
            then = node.after[said] = self._grown(who, node, said)
            then.knows = knows
        replies = list(state.replies)
        replies[2 * who + channel] = None
        self._check(state, who, node, then, said)
        ghost = state.ghost
        if then.facts.end is not None:
            replies[2 * who : 2 * who + 2] = None, None
            ghost = self._after_hearing(ghost, then, state.record)
            then = self._ended(who, then)
        return self._with_node(state._replace(replies=tuple(replies), ghost=ghost), who, then)

    def _with_node(self, state: State, who: int, node: Node) -> State:
        return state._replace(nodes=(*state.nodes[:who], node, *state.nodes[who + 1 :]))

    def _after_hearing(self, ghost: Box, node: Node, record: Box) -> Box:
        known = self._heard.get((ghost, node, record))
        if known is None:
            known = self.boxes.of(heard(ghost.value, node.facts.end, record.value))
            self._heard[ghost, node, record] = known
        return known

    def _check(self, state: State, who: int, node: Node, then: Node, said: Said) -> None:
        """A turn matters to the others only where the function is called."""
        sight = (node, said, state.ghost)
        if then.facts.grant is not node.facts.grant or sight not in self._turns:
            check(self.at_turns, self._turn(state, who, node, then, said))
            self._turns.add(sight)

    def _grown(self, who: int, node: Node, said: Said) -> Node:
        """The process with one thing more in its history: played again from the start."""
        process = Process(self.setting.roles[who], self.setting.work)
        for earlier in node.history:
            process.feed(earlier)
        before = list(process.asks)
        process.feed(said)
        then = Node(process, (*node.history, said))
        for channel, ask in enumerate(process.asks):
            if isinstance(ask, STORE_COMMANDS):
                then.boxed = (*then.boxed[:channel], self.boxes.of(ask), *then.boxed[channel + 1 :])
        age = said.at.elapsed // EXPIRY
        sent = (
            Sent(box, age)
            for box, ask, was in zip(then.boxed, then.asks, before, strict=True)
            if box and ask is not was
        )
        then.commands = (*node.commands, *sent)
        return then

    def _turn(self, state: State, who: int, node: Node, then: Node, said: Said) -> Turn:
        others = tuple((n.facts, self._clock(state, i, knows=n.knows)) for i, n in enumerate(state.nodes) if i != who)
        told = said.value.value if isinstance(said.value, Box) else None
        to = node.asks[said.channel]
        return Turn(
            self.setting.roles[who],
            told,
            to if isinstance(to, STORE_COMMANDS) else None,
            node.facts,
            then.facts,
            then.asks[MAIN],
            state.ghost.value,
            others,
            self.setting,
            state.now,
        )

    def _ended(self, who: int, node: Node) -> Node:
        """Of one that has ended, only what can still matter: its history no longer does."""
        if node.ended is None:
            end = "dead" if node.facts.end == "dead" else type(node.facts.end).__name__
            facts = node.facts._replace(end=end, given=(), confirmed=False, running=False)
            node.ended = self._end_of(who, node, facts)
        return node.ended

    def _end_of(self, who: int, node: Node, facts: Facts) -> Node:
        return self._ends.setdefault((who, facts, node.commands), node.with_facts(facts))

    # The invariants of a state

    def _look(self, state: State) -> State:
        running = tuple(
            (node.facts, self._clock(state, who, knows=node.knows))
            for who, node in enumerate(state.nodes)
            if node.facts.running
        )
        sight = (state.record, state.now, state.ghost, running)
        if sight in self._seen:
            return state
        probe = partial(self._probe, state.record)
        moment = Moment(state.now, state.record.value, state.ghost.value, self.setting, running, probe)
        check(self.at_moments, moment)
        if self.setting.is_exact or I1_one_believes(moment):
            self._seen.add(sight)
            return state
        return state._replace(ghost=self.boxes.of(state.ghost.value._replace(at_once=True)))

    def _probe(self, record: Box, now: int) -> Any:
        """What a delivery of the record's own payload would get, were all well with it."""
        known = self._answers.get((record, now))
        if known is None:
            known = self._answers[record, now] = probed(record.value, now, self.setting)
        return known
