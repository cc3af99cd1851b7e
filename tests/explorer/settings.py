"""What is explored: who takes part, what they do, and how much may go wrong in one schedule."""

from __future__ import annotations

from typing import NamedTuple

from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds

from .process import ENDINGS, Role, Work

BASE = Millis(1_000_000_000)
LEASE, ALLOWANCE = Millis(6), Millis(2)
HOUR = Millis(3_600_000)
TICK, SHORT, LONG, EXPIRY = Millis(1), Millis(LEASE - 1), Millis(LEASE + ALLOWANCE + 1), Millis(4_000)
"""Jumps of the clock: a moment; up to the last moment of a lease; past a lease; past an expiry."""

RERUN = Policy(Seconds(1), lease=LEASE, allowance=ALLOWANCE)
RAISE = RERUN._replace(on_unknown="raise")
WAIT = RERUN._replace(on_conflict="wait", wait=Millis(60))  # once asleep
KEPT, KEPT_RAISE = RERUN._replace(expires_after=Seconds(7_200)), RAISE._replace(expires_after=Seconds(7_200))
"""For longer than any clock is wrong."""


class Bounds(NamedTuple):
    """How often each may happen in one schedule; with `total`, all of them together."""

    copies: int = 1  # of a command, applied once more or for the first time, with nobody to hear the reply
    given_up: int = 1  # requests: the client library gives up
    deaths: int = 1
    interrupts: int = 0
    beats: int = 2  # renewals that begin; no fault, so not in the total
    ticks: int = 0
    shorts: int = 0
    longs: int = 1
    expiries: int = 0
    freezes: int = 0
    total: int | None = None


JUMPS: dict[str, Millis] = {"ticks": TICK, "shorts": SHORT, "longs": LONG, "expiries": EXPIRY, "freezes": LONG}


class Setting(NamedTuple):
    """One exploration."""

    name: str
    roles: tuple[Role, ...]
    work: Work
    bounds: Bounds
    is_exact: bool = True  # clocks within the allowance, no pause between check and effect: I1 must hold
    misses: str = ""  # "elapsed" or "wall": the first delivery's clock that does not notice a freeze


ANN, BOB, CAT = Role("ann"), Role("bob"), Role("cat")
TWO = (ANN, BOB)
FAST, SLOW = Role("bob", ahead=HOUR, learns=True), Role("bob", ahead=Millis(-HOUR), learns=True)
"""Cold processes whose clocks are off by far more than the allowance, until the store's first answer corrects them."""
R = ("returns", "raises")


def two_faults(**more: int) -> Bounds:
    """What may go wrong: any two of these in one schedule, in any order and at any moment."""
    return Bounds(copies=2, given_up=1, deaths=1, longs=1, total=2)._replace(**more)


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("rerun", TWO, Work(RERUN, endings=R), two_faults(ticks=1)),
        Setting("endings", TWO, Work(RERUN, endings=tuple(ENDINGS)), two_faults(copies=1, deaths=0, interrupts=1)),
        Setting("raise", TWO, Work(RAISE, endings=R), two_faults(ticks=1)),
        Setting("raise-interrupted", TWO, Work(RAISE, endings=("returns", "is interrupted")), two_faults(interrupts=1)),
        Setting("wait", TWO, Work(WAIT), two_faults(total=1)),
        Setting("heartbeat", TWO, Work(RERUN, heartbeat=True), two_faults(beats=2, shorts=1)),
        Setting("deadline", TWO, Work(RERUN, runs_for=Millis(7)), two_faults(ticks=1, shorts=1)),
        Setting("steps", TWO, Work(RERUN, steps=("a", "b"), endings=R), two_faults()),
        Setting("swallows", TWO, Work(RERUN, steps=("a", "b"), swallows=True), two_faults()),
        Setting("clocks-apart", (ANN, Role("bob", ahead=ALLOWANCE)), Work(RERUN), two_faults(ticks=1, shorts=1)),
        Setting("expiry", TWO, Work(RERUN), two_faults(expiries=1)),
        Setting("raise-expiry", TWO, Work(RAISE), two_faults(expiries=1)),
        Setting("steps-expiry", TWO, Work(RERUN, steps=("a",), endings=R), two_faults(expiries=1)),
        Setting(
            "payload", (ANN, Role("bob", payload="q")), Work(RERUN, steps=("a",), endings=R), two_faults(expiries=1)
        ),
        Setting("rules", (ANN, Role("bob", rules="2")), Work(RERUN, steps=("a",), endings=R), two_faults(expiries=1)),
        Setting("by-hand-done", (*TWO, Role("pat", by_hand="settle done")), Work(RAISE), two_faults(copies=1)),
        Setting("by-hand-not-done", (*TWO, Role("pat", by_hand="settle not done")), Work(RAISE), two_faults(copies=1)),
        Setting("by-hand-redo", (*TWO, Role("pat", by_hand="redo")), Work(RAISE), two_faults(copies=1)),
        Setting("by-hand-forget", (*TWO, Role("pat", by_hand="forget")), Work(RAISE), two_faults(copies=0)),
        Setting("wall-misses", TWO, Work(RERUN), two_faults(freezes=1), misses="wall"),
        Setting("elapsed-misses", TWO, Work(RERUN), two_faults(freezes=1), misses="elapsed"),
        Setting(
            "clocks-too-far-apart",
            (ANN, Role("bob", ahead=Millis(5))),
            Work(RERUN),
            two_faults(shorts=1),
            is_exact=False,
        ),
        Setting("fast", (ANN, FAST), Work(KEPT, endings=R), two_faults(ticks=1, shorts=1)),
        Setting("slow", (ANN, SLOW), Work(KEPT, endings=R), two_faults(ticks=1, shorts=1)),
        Setting("fast-raise", (ANN, FAST), Work(KEPT_RAISE, endings=R), two_faults(ticks=1)),
        Setting("slow-raise", (ANN, SLOW), Work(KEPT_RAISE, endings=R), two_faults(ticks=1)),
        Setting("fast-wait", (ANN, FAST), Work(WAIT), two_faults(total=1)),
        Setting("fast-deadline", (ANN, FAST), Work(KEPT, runs_for=Millis(7)), two_faults(ticks=1, shorts=1)),
        Setting("slow-deadline", (ANN, SLOW), Work(KEPT, runs_for=Millis(7)), two_faults(ticks=1, shorts=1)),
        Setting("fast-heartbeat", (ANN, FAST), Work(KEPT, heartbeat=True), two_faults(copies=0, given_up=0, shorts=1)),
        Setting("fast-steps", (ANN, FAST), Work(KEPT, steps=("a", "b"), endings=R), two_faults()),
        Setting("fast-expiry", (ANN, FAST), Work(RERUN, endings=R), two_faults(copies=0, expiries=1)),
        Setting("slow-and-fast", (SLOW._replace(name="ann"), FAST), Work(KEPT, endings=R), two_faults(ticks=1)),
        Setting("pauses", TWO, Work(RERUN, pauses=True), two_faults(), is_exact=False),
        Setting("three", (ANN, BOB, CAT), Work(RERUN), two_faults(copies=1)),
    )
}
"""All that is explored, each to the end: every order of the commands, with every two faults."""
