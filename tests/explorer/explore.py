"""Goes through every state that a setting can reach, and counts them and the schedules that lead through them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from .invariants import Violation
from .world import World

if TYPE_CHECKING:
    from .settings import Setting
    from .world import Move, State


class Found(NamedTuple):
    """What an exploration saw."""

    setting: Setting
    states: int
    moves: int
    schedules: int | None  # None: not counted, for it was not gone through to the end
    is_whole: bool
    seconds: float
    ends: frozenset[tuple[str, ...]]  # what the callers got
    repeats: int  # most often that one effect ran, in one schedule
    violation: Violation | None = None
    path: tuple[Move, ...] = ()


def explore(setting: Setting, most_states: int | None = None, most_seconds: float | None = None) -> Found:
    """Depth first, each state once, until all are seen, a bound is reached, or an invariant does not hold."""
    return _Search(setting, most_states, most_seconds).run()


class _Search:
    def __init__(self, setting: Setting, most_states: int | None, most_seconds: float | None) -> None:
        self.setting = setting
        self.world = World(setting)
        self.first = self.world.first()
        self.most_states = most_states
        self.began = time.monotonic()
        self.ends_at = None if most_seconds is None else self.began + most_seconds
        self.schedules: dict[State, int] = {}
        self.moves = 0
        self.repeats = 0
        self.ends: set[tuple[str, ...]] = set()

    def run(self) -> Found:
        path: list[Move] = []
        try:
            is_whole = self._go(path)
        except Violation as violation:
            return self._found(False, violation, tuple(path))
        return self._found(is_whole)

    def _go(self, path: list[Move]) -> bool:
        stack = [(self.first, self._moves(self.first))]
        total = [0]
        while stack:
            state, moves = stack[-1]
            if not moves:
                stack.pop()
                paths = total.pop() or 1
                self.schedules[state] = paths
                if stack:
                    path.pop()
                    total[-1] += paths
                continue
            move = moves.pop()
            path.append(move)
            then = self.world.after(state, move)
            self.moves += 1
            known = self.schedules.get(then)
            if known is not None:
                total[-1] += known
                path.pop()
                continue
            if self._is_enough():
                return False
            stack.append((then, self._moves(then)))
            total.append(0)
        return True

    def _moves(self, state: State) -> list[Move]:
        moves = self.world.moves(state)
        if not moves:
            self._end(state)
        moves.reverse()
        return moves

    def _end(self, state: State) -> None:
        self.ends.add(tuple(str(node.facts.end) for node in state.nodes))
        effects = [effect for node in state.nodes for effect in node.facts.effects]
        self.repeats = max(self.repeats, *(effects.count(effect) for effect in effects), 0)

    def _is_enough(self) -> bool:
        if self.most_states is not None and len(self.schedules) >= self.most_states:
            return True
        return self.ends_at is not None and time.monotonic() > self.ends_at

    def _found(self, is_whole: bool, violation: Violation | None = None, path: tuple[Move, ...] = ()) -> Found:
        schedules = self.schedules[self.first] if is_whole else None
        seconds = time.monotonic() - self.began
        return Found(
            self.setting,
            len(self.schedules),
            self.moves,
            schedules,
            is_whole,
            seconds,
            frozenset(self.ends),
            self.repeats,
            violation,
            path,
        )
