"""An audit that is written down, for tests of what is done with one: no process is needed."""

from __future__ import annotations

from typing import Any

from twicesafe.audit.results import Audit, Finding, Line, Moment, Operation, Outgoing

LINE = Line("shop/orders.py", 13, "handler")


def operation(delivery: int = 1, number: int = 1, **fields: Any) -> Operation:
    base: dict[str, Any] = {
        "delivery": delivery,
        "number": number,
        "service": "sns",
        "name": "Publish",
        "target": "orders",
        "effect": "accumulating",
        "outgoing": (Outgoing({"order": 1}),),
        "token": None,
        "summary": '{"order": 1}',
        "outcome": "sent",
        "is_done": True,
        "is_assumed": False,
        "resends": None,
        "line": LINE,
    }
    return Operation(**{**base, **fields})


CRASH = (
    Moment("begins", 1, 0.0),
    Moment("operation", 1, 0.0, operation(1, 1, name="Lookup", effect="read", outcome="nothing there")),
    Moment("operation", 1, 0.0, operation(1, 2)),
    Moment("dies", 1, 0.0),
    Moment("begins", 2, 120.0),
    Moment("operation", 2, 120.0, operation(2, 1)),
    Moment("ends", 2, 120.0, text="returned null"),
)


def finding(**fields: Any) -> Finding:
    base: dict[str, Any] = {
        "kind": "twice",
        "when": "crash",
        "effect": "sns Publish orders",
        "line": LINE,
        "detail": "it is sent twice",
        "basis": "observed",
        "schedule": "run 1 2; kill 1; run 2",
        "timeline": CRASH,
        "fix": 'step("publish", sns.publish, …) under @idempotent',
        "also": ("overlap",),
    }
    return Finding(**{**base, **fields})


def audit(*findings: Finding, **fields: Any) -> Audit:
    base: dict[str, Any] = {
        "handler": "shop.orders:handler",
        "event": "order.json",
        "verdict": "unsafe" if findings else "safe",
        "reason": None if findings else "same data",
        "unknowns": (),
        "findings": findings,
        "operations": (operation(),),
        "keys": (),
        "assumptions": ("the table 'done' (key id) was supplied",),
        "advice": (),
        "warnings": (),
        "schedules": ("run 1", "run 1; run 2"),
        "classes": ("clean", "again"),
        "versions": {"twicesafe": "1"},
        "seconds": {"all": 1.25},
        "folders": ("/home/ann/project/src",),
        "file": "/home/ann/project/src/shop/orders.py",
    }
    return Audit(**{**base, **fields})
