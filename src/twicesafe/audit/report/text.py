"""An audit for people."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from ..results import span
from .timeline import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..results import Audit, Finding, Moment

WIDEST = 56
"""Characters of what an operation did; its outcome stands behind."""


def headline(audit: Audit) -> str:
    """One line: the verdict, and what it rests on."""
    return f"{audit.verdict:8} {audit.handler}   {counts(audit)}"


def counts(audit: Audit) -> str:
    """What was done, in numbers."""
    seconds = audit.seconds.get("all")
    done = f"{_number(len(audit.operations), 'operation')}, {_number(len(audit.effects), 'effect')}; "
    done += _number(len(audit.schedules), "schedule")
    return done + (f", {seconds:.1f} s" if seconds is not None else "")


def summary(audit: Audit) -> str:
    """One line of several: which audit, and what came out."""
    standings = Counter(finding.standing for finding in audit.findings)
    found = [f"{count} {standing}" for standing, count in sorted(standings.items(), reverse=True)]
    found += [f"{audit.hidden} not asked for"] if audit.hidden else []
    said = f"; findings: {', '.join(found)}" if found else ""
    return f"{audit.verdict:8} {audit.handler} {audit.event}   {counts(audit)}{said}"


def again(audit: Audit, finding: Finding) -> str:
    """The command that shows a finding again."""
    command = shlex.join(["twicesafe", "audit", audit.handler, audit.event, *audit.options])
    return f'{command} --schedule "{finding.schedule}"'


def lines(audit: Audit) -> Iterator[str]:
    """The whole report."""
    yield headline(audit)
    if audit.reason is not None:
        yield f"  because  {because(audit)}"
    for unknown in audit.unknowns:
        yield f"  unknown  {unknown}"
    for finding in audit.findings:
        yield ""
        yield from _finding(audit, finding)
    if audit.hidden:
        yield ""
        yield f"  hidden   {_number(audit.hidden, 'finding')} in ways that --when does not ask for"
    rest = [
        *(f"  warning  {warning}" for warning in audit.warnings),
        *(f"  advice   {advice}" for advice in audit.advice),
        *(f"  assumed  {assumption}" for assumption in audit.assumptions),
    ]
    if rest:
        yield ""
        yield from rest
    if audit.verdict == "safe":
        yield f"  rests on {', '.join(audit.classes)}; for this event"


def because(audit: Audit) -> str:
    """Why it is safe, and until when."""
    if audit.reason != "deduplicated outside":
        return str(audit.reason)
    keys = [f"{key.system} by {key.name}, {_until(key.horizon)}" for key in audit.keys]
    return f"deduplicated outside: {'; '.join(keys)}"


def whens(finding: Finding) -> str:
    """In which ways it shows."""
    return finding.when + (f" · also: {', '.join(finding.also)}" if finding.also else "")


def timeline(moments: tuple[Moment, ...]) -> Iterator[str]:
    """A run, a line each."""
    for row in rows(moments):
        what = row.what if len(row.what) <= WIDEST else f"{row.what[: WIDEST - 1]}…"
        text = f"{row.mark:>2}  delivery {row.delivery}   {what:{WIDEST}}  {row.outcome or row.later}"
        yield text.rstrip()


def _finding(audit: Audit, finding: Finding) -> Iterator[str]:
    names = [name for name in (finding.basis, finding.standing) if name not in ("observed", "new")]
    said = f"   ({', '.join(names)})" if names else ""
    yield f"  {finding.kind:8} {finding.effect}   {finding.line or ''}{said}".rstrip()
    yield f"           {finding.detail}"
    yield f"           when: {whens(finding)}"
    if finding.standing != "new":
        return
    for line in timeline(finding.timeline):
        yield f"           {line}"
    yield f"           fix: {finding.fix}"
    yield f"           see again: {again(audit, finding)}"


def _until(horizon: int | None) -> str:
    return f"which it keeps for {span(horizon)}" if horizon is not None else "for as long as its documents say"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
