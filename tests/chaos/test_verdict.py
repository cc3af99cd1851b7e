from __future__ import annotations

import pytest

from tests.chaos.history import Blow, Effect, Heard, History, Recorded
from tests.chaos.verdict import judge

REPLY = {"charge": 1, "mail": 2}
FIRST = {"process": 1, "key": "k", "attempt": 1, "fence": 1001, "called": 90, "begun": 100, "lease_until": 5_100}
SECOND = {"process": 2, "key": "k", "attempt": 2, "fence": 1002, "called": 5_190, "begun": 5_200, "lease_until": 10_200}
CHARGE, MAIL = Effect(0, "charge", at=110, receipt=1, **FIRST), Effect(0, "mail", at=120, receipt=2, **FIRST)
CHARGE_AGAIN = Effect(0, "charge", at=5_210, receipt=3, **SECOND)
MAIL_AGAIN = Effect(0, "mail", at=5_220, receipt=4, **SECOND)
RAN = Heard(0, 1, "ran", REPLY, 130)
RAN_AGAIN = Heard(0, 2, "ran", {"charge": 1, "mail": 4}, 5_230)


def history(*seen: Effect | Heard | Blow | Recorded) -> History:
    """One order, two calls of it, and what was seen of them."""
    made = History()
    made.calls = {0: 0, 1: 0}
    lists = {Effect: made.effects, Heard: made.heard, Blow: made.blows, Recorded: made.recorded}
    for one in seen:
        lists[type(one)].append(one)  # type: ignore[attr-defined] # each in its own
    return made


def killed(at: int) -> Blow:
    return Blow(1, "killed", at, at)


def test_each_effect_once_is_right() -> None:
    verdict = judge(history(CHARGE, MAIL, RAN, RAN._replace(process=2, what="replayed", at=9_000)))
    assert not verdict.violations
    assert (verdict.counts["ran"], verdict.counts["replayed"], verdict.counts["effects"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("blow", "reason"),
    [
        (killed(125), "killed before it was recorded"),
        (Blow(1, "frozen", 125, 6_000), "frozen before it was recorded"),
        (Blow(2, "killed", 125, 125), "slower than its lease"),
        (killed(5_205), "slower than its lease"),
    ],
)
def test_an_effect_had_again_once_the_lease_was_over_is_right_and_counted(blow: Blow, reason: str) -> None:
    verdict = judge(history(CHARGE, MAIL, blow, MAIL_AGAIN, RAN_AGAIN))
    assert not verdict.violations
    assert verdict.counts[f"repeated: {reason}"] == 1


def early(effect: Effect) -> Effect:
    return effect._replace(begun=5_099)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([CHARGE, MAIL, killed(125), early(MAIL_AGAIN), RAN_AGAIN], "its mail: attempt 2 began 1 ms before the lease"),
        ([CHARGE, MAIL, MAIL._replace(receipt=3), RAN], "its mail: twice under one claim"),
        ([CHARGE, MAIL, RAN, MAIL_AGAIN], "its mail: recorded, and yet had again by attempt 2"),
        ([CHARGE, MAIL, killed(125), CHARGE_AGAIN, MAIL_AGAIN], "its charge: recorded, and yet had again"),
        ([CHARGE, Recorded(0, "charge", 125), killed(125), CHARGE_AGAIN], "its charge: recorded, and yet had again"),
        ([CHARGE, RAN._replace(what="declined"), CHARGE_AGAIN], "its charge: recorded, and yet had again"),
        ([CHARGE, MAIL, killed(125), MAIL_AGAIN, RAN_AGAIN, RAN], "one caller was told .* another"),
        ([CHARGE, MAIL, RAN._replace(reply={"charge": 1, "mail": 9})], "which the ledger does not know"),
        ([CHARGE, MAIL, RAN._replace(reply=None)], "which the ledger does not know"),
        ([CHARGE, RAN], "its mail: never had"),
        ([CHARGE, MAIL, RAN, RAN._replace(what="KeyError: 1")], "heard KeyError: 1"),
    ],
)
def test_what_must_not_be_is_said(seen: list[Effect | Heard | Blow | Recorded], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check(judge(history(*seen)).violations)


def check(violations: list[str]) -> None:
    assert not violations, "; ".join(violations)


@pytest.mark.parametrize("thawed", [True, False])
def test_an_effect_that_lands_after_a_freeze_is_no_stores_fault(thawed: bool) -> None:
    zombie = MAIL._replace(begun=6_000, at=6_000)
    by_another = [CHARGE_AGAIN, MAIL_AGAIN, RAN_AGAIN._replace(reply={"charge": 3, "mail": 4})]
    blow = Blow(1, "frozen", 95, 5_999) if thawed else Blow(2, "frozen", 95, 5_999)
    assert bool(judge(history(*by_another, blow, zombie)).violations) is not thawed
