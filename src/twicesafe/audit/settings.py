"""What an audit is asked to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..lab.loading import Target
    from .results import When


class Controls(NamedTuple):
    """What makes a verdict right. Tests switch them off, one by one, and see verdicts go wrong."""

    chance: bool = True  # each delivery has random numbers of its own
    renewal: bool = True  # the event of a redelivery is renewed as the platform renews it
    tokens: bool = True  # the world deduplicates by tokens, as the services do
    masking: bool = True  # what differs between clean runs may differ
    isolation: bool = True  # a network of its own, where the machine allows it


class Declared(NamedTuple):
    """The world as the user declares it."""

    env: Mapping[str, str] = {}
    tables: tuple[Mapping[str, Any], ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Any, ...] = ()
    answers: Mapping[str, Any] = {}
    http: tuple[Mapping[str, Any], ...] = ()
    honours: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()  # what a template left open, in words


class Rules(NamedTuple):
    """What is asked for, and what the user lives with."""

    when: tuple[When, ...] = ()  # report only what shows in one of these ways; none: in any
    accepted: tuple[str, ...] = ()  # KIND:EFFECT
    known: tuple[str, ...] = ()  # fingerprints out of a baseline, each as often as it may come


class Job(NamedTuple):
    """One handler and one event."""

    target: Target
    event: Any
    event_name: str = "event"
    declared: Declared = Declared()
    rules: Rules = Rules()
    options: tuple[str, ...] = ()  # what a command line needs besides handler and event to ask for the same
    timeout: float = 30.0  # seconds: the function's time limit
    jobs: int = os.cpu_count() or 1  # worlds at once
    is_thorough: bool = False
    runs_on: bool = False  # past the class that found something for every effect
    schedule: str | None = None  # only this one
    endpoint: str | None = None  # of a DynamoDB Local, in the place of the simulator
    patience: float = 20.0  # seconds without progress
    controls: Controls = Controls()

    @property
    def handler(self) -> str:
        """MODULE:HANDLER."""
        return f"{self.target.module}:{self.target.handler}"
