"""Someone who reads a handler's reply."""

from __future__ import annotations

from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..errors import TwicesafeError


class Reader(NamedTuple):
    """What a reader with a form of its own makes of replies and errors."""

    says_failed: Callable[[Any], bool]
    """Whether a reply tells them to come again, so that it must not be kept (rule 10)."""
    to_keep: Callable[[Any], Any]
    """What of a reply is kept."""
    replayed: Callable[[Any, Any], Any]
    """To another event, the kept reply as its answer."""
    refused: Callable[[TwicesafeError, Any], dict[str, object] | None]
    """The reply for an error that they can act on, although nothing has run; None for any other."""
