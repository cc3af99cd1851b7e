"""Goes through every state that a setting can reach, and counts them and the schedules that lead through them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from .invariants import Violation
from .world import World

if TYPE_CHECKING:
    from .settings import Setting
    from .world import Move, State


class Schedules(NamedTuple):
    """How many ways there are to go on from a state to an end."""

    all: int
    twice: int  # of these, in how many one effect ran twice
    at_once: int  # in how many two owners ran at once


class Found(NamedTuple):
    """What an exploration saw."""

    setting: Setting
    states: int
    moves: int
    schedules: Schedules | None  # None: not counted, for it was not gone through to the end
    seconds: float
    ends: frozenset[tuple[str, ...]]  # what the callers got
    repeats: int  # most often that one effect ran, in one schedule
    violation: Violation | None = None
    path: tuple[Move, ...] = ()


def explore(setting: Setting, most_states: int | None = None) -> Found:
    """Depth first, each state once, until all are seen, a bound is reached, or an invariant does not hold."""
    return _Search(setting, most_states).run()


class _Search:
    def __init__(self, setting: Setting, most_states: int | None) -> None:
        self.setting = setting
        self.world = World(setting)
        self.first = self.world.first()
        self.most_states = most_states
        self.began = time.monotonic()
        self.schedules: dict[State, Schedules] = {}
        self.moves = 0
        self.repeats = 0
        self.ends: set[tuple[str, ...]] = set()

    def run(self) -> Found:
        path: list[Move] = []
        try:
            self._go(path)
        except Violation as violation:
            return self._found(violation, tuple(path))
        return self._found()

    def _go(self, path: list[Move]) -> None:
        stack = [(self.first, self._moves(self.first))]
        counts: list[list[Schedules]] = [[]]
        while stack:
            state, moves = stack[-1]
            if not moves:
                stack.pop()
                schedules = self.schedules[state] = self._sum(state, counts.pop())
                if stack:
                    path.pop()
                    counts[-1].append(schedules)
                continue
            move = moves.pop()
            path.append(move)
            then = self.world.after(state, move)
            self.moves += 1
            known = self.schedules.get(then)
            if known is not None:
                counts[-1].append(known)
                path.pop()
                continue
            if self.most_states is not None and len(self.schedules) >= self.most_states:
                return
            stack.append((then, self._moves(then)))
            counts.append([])

    def _moves(self, state: State) -> list[Move]:
        moves = self.world.moves(state)
        moves.reverse()
        return moves

    def _sum(self, state: State, ways: list[Schedules]) -> Schedules:
        if ways:
            return Schedules(*map(sum, zip(*ways, strict=True)))
        self.ends.add(tuple(str(node.facts.end) for node in state.nodes))
        effects = [effect for node in state.nodes for effect in node.facts.effects]
        repeats = max(map(effects.count, effects), default=0)
        self.repeats = max(self.repeats, repeats)
        return Schedules(1, int(repeats > 1), int(state.ghost.value.at_once))

    def _found(self, violation: Violation | None = None, path: tuple[Move, ...] = ()) -> Found:
        return Found(
            self.setting,
            len(self.schedules),
            self.moves,
            self.schedules.get(self.first),
            time.monotonic() - self.began,
            frozenset(self.ends),
            self.repeats,
            violation,
            path,
        )
