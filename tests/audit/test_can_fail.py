"""The audit's own grounds: with any of them taken away, a verdict is wrong, so a test would fail."""

from __future__ import annotations

import pytest

from tests.audit.table import job
from twicesafe.audit.audit import audit
from twicesafe.audit.settings import Controls, Job


def test_a_crash_lets_nothing_run_any_more() -> None:
    found = audit(job("loud_end", schedule="run 1 1; kill 1; run 2"))
    moments = found.findings[0].timeline
    assert [moment.operation.summary for moment in moments if moment.operation and moment.delivery == 1] == ["order"]
    assert [moment.what for moment in moments if moment.delivery == 1] == ["begins", "operation", "dies"]
    assert [moment.operation.summary for moment in moments if moment.operation and moment.delivery == 2] == [
        "order",
        "done",
        "finally",
    ]


@pytest.mark.parametrize(
    ("name", "controls", "right", "wrong"),
    [
        ("put_new_uuid", Controls(chance=False), ["unsafe", "every redelivery"], ["unsafe", "warm"]),
        ("keyed_on_request_id", Controls(renewal=False), ["unsafe", "every redelivery"], ["safe"]),
        ("transact_token", Controls(tokens=False), ["safe"], ["unsafe", "every redelivery"]),
        ("two_receipts", Controls(masking=False), ["safe"], ["unsafe", "crash"]),
    ],
    ids=["chance", "renewal", "tokens", "masking"],
)
def test_without_a_control_the_verdict_is_wrong(
    name: str, controls: Controls, right: list[str], wrong: list[str]
) -> None:
    assert [said(job(name)), said(job(name, controls=controls))] == [right, wrong]


def said(asked: Job) -> list[str]:
    """The verdict, and in which schedules the first finding shows."""
    found = audit(asked)
    return [found.verdict, *(finding.when for finding in found.findings[:1])]
