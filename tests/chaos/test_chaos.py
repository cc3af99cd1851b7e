"""Two processes of 32 threads, killed and frozen at random: a ledger outside of them sees each effect once.

This is a short run; `make chaos` is the whole one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.broken import BROKEN
from tests.chaos.plan import Plan
from tests.chaos.run import run, violations_of
from tests.chaos.stores import dynamodb_url, sqlite_url
from tests.chaos.verdict import judge

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(20_000, seconds=4, lease=2, blows=("killed", "frozen", "killed"), pause=(40, 120))


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return dynamodb_url(request.getfixturevalue("dynamodb_endpoint"), f"chaos-{os.urandom(4).hex()}")


@pytest.mark.parametrize("url", list(BROKEN), indirect=True)
def test_each_effect_is_had_once_but_where_a_blow_fell_before_it_was_recorded(url: str) -> None:
    verdict = judge(run(url, PLAN))
    assert not verdict.violations
    assert verdict.counts["kills"] > 0
    assert verdict.counts["freezes"] > 0
    assert verdict.counts["replayed"] > 0
    assert verdict.counts["take-overs"] > 0


@pytest.mark.parametrize(
    ("url", "rule"), [(store, rule) for store, rules in BROKEN.items() for rule in rules], indirect=["url"]
)
def test_a_store_with_one_rule_off_is_noticed(url: str, rule: str) -> None:
    assert violations_of(url, PLAN._replace(blows=("killed",), seconds=60), f"{url.partition(':')[0]}: {rule}")
