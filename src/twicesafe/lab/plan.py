"""One event, delivered again and again: what `twicesafe deliver` does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..protocol.policy import ALLOWANCE
from .redelivery import redelivered
from .rounds import Round, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sandbox import Call, Delivered, Function


class Plan(NamedTuple):
    """How an event is delivered: in rounds, each of some deliveries at the same moment."""

    function: Function
    event: Any
    rounds: int = 1
    at_once: int = 1
    kill_after: float | None = None  # seconds; the first round is killed then
    pause: float | None = None  # seconds between rounds; None: none, but after a kill until the lease is over
    request_id: str | None = None  # the same for all, as in Lambda's own retries; None: each has its own


class Numbered(NamedTuple):
    """One delivery of the plan."""

    number: int
    round: int
    delivered: Delivered


def carry_out(plan: Plan, say: Callable[[str], object]) -> Iterator[Numbered]:
    """Make the deliveries, and yield each as it ends.

    Args:
        say: is told what goes on, a line for people.

    Raises:
        NotLoadable: the handler cannot be imported.
    """
    for number in range(1, plan.rounds + 1):
        if number > 1:
            _pause(plan, number, say)
        yield from _round(plan, number, say)


def _round(plan: Plan, number: int, say: Callable[[str], object]) -> Iterator[Numbered]:
    first = (number - 1) * plan.at_once + 1
    calls = [_call(plan, first + place) for place in range(plan.at_once)]
    say(f"Starting {_deliveries(first, plan)}")
    with Round(plan.function, calls) as processes:
        kill_after = plan.kill_after if number == 1 else None
        say(f"Running {_deliveries(first, plan)}" + (f", to be killed after {kill_after:g} s" if kill_after else ""))
        for place, delivered in enumerate(processes.run(kill_after)):
            yield Numbered(first + place, number, delivered)


def _call(plan: Plan, number: int) -> Call:
    return call(json.dumps(redelivered(plan.event, number)), plan.request_id)


def _deliveries(first: int, plan: Plan) -> str:
    total = plan.rounds * plan.at_once
    if plan.at_once == 1:
        return f"delivery {first} of {total}"
    return f"deliveries {first} to {first + plan.at_once - 1} of {total}, at the same moment"


def _pause(plan: Plan, number: int, say: Callable[[str], object]) -> None:
    if plan.pause is not None:
        seconds, why = plan.pause, "as asked"
    elif plan.kill_after is not None and number == 2:
        seconds = plan.function.timeout + ALLOWANCE / 1000 + 0.5
        why = "until the lease of what was killed is over, as a queue's visibility timeout would"
    else:
        return
    say(f"Waiting {seconds:g} s, {why}")
    time.sleep(seconds)
