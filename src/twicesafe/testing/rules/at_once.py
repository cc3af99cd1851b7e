"""Many at once: threads through `apply`, tasks through `apply_async`."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ...protocol.commands import Claim, Claimed, Complete, Done, Existing, Lost, SaveStep
from ...protocol.records import Millis, Seconds, Status, Step
from ..trial import EXPIRY, LEASE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...protocol.commands import StoreCommand, StoreReply
    from ...stores.base import Store

    AtOnce = Callable[[Sequence[StoreCommand]], Sequence[StoreReply]]

MANY = 32


def in_threads(store: Store, commands: Sequence[StoreCommand]) -> list[StoreReply]:
    """Apply the commands in one thread each, all let go at the same moment."""
    gate = threading.Barrier(len(commands))

    def apply(command: StoreCommand) -> StoreReply:
        gate.wait(30)
        return store.apply(command)

    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(apply, commands))


def in_tasks(store: Store, commands: Sequence[StoreCommand]) -> list[StoreReply]:
    """Apply the commands in one task each."""

    async def together() -> list[StoreReply]:
        return list(await asyncio.gather(*map(store.apply_async, commands)))

    return asyncio.run(together())


class AtOnceRules:
    """One store object, shared."""

    @pytest.fixture(params=[in_threads, in_tasks])
    def at_once(self, store: Store, request: pytest.FixtureRequest) -> AtOnce:
        """A way to apply many commands at the same time."""
        in_its_way: Any = request.param
        return lambda commands: in_its_way(store, commands)

    @pytest.fixture
    def lone(self, store: Store) -> Trial:
        """A key that nobody has claimed, looked at from one thread."""
        return Trial(store.apply)

    def test_one_of_many_owners_gets_an_absent_key(self, lone: Trial, at_once: AtOnce) -> None:
        _one_wins(at_once(_claims(lone)), attempt=1)

    def test_one_of_many_owners_gets_a_released_key(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("first")
        lone.release("first")
        lone.time_passes(1)
        _one_wins(at_once(_claims(lone)), attempt=2)

    def test_one_of_many_owners_gets_a_silent_owners_key(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("first")
        lone.time_passes(LEASE)
        _one_wins(at_once(_claims(lone)), attempt=2)

    def test_one_of_many_owners_gets_an_expired_key(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("first")
        lone.complete("first")
        lone.time_passes(2 * EXPIRY * 1000)
        _one_wins(at_once(_claims(lone)), attempt=1)

    def test_many_copies_of_one_claim_are_one_claim(self, lone: Trial, at_once: AtOnce) -> None:
        copies = [_claims(lone)[0]] * MANY
        assert set(map(repr, at_once(copies))) == {repr(lone.claim("owner 0"))}
        assert lone.found().attempt == 1

    def test_one_of_many_takers_over_and_the_old_owner_has_the_last_word(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("first")
        lone.time_passes(LEASE)
        expires_at = lone.expires_at(EXPIRY)
        late = Complete(lone.key, "first", Status.COMPLETED, '"paid"', expires_at)
        reply, *claims = at_once([late, *_claims(lone)])
        record = lone.found()
        if isinstance(reply, Done):
            assert (record.status, record.owner) == (Status.COMPLETED, "first")
            assert {type(claim) for claim in claims} == {Existing}
        else:
            assert isinstance(reply, Lost)
            assert record.status is Status.IN_PROGRESS
            _one_wins(claims, attempt=2)

    def test_steps_saved_at_once_are_all_kept(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("ann")
        steps = {f"step {number}": Step(True, str(number)) for number in range(MANY)}
        replies = at_once([SaveStep(lone.key, "ann", {name: step}) for name, step in steps.items()])
        assert set(replies) == {Done()}
        assert lone.found().steps == steps

    def test_one_of_many_results_of_a_step_is_kept(self, lone: Trial, at_once: AtOnce) -> None:
        lone.claim("ann")
        replies = at_once([SaveStep(lone.key, "ann", {"charge": Step(True, str(n))}) for n in range(MANY)])
        (kept,) = [number for number, reply in enumerate(replies) if isinstance(reply, Done)]
        assert lone.found().steps == {"charge": Step(True, str(kept))}

    def test_different_keys_do_not_meet(self, lone: Trial, at_once: AtOnce) -> None:
        claims = [claim._replace(key=f"{claim.key}/{n}") for n, claim in enumerate(_claims(lone))]
        replies = at_once(claims)
        assert all(isinstance(reply, Claimed) and reply.attempt == 1 for reply in replies)


def _claims(trial: Trial) -> list[Claim]:
    lease_until, expires_at = Millis(trial.now + LEASE), Seconds(trial.expires_at(EXPIRY))
    return [Claim(trial.key, f"owner {number}", trial.now, lease_until, expires_at) for number in range(MANY)]


def _one_wins(replies: Sequence[StoreReply], attempt: int) -> None:
    (winner,) = [number for number, reply in enumerate(replies) if isinstance(reply, Claimed)]
    claimed = replies[winner]
    assert isinstance(claimed, Claimed)
    assert claimed.attempt == attempt
    for number, reply in enumerate(replies):
        if number != winner:
            assert isinstance(reply, Existing)
            assert (reply.record.owner, reply.record.attempt) == (f"owner {winner}", attempt)
