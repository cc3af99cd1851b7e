"""Rule 3: what the caller of an owner hears whose completion comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twicesafe.errors import LeaseLost
from twicesafe.protocol import by_hand
from twicesafe.protocol.commands import Now, Returned, Run
from twicesafe.protocol.drivers import drive
from twicesafe.protocol.flows import Delivery, Replayed, execute
from twicesafe.protocol.policy import Policy
from twicesafe.protocol.records import Millis, Seconds
from twicesafe.protocol.tenure import Instant
from twicesafe.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from twicesafe.protocol.commands import Command
    from twicesafe.protocol.flows import Answer

POLICY = Policy(Seconds(60))
A_MINUTE, AN_HOUR = Millis(60_000), Millis(3_600_000)


def at(time: Millis, store: MemoryStore, run: Callable[[], None] = lambda: None) -> Callable[[Command], object]:
    """What answers commands at that time; a function that is run, runs this."""

    def answer(command: Command) -> object:
        if isinstance(command, Now):
            return Instant(time, time)
        if isinstance(command, Run):
            run()
            return Returned(f"{command.tenure.owner}'s", None)
        return store.apply(command)  # type: ignore[arg-type]  # nothing here sleeps

    return answer


def outlived(meanwhile: Callable[[MemoryStore], object]) -> Answer:
    """What ann's caller hears when something happens to the record while she runs."""
    store = MemoryStore()
    return drive(execute(Delivery("order", "ann", "1:abc"), POLICY), at(A_MINUTE, store, lambda: meanwhile(store)))


def bobs(fingerprint: str) -> Callable[[MemoryStore], object]:
    delivery = Delivery("order", "bob", fingerprint)
    return lambda store: drive(execute(delivery, POLICY), at(AN_HOUR, store))


def test_a_zombie_hears_the_answer_that_another_gave() -> None:
    answer = outlived(bobs("1:abc"))
    assert isinstance(answer, Replayed)
    assert answer.record.reply == "bob's"


def test_a_zombie_does_not_hear_the_answer_to_another_payload() -> None:
    with pytest.raises(LeaseLost):
        outlived(bobs("1:xyz"))


def test_a_zombie_hears_what_a_person_said_in_its_name() -> None:
    said = by_hand.settle("order", Seconds(60), is_done=True, reply="a person's")
    answer = outlived(lambda store: drive(said, at(AN_HOUR, store)))
    assert isinstance(answer, Replayed)
    assert answer.record.reply == "a person's"
