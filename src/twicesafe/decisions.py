"""What was decided about each delivery: one log line, and the hooks that others put on it."""

from __future__ import annotations

import logging
import os

from .errors import TwicesafeError
from .tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias, TypeVar

    Verdict: TypeAlias = Literal[
        "ran", "failed", "released", "replayed", "conflict", "mismatch", "unknown", "lost", "unprotected", "error"
    ]

    Hook = TypeVar("Hook", bound=Callable[["Decision"], object])

logger = logging.getLogger("twicesafe")
_hooks: list[Callable[[Decision], object]] = []
SHOWN = 80
"""How many characters of a key are logged: its readable head, and some of its hash."""


class Decision(NamedTuple):
    """What was decided about one delivery.

    `ran`: it ran, and its reply is recorded. `failed`: it raised an error named as final, which is
    recorded. `released`: it raised, or said that it failed; the next delivery runs. `replayed`: it
    was answered as before. `conflict`: another is running. `mismatch`: the key had another payload, or
    other credentials. `unknown`: an earlier delivery fell silent. `lost`: its lease was over, or what it did may not be
    recorded. `unprotected`: it ran with no key. `error`: nothing was run, for another reason.
    """

    verdict: Verdict
    key: str | None
    source: str
    attempt: int | None
    duration: float
    """Milliseconds."""
    error: BaseException | None = None


def on_decision(hook: Hook) -> Hook:
    """Call the hook with each Decision of this process, after it was made; usable as a decorator.

    What a hook raises is logged, and changes nothing.
    """
    _hooks.append(hook)
    return hook


def is_heard() -> bool:
    """Whether anybody would hear of a decision; most functions log warnings only."""
    return bool(_hooks) or logger.isEnabledFor(logging.INFO)


def announce(decision: Decision) -> None:
    """Log a decision, and hand it to the hooks. Payloads, replies and messages of errors are never logged."""
    if logger.isEnabledFor(logging.INFO):
        logger.log(
            logging.DEBUG if decision.verdict == "unprotected" else logging.INFO,
            "%s %s, attempt %s, %.1f ms%s",
            decision.verdict,
            (decision.key or decision.source)[:SHOWN],
            decision.attempt or "-",
            decision.duration,
            class_and_place(decision.error),
        )
    for hook in _hooks:
        try:
            hook(decision)
        except Exception:
            logger.exception("A hook of twicesafe.on_decision raised; the delivery goes on.")


def class_and_place(error: BaseException | None) -> str:
    """Return an error's class, and where the user's own was raised; its message may hold what is not to be logged."""
    if error is None:
        return ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or isinstance(error, TwicesafeError):
        return f": {type(error).__name__}"
    return f": {type(error).__name__} at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
