"""The demo's checkout, audited: without its decorator, and as it is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from ..audit.audit import audit
from ..audit.settings import Job
from ..lab import demo
from ..lab.loading import Target
from .jobs import declared_beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..audit.results import Audit


class Audits(NamedTuple):
    """What is said of both."""

    unprotected: Audit
    protected: Audit

    @property
    def are_right(self) -> bool:
        """Whether the one needs protection, and the other has it."""
        return (self.unprotected.verdict, self.protected.verdict) == ("unsafe", "safe")


def audited(say: Callable[[str], object]) -> Audits:
    """Audit both.

    Args:
        say: told what goes on.

    Raises:
        ConfigurationError: what it needs is not installed, or this platform has no fork.
        AuditFailed: a fault of the audit itself.
    """
    return Audits(*(_audited(handler, say) for handler in ("handler.__wrapped__", "handler")))


def _audited(handler: str, say: Callable[[str], object]) -> Audit:
    say(f"Audit of app:{handler}")
    folder = os.path.realpath(demo.checkout())
    path = os.path.join(folder, "event.json")
    with open(path, encoding="utf-8") as file:
        event = json.load(file)
    declared = declared_beside(path, "app")
    return audit(Job(Target("app", handler, (folder,)), event, os.path.relpath(path), declared))
