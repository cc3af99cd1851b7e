"""Someone who reads a handler's reply."""

from __future__ import annotations

from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..errors import TwicesafeError
    from ..protocol.records import Millis


class Statuses(NamedTuple):
    """HTTP statuses that the user treats otherwise than they are by default."""

    keep: frozenset[int] = frozenset()
    retry: frozenset[int] = frozenset()


class Reader(NamedTuple):
    """What a reader with a form of its own makes of replies and errors."""

    says_failed: Callable[[Statuses, Any], bool]
    """Whether a reply tells them to come again, so that it must not be kept (rule 10)."""
    to_keep: Callable[[Any], Any]
    """What of a reply is kept."""
    replayed: Callable[[Any, Any, Millis], Any]
    """To another event, the kept reply as its answer; and when the execution began that gave it."""
    refused: Callable[[TwicesafeError, Any], dict[str, object] | None]
    """The reply for an error that they can act on, although nothing has run; None for any other."""
