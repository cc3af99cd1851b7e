"""An audit for programs: plain JSON, the same twice but for `seconds`. Its fields are described in schema.json."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..results import Audit, Finding, Line, Moment, Operation

SCHEMA = 1
"""Another number where a field changes its meaning, or goes."""


def schema() -> Any:
    """The JSON schema of what is given here."""
    return json.loads((files(__package__) / "schema.json").read_text("utf-8"))


def of_all(audits: Iterable[Audit], errors: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Several audits as JSON has them.

    Args:
        errors: handler, event and message of those that could not be made.
    """
    return {
        "schema": SCHEMA,
        "audits": [as_json(audit) for audit in audits],
        "errors": [dict(zip(("handler", "event", "message"), error, strict=True)) for error in errors],
    }


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
        "hidden": audit.hidden,
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
        "standing": finding.standing,
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
