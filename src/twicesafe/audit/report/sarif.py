"""Audits as SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

A finding is a result in the line of its effect, its schedule a code flow with a thread for each delivery.
What is accepted or known is suppressed. What is not known is a result of the kind "open".
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .text import again, whens
from .timeline import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..results import Audit, Finding, Line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "twicesafe/v1"
RULES = {
    "state": "A repeat changes what is stored",
    "twice": "A repeat sends something again",
    "lost": "A repeat leaves something out",
    "changed": "A repeat sends something else",
    "reply": "A repeat is answered otherwise, or fails each time",
    "unknown": "It is not known whether a repeat is safe",
}
STANDINGS = {"accepted": "accepted with --accept", "known": "known to the baseline"}


def as_sarif(audits: Iterable[Audit], errors: Iterable[tuple[str, str, str]], folder: str) -> dict[str, Any]:
    """All audits as one run.

    Args:
        errors: handler, event and message of those that could not be made.
        folder: that files are named from.
    """
    results: list[dict[str, Any]] = []
    for audit in audits:
        places = _Places(audit, folder)
        results += [_finding(audit, finding, places) for finding in audit.findings]
        results += [_unknown(audit, text, places) for text in audit.unknowns]
    notes = [
        {"level": "error", "message": {"text": f"{handler} {event}: {message}"}} for handler, event, message in errors
    ]
    rules = [{"id": kind, "shortDescription": {"text": text}} for kind, text in RULES.items()]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "twicesafe", "version": version("twicesafe"), "rules": rules}},
                "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
                "results": results,
            }
        ],
    }


class _Places:
    """Lines of an audit's code, as SARIF has them."""

    def __init__(self, audit: Audit, folder: str) -> None:
        self._audit = audit
        self._folder = folder

    def at(self, line: Line | None) -> dict[str, Any]:
        """A line; where none is known, the handler's file."""
        path = self._audit.file
        if line is not None:
            paths = [os.path.join(folder, line.file) for folder in self._audit.folders]
            path = next(filter(os.path.exists, paths), paths[0])
        uri = quote(os.path.relpath(path, self._folder).replace(os.sep, "/"))
        place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
        if line is not None:
            place["region"] = {"startLine": line.number}
        return {"physicalLocation": place}


def _finding(audit: Audit, finding: Finding, places: _Places) -> dict[str, Any]:
    found = _result(audit, finding.kind, f"{finding.effect}: {finding.detail}. Fix: {finding.fix}")
    found["level"] = "error" if finding.basis == "observed" else "warning"
    found["locations"] = [places.at(finding.line)]
    found["partialFingerprints"] = {FINGERPRINT: finding.fingerprint}
    found["codeFlows"] = [_flow(finding, places)] if finding.timeline else []
    found["properties"] |= {"when": whens(finding), "basis": finding.basis, "again": again(audit, finding)}
    if finding.standing in STANDINGS:
        found["suppressions"] = [{"kind": "external", "justification": STANDINGS[finding.standing]}]
    return found


def _unknown(audit: Audit, text: str, places: _Places) -> dict[str, Any]:
    found = _result(audit, "unknown", text)
    return {**found, "kind": "open", "level": "none", "locations": [places.at(None)]}


def _result(audit: Audit, rule: str, text: str) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "ruleIndex": list(RULES).index(rule),
        "message": {"text": text},
        "properties": {"handler": audit.handler, "event": audit.event},
    }


def _flow(finding: Finding, places: _Places) -> dict[str, Any]:
    """The timeline: a thread is a delivery, and what has no line of its own is where its delivery was last."""
    threads: dict[int, list[dict[str, Any]]] = {}
    last: dict[int, Line | None] = {}
    timeline: Sequence[Any] = list(zip(finding.timeline, rows(finding.timeline), strict=True))
    for order, (moment, row) in enumerate(timeline, 1):
        line = moment.operation.line if moment.operation is not None else last.get(moment.delivery)
        last[moment.delivery] = line
        said = " ".join(text for text in (row.what, row.outcome or row.later) if text)
        location = {**places.at(line), "message": {"text": said}}
        threads.setdefault(moment.delivery, []).append({"executionOrder": order, "location": location})
    return {
        "threadFlows": [
            {"id": f"delivery {number}", "locations": locations} for number, locations in sorted(threads.items())
        ]
    }
