"""From runs to findings: what a handler may do, and how it is told from what it may not. Pure.

1. again later: the world after two deliveries is exactly that after the first: f(f(x)) = f(x);
2. crash, overlap, lost answer: the world is that of *some* clean run, up to what is nondeterministic;
3. what left, after the receivers' own deduplication: more is `twice`, fewer is `lost`;
4. in the end some delivery returns, with a reply that says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..answers.http import EXECUTED
from ..answers.http import REPLAYED as OURS
from .compare import (
    Mask,
    data,
    differing,
    exact_records,
    exact_sent,
    fewest,
    leaves,
    masked_records,
    masked_sent,
    sent,
    text,
    values_of,
)
from .fixes import fix_for
from .results import Finding, Key, Operation, Record, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .compare import Difference, Sent, Surplus
    from .results import Basis, Kind, Line, When
    from .schedules import Schedule

SAFE_METHODS = ("GET", "HEAD", "PUT", "DELETE")
"""A repeated request of these may be answered differently, such as 204 and then 404: RFC 9110, 9.2.2."""
REPLAYED = (OURS, EXECUTED, "idempotent-replayed")
"""Headers that tell a caller of a replay: twicesafe's own, and Stripe's."""
EXACT = ("every redelivery", "warm")


class Facts(NamedTuple):
    """What the event says of who sent it."""

    source: str
    is_reply_read: bool
    method: str | None  # HTTP
    expires_after: int  # seconds: how long it can come again
    decorator: str = "@idempotent"  # as it must be written for this event


class Judged(NamedTuple):
    """What one run, or all of them, came to."""

    findings: tuple[Finding, ...] = ()
    advice: tuple[str, ...] = ()
    hidden: int = 0  # findings that were not asked for


class Judge:
    """Compares runs with the clean ones."""

    def __init__(self, cleans: Sequence[Run], facts: Facts, *, masking: bool = True) -> None:
        """Learn from clean runs.

        Args:
            cleans: of the first delivery first, then of others.
        """
        self._cleans = cleans
        self._facts = facts
        self._mask = Mask(cleans, is_on=masking)
        self._has_effects = any(operation.is_effect for operation in cleans[0].operations)
        effects = cleans[0].effects
        self._effect = next((each for each in effects if each.effect == "state"), next(iter(effects), None))

    def judge(self, schedule: Schedule, run: Run) -> Judged:
        """What is wrong with one run."""
        when = schedule.when or "every redelivery"
        findings = [
            *self._state(when, run),
            *self._outgoing(when, run),
            *self._reply(when, run),
        ]
        resent = [operation for operation in run.operations if operation.resends is not None and operation.is_done]
        if when == "lost answer" and resent:
            return self._without_resends(findings, resent)
        return Judged(tuple(findings))

    def _without_resends(self, findings: Sequence[Finding], resent: Sequence[Operation]) -> Judged:
        """What botocore sent again by itself is no fault of the handler, and no decorator can help."""
        is_changed = any(finding.kind == "state" for finding in findings)
        repeated = [each for each in resent if each.effect == "accumulating" or (each.effect == "state" and is_changed)]
        own = [finding for finding in findings if finding.kind not in ("twice", "state") or not repeated]
        return Judged(tuple(own), tuple(map(_advice, repeated)))

    # What is kept

    def _state(self, when: When, run: Run) -> list[Finding]:
        if when in EXACT:
            differences = exact_records(self._cleans[0].records, run.records)
        else:
            differences = fewest(masked_records(clean.records, run.records, self._mask) for clean in self._cleans)
        return [self._of_state(when, run, each) for each in differences]

    def _of_state(self, when: When, run: Run, difference: Difference) -> Finding:
        kind: Kind = "lost" if difference.what == "missing" else "state"
        operation = self._writer(run, difference)
        found = self._finding(kind, when, run, operation, _said(difference), effect=difference.record.place)
        return found._replace(fields=tuple(path for path, _, _ in _changes(difference)))

    def _writer(self, run: Run, difference: Difference) -> Operation | None:
        """The last operation that changed a record; of a missing one, that of the clean run."""
        of = self._cleans[0] if difference.what == "missing" else run
        record = difference.record
        changed = [operation for operation in of.operations if f"{record.place} {record.name}" in operation.records]
        if not changed:
            changed = [each for each in of.operations if each.is_effect and _is_at(each, record)]
        return changed[-1] if changed else None

    # What left

    def _outgoing(self, when: When, run: Run) -> list[Finding]:
        found = sent(run)
        if when in EXACT:
            surplus = exact_sent(sent(self._cleans[0]), found)
        else:
            surplus = fewest(masked_sent(sent(clean), found, self._mask) for clean in self._cleans)
        return [self._of_outgoing(when, run, each, found) for each in surplus]

    def _of_outgoing(self, when: When, run: Run, surplus: Surplus, found: Sequence[Sent]) -> Finding:
        kind: Any = surplus.kind
        operation, outgoing = surplus.each
        if kind == "lost":
            detail = "it is never sent"
        elif outgoing.key is not None:
            others = [
                each.outgoing.key.value for each in found if each.outgoing.key and each.channel == surplus.each.channel
            ]
            detail = f"its {outgoing.key.name} is another each time: {', '.join(dict.fromkeys(others))}"
        elif kind == "changed":
            detail = "what is sent the second time is another"
        else:
            count = sum(each.channel == surplus.each.channel for each in found)
            detail = f"it is sent {count} times" if count > 2 else "it is sent twice"
        return self._finding(kind, when, run, operation, detail)

    # The reply

    def _reply(self, when: When, run: Run) -> list[Finding]:
        last = run.last
        if not last.is_normal:
            if last.ending == "hung":
                return []
            why = text(last.reply) if last.reply is not None else last.ending
            said = f"each later delivery fails, the last with {why}"
            return [self._finding("reply", when, run, None, said, effect="the reply", line=last.line)]
        if not self._has_effects or not self._facts.is_reply_read or self._facts.method in SAFE_METHODS:
            return []
        detail: str | None
        if when in EXACT:
            detail = self._changed_reply(run)
        else:
            replies = [text(self._mask(told(clean.last.reply), "reply")) for clean in self._cleans]
            same = text(self._mask(told(last.reply), "reply")) in replies
            detail = None if same else self._told(told(self._cleans[0].last.reply), told(last.reply))
        return [self._finding("reply", when, run, None, detail, effect="the reply")] if detail else []

    def _changed_reply(self, run: Run) -> str | None:
        first, last = told(run.deliveries[0].reply), told(run.last.reply)
        if text(self._mask(first, "reply")) != text(self._mask(last, "reply")):
            return self._told(first, last)
        there = values_of(run)
        for path, before, after in differing(first, last):
            for (_, one), (_, other) in zip(leaves(before), leaves(after), strict=False):
                if text(one) in there and text(other) not in there and one != other:
                    return f"the second caller is told {path} = {other}, which is nowhere; {one} is"
        return None

    def _told(self, first: Any, last: Any) -> str:
        changes = [
            f"{path or 'the reply'}: {_short(before)} → {_short(after)}"
            for path, before, after in differing(first, last)
            if not self._mask.is_nondeterministic(after, f"reply.{path}")
        ]
        return "the repeated caller is told something else: " + ", ".join(changes[:4])

    def _finding(
        self,
        kind: Kind,
        when: When,
        run: Run,
        operation: Operation | None,
        detail: str,
        *,
        effect: str | None = None,
        line: Line | None = None,
    ) -> Finding:
        basis: Basis = "assumed" if operation is not None and operation.is_assumed else "observed"
        where = line or (operation.line if operation is not None else None)
        title = operation.title if operation is not None else effect or ""
        mended = self._effect if kind == "reply" else operation
        fix = fix_for(kind, when, mended, detail, self._facts.source, self._facts.decorator)
        return Finding(kind, when, title, where, detail, basis, run.schedule, run.moments, fix)


def told(reply: Any) -> Any:
    """A reply as data, without the header that says that it is the first one again."""
    found = data(reply)
    if not isinstance(found, dict):
        return found
    said = dict(found)
    for place in ("headers", "multiValueHeaders"):
        headers = said.pop(place, None) or {}
        if isinstance(headers, dict):
            headers = {name: value for name, value in headers.items() if name.lower() not in REPLAYED}
        if headers:
            said[place] = headers
    return said


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One for each effect and kind: the first that shows it, and in which other ways it shows.

    Effects of one line are one, even where their targets hold new ids; changes of other fields are not.
    """
    found: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        service, name, *_ = *finding.effect.split(), ""
        effect = (service, name) if finding.line is not None else finding.effect
        identity = (finding.kind, effect, finding.line, finding.fields)
        known = found.get(identity)
        if known is None:
            found[identity] = finding
        elif finding.when != known.when and finding.when not in known.also:
            found[identity] = known._replace(also=(*known.also, finding.when))
    return tuple(found.values())


