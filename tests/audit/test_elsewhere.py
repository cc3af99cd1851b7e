"""DynamoDB Local in the place of the simulator: the same verdicts, and no schedule sees another's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.audit.table import TABLE, Case, faults, job
from tests.faults.faults import is_lost
from tests.faults.proxy import FaultProxy
from tests.servers.dynamodb import dynamodb_local
from twicesafe.audit.audit import audit
from twicesafe.audit.report.text import lines
from twicesafe.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = [case for case in TABLE if case.name in ("put_same_data", "counter_add")]


@pytest.fixture(scope="module")
def unshared() -> Iterator[str]:
    with dynamodb_local(is_shared=False) as endpoint:
        yield endpoint


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_gets_its_verdict(case: Case, unshared: str) -> None:
    found = audit(job(case.name)._replace(endpoint=unshared))
    assert faults(case, found, "\n".join(lines(found))) == []


def test_one_that_shows_all_data_to_all_is_refused(dynamodb_endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="Start it without -sharedDb"):
        audit(job("counter_add")._replace(endpoint=dynamodb_endpoint))


def test_one_that_stops_in_the_middle_is_said(unshared: str) -> None:
    with FaultProxy(unshared).listening() as proxy:
        proxy.befall("replace", is_lost)
        with pytest.raises(ConfigurationError, match=r"at http://127\.0\.0\.1:\d+ does not answer"):
            audit(job("put_same_data")._replace(endpoint=proxy.endpoint))


def test_one_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"at http://127\.0\.0\.1:1 does not answer"):
        audit(job("counter_add")._replace(endpoint="http://127.0.0.1:1"))
