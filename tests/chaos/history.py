"""What was seen of a run from outside of the processes under test. Times are this host's wall clock, in ms."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import NamedTuple

EFFECTS = ("charge", "mail")
"""What each order asks for: first a charge, in a step, then a mail, which no step records."""
ANSWERED = ("ran", "replayed")
"""What is heard by a caller that has its reply."""


def now() -> int:
    """This moment."""
    return time.time_ns() // 1_000_000


class Effect(NamedTuple):
    """The outside world was changed."""

    order: int
    name: str
    process: int
    key: str
    attempt: int
    fence: int
    called: int  # when the caller called
    begun: int  # when the function began, so its claim is older
    lease_until: int  # when others may take over
    at: int  # when the ledger wrote it down
    receipt: int


class Heard(NamedTuple):
    """A caller heard the end of its delivery."""

    order: int
    process: int
    what: str
    reply: dict[str, int] | None
    at: int


class Blow(NamedTuple):
    """A process was killed, or frozen for a while."""

    process: int
    kind: str  # killed or frozen
    since: int
    until: int


class Recorded(NamedTuple):
    """The store was found to hold an effect's result, or the whole answer."""

    order: int
    name: str
    at: int


class History:
    """All of it, in the order in which it was seen."""

    def __init__(self) -> None:
        self.calls: dict[int, int] = {}
        """The order of each call that was handed out."""
        self.effects: list[Effect] = []
        self.heard: list[Heard] = []
        self.blows: list[Blow] = []
        self.recorded: list[Recorded] = []
        self.seconds = 0.0

    def copy(self) -> History:
        """One that does not grow."""
        other = History()
        other.calls = dict(self.calls)
        for name in ("effects", "heard", "blows", "recorded"):
            setattr(other, name, list(getattr(self, name)))
        return other

    def by_order(self) -> dict[tuple[int, str], list[Effect]]:
        """The effects of each order, by name."""
        found: dict[tuple[int, str], list[Effect]] = {(o, n): [] for o in self.calls.values() for n in EFFECTS}
        for effect in self.effects:
            found[effect.order, effect.name].append(effect)
        return found

    def recorded_at(self) -> dict[tuple[int, str], int]:
        """When each effect was known to be recorded: from then on nothing may run it again."""
        moments: dict[tuple[int, str], list[int]] = defaultdict(list)
        for order, name, at in self.recorded:
            moments[order, name].append(at)
        for heard in self.heard:
            if heard.what in ANSWERED:
                for name in EFFECTS:
                    moments[heard.order, name].append(heard.at)
            elif heard.what == "declined":  # which the function says only once it has charged
                moments[heard.order, "charge"].append(heard.at)
        for effect in self.effects:
            if effect.name == "mail":  # sent once the step around the charge is over
                moments[effect.order, "charge"].append(effect.at)
        return {which: min(times) for which, times in moments.items()}
