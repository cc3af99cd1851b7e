"""What of an audit fails: not what was accepted, is in the baseline, or was not asked for. Pure."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from .results import Audit, Finding, Kind, When
    from .settings import Rules

    FailOn: TypeAlias = Literal["unknown", "unsafe", "never"]

KINDS: tuple[Kind, ...] = ("state", "twice", "lost", "changed", "reply")
WHENS: Mapping[str, When] = {
    "every": "every redelivery",
    "warm": "warm",
    "crash": "crash",
    "overlap": "overlap",
    "lost-answer": "lost answer",
    "two-crashes": "two crashes",
}
"""What people write for the ways in which a finding shows."""
PASSED, UNSAFE, UNKNOWN, WRONG = 0, 1, 2, 3
"""Exit statuses; wrong is the input, or the audit could not be made."""
WORST = (PASSED, UNKNOWN, UNSAFE, WRONG)


def check_acceptance(text: str) -> str:
    """KIND:EFFECT, if it is that.

    Raises:
        ConfigurationError: it is not.
    """
    kind, _, effect = text.partition(":")
    if kind not in KINDS or not effect.strip():
        raise ConfigurationError(
            f"{text!r} is not KIND:EFFECT, such as 'twice:sqs SendMessage mails'. Kinds: {', '.join(KINDS)}."
        )
    return text


def asked(findings: Iterable[Finding], rules: Rules) -> list[Finding]:
    """Those that show in a way that is asked for."""
    return [finding for finding in findings if not rules.when or finding.when in rules.when]


def placed(findings: Iterable[Finding], rules: Rules) -> tuple[Finding, ...]:
    """The findings, each with its standing; the baseline knows each as often as it lists it."""
    known = Counter(rules.known)
    found = []
    for finding in findings:
        standing = finding.standing
        if standing == "new" and _is_accepted(finding, rules.accepted):
            standing = "accepted"
        elif standing == "new" and known[finding.fingerprint]:
            known[finding.fingerprint] -= 1
            standing = "known"
        found.append(finding._replace(standing=standing))
    return tuple(found)


def new(findings: Iterable[Finding]) -> list[Finding]:
    """Those that nobody lives with."""
    return [finding for finding in findings if finding.standing == "new"]


def status(audit: Audit, fail_on: FailOn) -> int:
    """The exit status; a finding is worse than what is not known."""
    if new(audit.findings) and fail_on != "never":
        return UNSAFE
    return UNKNOWN if audit.unknowns and fail_on == "unknown" else PASSED


def worst(statuses: Sequence[int]) -> int:
    """The exit status of several."""
    return max(statuses, key=WORST.index, default=PASSED)


def _is_accepted(finding: Finding, accepted: Iterable[str]) -> bool:
    """Whether its effect is accepted, or each field that it changes."""
    patterns = [pattern for kind, _, pattern in (text.partition(":") for text in accepted) if kind == finding.kind]
    names = (finding.effect, finding.effect.split(" ", 2)[-1])  # "dynamodb PutItem orders", or its target alone
    changed = [[f"{name}.{field}" for name in names] for field in finding.fields]
    return _is_named(names, patterns) or (bool(changed) and all(_is_named(each, patterns) for each in changed))


def _is_named(names: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for name in names for pattern in patterns)
