"""What is explored: who takes part, what they do, and how much may go wrong in one schedule."""

from __future__ import annotations

from typing import NamedTuple

from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds

from .process import Role, Work

BASE = Millis(1_000_000_000)
LEASE, ALLOWANCE = Millis(6), Millis(2)
TICK, SHORT, LONG, EXPIRY = Millis(1), Millis(LEASE - 1), Millis(LEASE + ALLOWANCE + 1), Millis(4_000)
"""Jumps of the clock: a moment; up to the last moment of a lease; past a lease; past an expiry."""

RERUN = Policy(Seconds(1), lease=LEASE, allowance=ALLOWANCE)
RAISE = RERUN._replace(on_unknown="raise")
WAIT = RERUN._replace(on_conflict="wait", wait=Millis(60))  # once asleep


class Bounds(NamedTuple):
    """How often each may happen in one schedule; with `total`, all of them together."""

    copies: int = 1  # of a command, applied once more or for the first time, with nobody to hear the reply
    given_up: int = 1  # requests: the client library gives up
    deaths: int = 1
    interrupts: int = 0
    beats: int = 2  # renewals that begin
    ticks: int = 0
    shorts: int = 0
    longs: int = 1
    expiries: int = 0
    total: int | None = None


JUMPS: dict[str, Millis] = {"ticks": TICK, "shorts": SHORT, "longs": LONG, "expiries": EXPIRY}


class Setting(NamedTuple):
    """One exploration."""

    name: str
    roles: tuple[Role, ...]
    work: Work
    bounds: Bounds
    is_exact: bool = True  # clocks within the allowance, no pause between check and effect: I1 must hold
    misses: str = ""  # "elapsed" or "wall": a clock of the first delivery that a long jump passes by
