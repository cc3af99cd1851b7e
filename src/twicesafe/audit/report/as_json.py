"""An audit for programs: plain JSON, the same twice but for `seconds`.

schema        1; another number where a field changes its meaning or goes
verdict       safe, unsafe, unknown
reason        of safe: reads only, same data, deduplicated outside, protected; else null
unknowns      why it is not known, in words
findings      kind (state, twice, lost, changed, reply), when, also, effect, line, detail, basis, fix,
              schedule (for --schedule), timeline, fingerprint (the same in another version of the code)
operations    of one clean delivery: service, name, target, effect, line, outcome
keys          that outside systems deduplicate by: system, name, horizon in seconds or null
horizon       the shortest of them, in seconds; null: none, or not known
schedules     all that were played; classes: the kinds of them
assumptions, warnings, advice   in words
versions      of what judged
seconds       where the time went
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..results import Audit, Finding, Line, Moment, Operation

SCHEMA = 1


def as_json(audit: Audit) -> dict[str, Any]:
    """The audit as JSON has it."""
    return {
        "schema": SCHEMA,
        "handler": audit.handler,
        "event": audit.event,
        "verdict": audit.verdict,
        "reason": audit.reason,
        "unknowns": list(audit.unknowns),
        "findings": [_finding(finding) for finding in audit.findings],
        "operations": [_operation(operation) for operation in audit.operations],
        "keys": [{"system": key.system, "name": key.name, "horizon": key.horizon} for key in audit.keys],
        "horizon": audit.horizon,
        "assumptions": list(audit.assumptions),
        "warnings": list(audit.warnings),
        "advice": list(audit.advice),
        "schedules": list(audit.schedules),
        "classes": list(audit.classes),
        "versions": dict(audit.versions),
        "seconds": dict(audit.seconds),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "when": finding.when,
        "also": list(finding.also),
        "effect": finding.effect,
        "line": _line(finding.line),
        "detail": finding.detail,
        "basis": finding.basis,
        "fix": finding.fix,
        "schedule": finding.schedule,
        "timeline": [_moment(moment) for moment in finding.timeline],
        "fingerprint": finding.fingerprint,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "what": moment.what,
        "delivery": moment.delivery,
        "later": moment.later,
        "operation": _operation(moment.operation) if moment.operation is not None else None,
        "text": moment.text,
    }


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "number": operation.number,
        "service": operation.service,
        "name": operation.name,
        "target": operation.target,
        "effect": operation.effect,
        "line": _line(operation.line),
        "summary": operation.summary,
        "outcome": operation.outcome,
    }


def _line(line: Line | None) -> dict[str, Any] | None:
    return {"file": line.file, "line": line.number, "function": line.function} if line is not None else None
