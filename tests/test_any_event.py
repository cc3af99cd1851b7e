"""Events that are nothing, or nearly what a source sends: a handler runs, or its caller hears why not."""

from __future__ import annotations

import copy
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.keys.test_sources import JSON, mutated
from twicesafe import decisions
from twicesafe.errors import TwicesafeError
from twicesafe.idempotent import idempotent
from twicesafe.stores.memory import MemoryStore

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000, aws_request_id="r-1", function_name="f")


class Handled:
    """A handler under protection, and what became of each delivery."""

    def __init__(self, **options: Any) -> None:
        self.ran: list[Any] = []

        @idempotent(store=MemoryStore(), name="handler", **options)
        def handler(event: Any, context: Any) -> str:
            self.ran.append(copy.deepcopy(event))
            return "done"

        self._handler = handler

    def deliver(self, event: Any) -> list[decisions.Decision]:
        """Deliver it; only what twicesafe says itself may come back as an error."""
        before = len(decisions._hooks)
        made: list[decisions.Decision] = []
        decisions.on_decision(made.append)
        try:
            with suppress(TwicesafeError):  # its caller hears why
                self._handler(event, CONTEXT)
        finally:
            del decisions._hooks[before:]
        return made


@settings(max_examples=300)
@given(event=JSON | mutated(), report_failures=st.booleans(), unit=st.sampled_from(["record", "event"]))
@example(event=[], report_failures=False, unit="record")
@example(event={"Records": []}, report_failures=True, unit="event")
@example(event={"Records": [None]}, report_failures=True, unit="record")
def test_whatever_an_event_is_what_ran_under_a_key_does_not_run_again(
    event: Any, report_failures: bool, unit: str
) -> None:
    handled = Handled(report_failures=report_failures, unit=unit)
    before = copy.deepcopy(event)
    first = handled.deliver(event)
    assert event == before or event != event  # a NaN is none of itself
    runs = len(handled.ran)
    assert runs == sum(decision.verdict in ("ran", "unprotected") for decision in first)
    second = handled.deliver(event)
    protected = {decision.key for decision in first if decision.verdict == "ran"}
    assert not [decision for decision in second if decision.verdict == "ran" and decision.key in protected]
    assert len(handled.ran) - runs == sum(decision.verdict == "unprotected" for decision in second)


@settings(max_examples=150)
@given(event=JSON | mutated(), key=st.sampled_from(["Records[0].messageId", "body", "[0]", "*", "json(body)"]))
def test_whatever_an_event_is_a_users_key_is_found_or_missed_before_any_effect(event: Any, key: str) -> None:
    handled = Handled(key=key, unit="event")
    first = handled.deliver(event)
    assert len(handled.ran) == sum(decision.verdict in ("ran", "unprotected") for decision in first)
    runs = len(handled.ran)
    handled.deliver(event)
    if [decision.verdict for decision in first] == ["ran"]:
        assert len(handled.ran) == runs


@pytest.mark.parametrize("event", [None, "", 0, float("nan"), [], {}, [[]], {"Records": "x"}, {"body": {}}])
def test_an_event_of_no_shape_is_delivered_or_refused(event: Any) -> None:
    handled = Handled()
    assert len(handled.deliver(event)) <= 1
    assert len(handled.ran) <= 1