def covers(findings: Sequence[Finding], clean: Run, bookkeeping: Sequence[str]) -> bool:
    """Whether each effect of the clean run has a finding."""
    shown = {finding.line for finding in findings}
    effects = [each for each in clean.operations if each.is_effect and each.place not in bookkeeping]
    return bool(effects) and all(each.line in shown for each in effects)


def keys_in(runs: Sequence[Run]) -> tuple[Key, ...]:
    """The keys by which outside systems did deduplicate: sent by two deliveries of one run."""
    found: dict[tuple[str, str], Key] = {}
    for run in runs:
        senders: dict[tuple[str, str, str], set[int]] = {}
        for operation in run.operations:
            keys = [outgoing.key for outgoing in operation.outgoing] + [operation.token]
            for key in keys:
                if key is not None:
                    known = senders.setdefault((key.system, key.name, key.value), set())
                    known.add(operation.delivery)
                    if len(known) > 1:
                        found.setdefault((key.system, key.name), key)
    return tuple(found.values())


def _is_at(operation: Operation, record: Record) -> bool:
    service, _, place = record.place.partition(" ")
    if operation.service != service:
        return False
    return place in operation.target.split() or operation.target.split("/")[0] == place


def _advice(operation: Operation) -> str:
    where = f" ({operation.line})" if operation.line else ""
    return (
        f"{operation.service} {operation.name}{where}: when its answer is lost, the SDK sends it again by itself, "
        "and nothing outside of it can prevent that; a token or condition of the service's own can."
    )


def _changes(difference: Difference) -> list[tuple[str, Any, Any]]:
    """The fields of a changed record, with what stood there and what stands there now."""
    return differing(data(difference.before), data(difference.record.value)) if difference.what == "changed" else []


def _said(difference: Difference) -> str:
    record = difference.record
    if difference.what == "added":
        return f"{record.place} has one more: {record.name}"
    if difference.what == "missing":
        return f"{record.place} never gets {record.name}"
    listed = ", ".join(f"{path} {_short(before)} → {_short(after)}" for path, before, after in _changes(difference)[:4])
    return f"{record.place} {record.name} is changed by the repeat: {listed}"


def _short(value: Any) -> str:
    shown = value if isinstance(value, str) else text(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
