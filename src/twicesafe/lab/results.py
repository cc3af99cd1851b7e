"""What a delivery came to, in a word; pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .sandbox import Delivered

ERRORS = ("failed", "released", "mismatch", "unknown", "lost", "error")
"""Verdicts that are an error to who made the delivery."""
INNER_SOURCE = "function"
"""The source of a plain protected function, which a handler may call."""


def decisions_of(delivered: Delivered) -> Sequence[Mapping[str, Any]]:
    """What was decided about the event itself, one for each record, and not about what its handler called."""
    own = [decision for decision in delivered.decisions if decision["source"] != INNER_SOURCE]
    return own or delivered.decisions


def result_of(delivered: Delivered) -> str:
    """`ran`, `replayed`, `conflict`, `error`, `unprotected`, `killed`, `timed out` or `exited`.

    Several records of one event may differ: "2 ran, 1 conflict".
    """
    if delivered.ending not in ("returned", "raised"):
        return delivered.ending
    verdicts = [decision["verdict"] for decision in decisions_of(delivered)]
    if delivered.ending == "raised" and not _explain(verdicts):
        return "error"
    words = Counter(map(_word, verdicts or ["unprotected"]))
    if len(words) == 1:
        return next(iter(words))
    return ", ".join(f"{count} {word}" for word, count in words.items())


def attempt_of(delivered: Delivered) -> int | None:
    """The attempt that this delivery was; None where it was none, or its records differ."""
    attempts = {decision["attempt"] for decision in decisions_of(delivered)}
    return attempts.pop() if len(attempts) == 1 else None


def went_wrong(delivered: Delivered) -> bool:
    """Whether the handler failed: not that it was killed on request, nor that another was running.

    A failure that it put into its reply, such as HTTP 500, is one too, where a decision was made of it.
    """
    verdicts = {decision["verdict"] for decision in decisions_of(delivered)}
    unexplained = delivered.ending == "raised" and not _explain(verdicts)
    return unexplained or delivered.ending in ("timed out", "exited") or not verdicts.isdisjoint(ERRORS)


def _explain(verdicts: Collection[str]) -> bool:
    """Whether a delivery that raised did so for a reason that its decisions name: a conflict, an old error, a new."""
    return any(verdict in ("conflict", "replayed", *ERRORS) for verdict in verdicts)


def _word(verdict: str) -> str:
    return "error" if verdict in ERRORS else verdict
