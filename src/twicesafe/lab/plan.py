"""One event, delivered again and again: what `twicesafe deliver` does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..protocol.policy import ALLOWANCE
from .redelivery import redelivered
from .results import result_of
from .rounds import Round, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sandbox import Call, Delivered, Function

AFTERWARDS = 0.5
"""Seconds that a delivery after a kill waits beyond the lease."""


class Plan(NamedTuple):
    """How an event is delivered: in rounds, each of some deliveries at the same moment."""

    function: Function
    event: Any
    rounds: int = 1
    at_once: int = 1
    kill_after: float | None = None  # seconds; the first round is killed then
    pause: float | None = None  # seconds between rounds; None: none, but after a kill until the lease is over
    request_id: str | None = None  # the same for all, as in Lambda's own retries; None: each has its own


class Planned(NamedTuple):
    """One round of the plan."""

    number: int
    first: int  # the number of its first delivery
    total: int  # deliveries of the whole plan
    calls: tuple[Call, ...]
    pause: float  # seconds, before it
    kill_after: float | None

    def __str__(self) -> str:
        """Its deliveries, for people."""
        if len(self.calls) == 1:
            return f"delivery {self.first} of {self.total}"
        return f"deliveries {self.first} to {self.first + len(self.calls) - 1} of {self.total}, at the same moment"


class Numbered(NamedTuple):
    """One delivery of the plan."""

    number: int
    round: int
    delivered: Delivered


def planned(plan: Plan) -> Iterator[Planned]:
    """The rounds, in their order; pure, but for request ids that are drawn."""
    return (_planned(plan, number) for number in range(1, plan.rounds + 1))


def carry_out(plan: Plan, say: Callable[[str], object]) -> Iterator[Numbered]:
    """Make the deliveries, and yield those of a round, in their order, when all of them have ended.

    Args:
        say: is told what goes on, a line for people; of each delivery as it ends, too.

    Raises:
        NotLoadable: the handler cannot be imported.
    """
    for each in planned(plan):
        if each.pause:
            is_asked = plan.pause is not None
            why = "as asked" if is_asked else "until the lease is over, as a queue's visibility timeout would"
            say(f"Waiting {each.pause:g} s, {why}")
            time.sleep(each.pause)
        yield from _deliver(plan.function, each, say)


def _deliver(function: Function, planned: Planned, say: Callable[[str], object]) -> Iterator[Numbered]:
    def ended(place: int, delivered: Delivered) -> None:
        say(f"Delivery {planned.first + place}: {result_of(delivered)}")

    say(f"Starting {planned}")
    with Round(function, planned.calls) as processes:
        say(f"Running {planned}" + (f", to be killed after {planned.kill_after:g} s" if planned.kill_after else ""))
        for place, delivered in enumerate(processes.run(planned.kill_after, ended)):
            yield Numbered(planned.first + place, planned.number, delivered)


def _planned(plan: Plan, number: int) -> Planned:
    first = (number - 1) * plan.at_once + 1
    events = (json.dumps(redelivered(plan.event, first + place)) for place in range(plan.at_once))
    calls = tuple(call(event, plan.request_id) for event in events)
    kill_after = plan.kill_after if number == 1 else None
    return Planned(number, first, plan.rounds * plan.at_once, calls, _pause(plan, number), kill_after)


def _pause(plan: Plan, number: int) -> float:
    if number == 1:
        return 0.0
    if plan.pause is not None:
        return plan.pause
    is_after_kill = plan.kill_after is not None and number == 2
    return plan.function.timeout + ALLOWANCE / 1000 + AFTERWARDS if is_after_kill else 0.0
