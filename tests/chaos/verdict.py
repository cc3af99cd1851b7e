"""Judges a run: each effect once, unless a process was killed or frozen before it could be recorded."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.chaos.history import ANSWERED, EFFECTS
from twicesafe.protocol.policy import ALLOWANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.history import Effect, History

EXPECTED = {
    *ANSWERED,
    "declined",
    "conflict",
    "lease lost",
    "not enough time",
    "store unavailable",  # a server on a busy machine does fail
    "not recorded",
}


class Verdict(NamedTuple):
    """What is wrong, and what was counted."""

    violations: list[str]
    counts: Counter[str]


def judge(history: History) -> Verdict:
    """Find every effect that was had too often, and every caller that was told another story."""
    counts = Counter(
        {
            "calls": len(history.calls),
            "orders": len(set(history.calls.values())),
            "effects": len(history.effects),
            "take-overs": len({(e.order, e.attempt) for e in history.effects if e.attempt > 1}),
            "kills": sum(blow.kind == "killed" for blow in history.blows),
            "freezes": sum(blow.kind == "frozen" for blow in history.blows),
        }
    )
    counts.update(heard.what for heard in history.heard)
    violations = [*_unexpected(history), *_replies(history)]
    recorded_at = history.recorded_at()
    for which, effects in history.by_order().items():
        if not effects and which in recorded_at:
            violations.append(f"{_said(which)}: never had, though it was answered")
        violations += [
            f"{_said(which)}: recorded, and yet had again by attempt {effect.attempt}"
            for effect in effects
            if effect.begun > recorded_at.get(which, effect.begun) and not _was_frozen(effect, history)
        ]
        for earlier, later in pairwise(sorted(effects, key=lambda effect: effect.fence)):
            if earlier.fence == later.fence:
                violations.append(f"{_said(which)}: twice under one claim, attempt {earlier.attempt}")
            elif later.begun < earlier.lease_until:
                early = earlier.lease_until - later.begun
                violations.append(f"{_said(which)}: attempt {later.attempt} began {early} ms before the lease was over")
            else:
                counts[f"repeated: {_reason(earlier, later, history)}"] += 1
    return Verdict(violations, counts)


def _unexpected(history: History) -> Iterator[str]:
    for heard in history.heard:
        if heard.what not in EXPECTED:
            yield f"order {heard.order}: a caller heard {heard.what}"


def _replies(history: History) -> Iterator[str]:
    """All callers of an order have one reply, and it tells of effects that were had."""
    receipts = {(effect.order, effect.name, effect.receipt) for effect in history.effects}
    first: dict[int, dict[str, int] | None] = {}
    for heard in history.heard:
        if heard.what not in ANSWERED:
            continue
        reply = first.setdefault(heard.order, heard.reply)
        if heard.reply != reply:
            yield f"order {heard.order}: one caller was told {reply}, another {heard.reply}"
        if reply is None or not {(heard.order, name, reply.get(name)) for name in EFFECTS} <= receipts:
            yield f"order {heard.order}: a caller was told {reply}, which the ledger does not know"


def _was_frozen(effect: Effect, history: History) -> bool:
    """Whether a pause between the check of the lease and the effect let it land late: no store prevents that."""
    return effect.at > effect.lease_until - ALLOWANCE and any(
        blow.process == effect.process
        and blow.kind == "frozen"
        and effect.called <= blow.until
        and blow.since <= effect.at
        for blow in history.blows
    )


def _reason(earlier: Effect, later: Effect, history: History) -> str:
    """Why the earlier one did not get so far as to record its effect."""
    blows = [blow for blow in history.blows if blow.process == earlier.process]
    met = {blow.kind for blow in blows if earlier.called <= blow.until and blow.since <= later.begun}
    for kind in ("killed", "frozen"):
        if kind in met:
            return f"{kind} before it was recorded"
    return "slower than its lease"


def _said(which: tuple[int, str]) -> str:
    return f"order {which[0]}, its {which[1]}"
