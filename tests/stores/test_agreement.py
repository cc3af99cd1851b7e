"""Random histories over few keys and owners: every store says, command by command, what memory says."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from tests.stores.mutants import MUTANTS
from twicesafe.protocol.commands import (
    Claim,
    Complete,
    Forget,
    List,
    Load,
    Redo,
    Release,
    Renew,
    SaveStep,
    SettleStep,
)
from twicesafe.protocol.records import Millis, Seconds, Status, Step
from twicesafe.stores.memory import MemoryStore
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twicesafe.protocol.commands import StoreCommand
    from twicesafe.protocol.records import Record
    from twicesafe.stores.base import Store

A_DAY = 86_400_000  # ms: a server that expires records by its own clock must leave these alone
keys = st.sampled_from(["order", "order", "order", "order 2"])  # mostly one, so that they meet
owners = st.sampled_from(["ann", "bob"])
ages = st.sampled_from([0, 0, 0, 1, 1_000])
who = st.sampled_from([None, None, "ann", "bob"])  # None: who holds the key
leases = st.sampled_from([0, 1, 1_000, 60_000])  # ms
durations = st.sampled_from([1, 1, 1_000, 60_000])  # ms; in all less than a store keeps what has expired
expiries = st.sampled_from([None, 0, 1, 60])  # s
given_expiries = st.sampled_from([0, 1, 60])
fingerprints = st.sampled_from(["", "1:abc", "1:abd", "2:abd"])
replies = st.sampled_from([None, "", "null", '"paid"'])
some_steps = st.dictionaries(
    st.sampled_from(["charge", "mail"]), st.builds(Step, st.booleans(), st.sampled_from(["", "1"])), min_size=1
)


class AgreesWithMemory(RuleBasedStateMachine):
    """Applies each command to both."""

    commands: Any = Bundle("commands")
    records: Any = Bundle("records")

    subject: Store

    def __init__(self) -> None:
        super().__init__()
        self.both = [Trial(self.subject.apply), Trial(MemoryStore().apply)]
        self.prefix = f"agreement/{uuid.uuid4()}/"
        self.now = time.time_ns() // 1_000_000_000 * 1_000 + A_DAY

    @initialize(ms=st.integers(0, 999))
    def it_begins_within_a_second(self, ms: int) -> None:
        """Drawn, so that a history is the same when it is played again: expiries are of whole seconds."""
        self.now += ms

    def ask(self, command: StoreCommand) -> Any:
        reply, expected = (trial.apply(command) for trial in self.both)
        assert reply == expected
        return reply

    def expires_at(self, expiry: int) -> Seconds:
        return Seconds(self.now // 1000 + expiry)

    def holder(self, key: str) -> str:
        """Who holds the key; where nobody does, ann claims it first, if she can."""
        record = self.ask(Load(self.prefix + key))
        if record is None or record.owner is None or record.is_final:
            self.now += 1
            lease_until, expires_at = Millis(self.now + 60_000), self.expires_at(60)
            self.ask(Claim(self.prefix + key, "ann", Millis(self.now), lease_until, expires_at))
            record = self.ask(Load(self.prefix + key))
        return record.owner or "ann"

    @rule(by=durations)
    def time_passes(self, by: int) -> None:
        self.now += by

    @rule(
        target=commands,
        key=keys,
        owner=owners,
        lease=leases,
        expiry=expiries,
        fingerprint=fingerprints,
        takes_over=st.booleans(),
        later=ages,
    )
    def claim(
        self, key: str, owner: str, lease: int, expiry: int | None, fingerprint: str, takes_over: bool, later: int
    ) -> Claim:
        expires_at = None if expiry is None else self.expires_at(expiry)
        now, lease_until, not_before = Millis(self.now), Millis(self.now + lease), Millis(self.now + later)
        command = Claim(self.prefix + key, owner, now, lease_until, expires_at, fingerprint, takes_over, not_before)
        self.ask(command)
        return command

    @rule(
        target=commands,
        key=keys,
        owner=who,
        status=st.sampled_from([Status.COMPLETED, Status.FAILED]),
        reply=replies,
        expiry=given_expiries,
    )
    def complete(self, key: str, owner: str | None, status: Status, reply: str | None, expiry: int) -> Complete:
        command = Complete(self.prefix + key, owner or self.holder(key), status, reply, self.expires_at(expiry))
        self.ask(command)
        return command

    @rule(target=commands, key=keys, owner=who, before=ages, expiry=given_expiries, steps=some_steps)
    def release(self, key: str, owner: str | None, before: int, expiry: int, steps: dict[str, Step]) -> Release:
        owner = owner or self.holder(key)
        command = Release(self.prefix + key, owner, Millis(self.now - before), self.expires_at(expiry), steps)
        self.ask(command)
        return command

    @rule(target=commands, key=keys, owner=who, lease=leases, expiry=expiries)
    def renew(self, key: str, owner: str | None, lease: int, expiry: int | None) -> Renew:
        expires_at = None if expiry is None else self.expires_at(expiry)
        command = Renew(self.prefix + key, owner or self.holder(key), Millis(self.now + lease), expires_at)
        self.ask(command)
        return command

    @rule(target=commands, key=keys, owner=who, steps=some_steps)
    def save_step(self, key: str, owner: str | None, steps: dict[str, Step]) -> SaveStep:
        command = SaveStep(self.prefix + key, owner or self.holder(key), steps)
        self.ask(command)
        return command

    @rule(command=commands)
    def a_copy_arrives_late(self, command: StoreCommand) -> None:
        self.ask(command)

    @rule(target=records, key=keys)
    def load(self, key: str) -> Any:
        record = self.ask(Load(self.prefix + key))
        return multiple() if record is None else record

    @rule(record=records)
    def forget(self, record: Record) -> None:
        self.ask(Forget(record))

    @rule(record=records, expiry=given_expiries)
    def redo(self, record: Record, expiry: int) -> None:
        self.ask(Redo(record, self.expires_at(expiry), Millis(self.now)))

    @rule(record=records, expiry=given_expiries, steps=some_steps)
    def settle_step(self, record: Record, expiry: int, steps: dict[str, Step]) -> None:
        self.ask(SettleStep(record, steps, self.expires_at(expiry)))

    @rule(limit=st.integers(1, 3))
    def list(self, limit: int) -> None:
        found, expected = (sorted(self.listed(trial, limit)) for trial in self.both)
        assert found == expected

    def listed(self, trial: Trial, limit: int) -> Iterator[Record]:
        after = None
        while True:
            page = trial.apply(List(self.prefix, after, limit))
            yield from page.records
            after = page.after
            if after is None:
                return


def compare(store: Store, histories: int, **changed: Any) -> None:
    """Play that many random histories of up to 40 commands."""

    class Compared(AgreesWithMemory):
        subject = store

    run_state_machine_as_test(
        Compared,
        settings=settings(
            max_examples=histories,
            stateful_step_count=40,
            deadline=None,  # a server may pause
            database=None,  # the keys are others each time
            suppress_health_check=list(HealthCheck),
            **changed,
        ),
    )


def test_a_store_agrees_with_memory_on_every_history(any_store: Store) -> None:
    compare(any_store, histories=60)


NOTICED = ["a stranger completes", "a renewal shortens", "a late claim revives a release", "a result replaces another"]


@pytest.mark.parametrize("name", NOTICED)
def test_a_store_with_one_rule_off_disagrees(name: str) -> None:
    with pytest.raises(AssertionError):
        compare(MUTANTS[name].open(), histories=500, phases=[Phase.generate], derandomize=True)
