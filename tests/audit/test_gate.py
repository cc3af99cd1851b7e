"""What fails, and what the user lives with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.audit.samples import audit, finding
from tests.audit.table import job
from twicesafe.audit import baseline, gate
from twicesafe.audit.audit import audit as run
from twicesafe.audit.settings import Rules
from twicesafe.errors import ConfigurationError

CHANGED: dict[str, Any] = {"kind": "state", "effect": "dynamodb PutItem orders"}


@pytest.mark.parametrize(
    ("accepted", "found", "is_accepted"),
    [
        ("twice:sns Publish orders", finding(), True),
        ("twice:orders", finding(), True),
        ("twice:sns Publish *", finding(), True),
        ("twice:*", finding(), True),
        ("twice:sns Publish order", finding(), False),
        ("twice:sns publish orders", finding(), False),
        ("lost:sns Publish orders", finding(), False),
        ("twice:https://a/[id]?b", finding(effect="http POST https://a/[id]?b"), True),
        ("reply:the reply", finding(kind="reply", effect="the reply", line=None), True),
        ("state:orders.updated_at", finding(**CHANGED, fields=("updated_at",)), True),
        ("state:dynamodb PutItem orders.updated_at", finding(**CHANGED, fields=("updated_at",)), True),
        ("state:*.updated_at", finding(**CHANGED, fields=("updated_at",)), True),
        ("state:orders.updated_at", finding(**CHANGED, fields=("updated_at", "version")), False),
        ("state:orders.updated_at", finding(**CHANGED), False),  # it is a record more
    ],
)
def test_an_acceptance_names_an_effect_or_each_field_that_changes(accepted: str, found: Any, is_accepted: bool) -> None:
    (placed,) = gate.placed([found], Rules(accepted=(accepted,)))
    assert placed.standing == ("accepted" if is_accepted else "new")


def test_each_of_several_fields_may_be_accepted_by_itself() -> None:
    rules = Rules(accepted=("state:orders.updated_at", "state:orders.version"))
    (placed,) = gate.placed([finding(**CHANGED, fields=("updated_at", "version"))], rules)
    assert placed.standing == "accepted"


@pytest.mark.parametrize("text", ["", "twice", "twice:", "twice: ", "double:sns Publish orders", "sns Publish orders"])
def test_what_is_no_acceptance_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not KIND:EFFECT"):
        gate.check_acceptance(text)


def test_a_baseline_knows_a_finding_as_often_as_it_lists_it() -> None:
    one = finding()
    placed = gate.placed([one, one, finding(kind="lost")], Rules(known=(one.fingerprint,)))
    assert [each.standing for each in placed] == ["known", "new", "new"]


def test_a_line_that_moves_is_still_known_and_one_of_another_file_is_not() -> None:
    one = finding()
    assert one.line is not None
    moved = one._replace(line=one.line._replace(number=99))
    elsewhere = one._replace(line=one.line._replace(file="shop/returns.py"))
    placed = gate.placed([moved, elsewhere], Rules(known=(one.fingerprint,) * 2))
    assert [each.standing for each in placed] == ["known", "new"]


@pytest.mark.parametrize(
    ("found", "fail_on", "status"),
    [
        (audit(), "unknown", 0),
        (audit(finding()), "unknown", 1),
        (audit(finding()), "unsafe", 1),
        (audit(finding()), "never", 0),
        (audit(finding(standing="accepted")), "unknown", 0),
        (audit(finding(standing="known")), "unknown", 0),
        (audit(finding(standing="known"), finding(kind="lost")), "unknown", 1),
        (audit(finding(), unknowns=("not observed: x",)), "unknown", 1),
        (audit(finding(standing="known"), unknowns=("not observed: x",)), "unknown", 2),
        (audit(unknowns=("not observed: x",), verdict="unknown"), "unknown", 2),
        (audit(unknowns=("not observed: x",), verdict="unknown"), "unsafe", 0),
        (audit(verdict="unsafe", hidden=1), "unknown", 0),
    ],
)
def test_the_exit_status_is_of_what_fails(found: Any, fail_on: Any, status: int) -> None:
    assert gate.status(found, fail_on) == status


@pytest.mark.parametrize(("statuses", "expected"), [([], 0), ([0, 2], 2), ([2, 1, 0], 1), ([1, 3, 2], 3)])
def test_of_several_the_worst_decides_and_a_finding_is_worse_than_what_is_not_known(
    statuses: list[int], expected: int
) -> None:
    assert gate.worst(statuses) == expected


def test_a_baseline_is_the_same_after_it_was_written() -> None:
    one = baseline.merged({"other:handler": ("x",)}, [audit(finding(), finding(kind="lost", standing="accepted"))])
    assert one == {"other:handler": ("x",), "shop.orders:handler": (finding().fingerprint,)}
    assert baseline.parse(baseline.as_text(one), "baseline.json") == one


def test_of_two_events_of_one_handler_a_baseline_takes_what_each_shows() -> None:
    one, other = finding(), finding(kind="lost")
    found = baseline.merged({}, [audit(one, one), audit(one, other), audit()])
    assert found["shop.orders:handler"] == tuple(sorted((one.fingerprint, one.fingerprint, other.fingerprint)))


def test_what_is_found_no_more_leaves_the_baseline() -> None:
    assert baseline.as_text(baseline.merged({"shop.orders:handler": ("x",)}, [audit()])) == baseline.as_text({})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 2, "handlers": {}}', '{"schema": 1, "handlers": []}', '{"schema": 1}']
)
def test_what_is_no_baseline_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"base\.json is no baseline"):
        baseline.parse(text, "base.json")


def test_what_is_accepted_does_not_end_the_audit_before_the_rest_is_found() -> None:
    plain = run(job("send_queue"))
    found = run(job("send_queue", rules=Rules(accepted=("twice:*fulfilment",))))
    assert [each.standing for each in found.findings] == ["accepted"]
    assert "crash, overlap, lost answer" in set(found.classes) - set(plain.classes)


def test_what_was_not_asked_for_is_counted_and_still_makes_it_unsafe() -> None:
    found = run(job("powertools_publish", rules=Rules(when=("warm", "overlap"))))
    assert (found.verdict, found.findings, found.hidden) == ("unsafe", (), 1)
    assert gate.status(found, "unknown") == 0
