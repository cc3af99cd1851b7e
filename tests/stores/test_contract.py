from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.mutants import MUTANTS, Mutant
from twicesafe.stores.memory import MemoryStore
from twicesafe.testing.contract import StoreContract
from twicesafe.testing.rules.at_once import in_threads
from twicesafe.testing.trial import Trial

if TYPE_CHECKING:
    from twicesafe.stores.base import Store


def check(store: Store, mutant: Mutant) -> None:
    """Run the rule that must notice the mutant, by hand."""
    trial = Trial(store.apply)
    fixtures: dict[str, Any] = {
        "store": store,
        "apply": store.apply,
        "trial": trial,
        "lone": trial,
        "at_once": partial(in_threads, store),
        **mutant.case,
    }
    wanted = list(inspect.signature(mutant.noticed_by).parameters)[1:]
    mutant.noticed_by(StoreContract(), **{name: fixtures[name] for name in wanted})


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_a_store_with_one_rule_off_fails_the_contract(mutant: Mutant) -> None:
    check(MemoryStore(), mutant)
    changed = mutant.open()
    with pytest.raises((AssertionError, ValueError)):  # ValueError: not one of many won
        check(changed, mutant)


def test_a_store_must_be_given() -> None:
    with pytest.raises(NotImplementedError, match="Override the fixture"):
        inspect.unwrap(StoreContract.store)(StoreContract())
