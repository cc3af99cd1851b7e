"""The findings of an earlier audit, in a file: only what is new fails.

{"schema": 1, "handlers": {"shop.orders:handler": ["twice:sns Publish orders:shop/orders.py"]}}
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from .results import Audit

    Baseline: TypeAlias = Mapping[str, tuple[str, ...]]

SCHEMA = 1


def parse(text: str, name: str) -> Baseline:
    """The fingerprints of each handler.

    Args:
        name: what messages call it.

    Raises:
        ConfigurationError: it is no baseline.
    """
    try:
        found: Any = json.loads(text)
        is_known = found["schema"] == SCHEMA
        handlers = {str(handler): tuple(map(str, prints)) for handler, prints in found["handlers"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        is_known, handlers = False, {}
    if not is_known:
        raise ConfigurationError(f"{name} is no baseline of this version. Write a new one with --write-baseline.")
    return handlers


def merged(old: Baseline, audits: Iterable[Audit]) -> Baseline:
    """A baseline in which what was audited now takes the place of what was known of it."""
    found: dict[str, Counter[str]] = {}
    for audit in audits:
        prints = Counter(finding.fingerprint for finding in audit.findings if finding.standing != "accepted")
        found[audit.handler] = found.get(audit.handler, Counter()) | prints  # of each event, the most
    return {**old, **{handler: tuple(sorted(prints.elements())) for handler, prints in found.items()}}


def as_text(baseline: Baseline) -> str:
    """As the file has it: in an order that makes small differences."""
    handlers = {handler: list(prints) for handler, prints in sorted(baseline.items()) if prints}
    return json.dumps({"schema": SCHEMA, "handlers": handlers}, indent=2, ensure_ascii=False) + "\n"
