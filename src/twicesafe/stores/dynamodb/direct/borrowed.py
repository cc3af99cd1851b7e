"""The credentials that botocore finds: those of profiles, SSO, roles and instances. Requests go their direct way."""

from __future__ import annotations

from .signing import Credentials, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ....errors import ConfigurationError
    from ....protocol.records import Millis


class Borrowed:
    """botocore, which knows all other ways."""

    def __init__(self, missing: Callable[[str], ConfigurationError]) -> None:
        from botocore.session import Session

        self._new_session = Session
        self._missing = missing
        self._found = self._find()

    def at_hand(self, now: Millis) -> Credentials | None:  # noqa: ARG002 - botocore looks at its own clock
        """Those that it has; None: it would ask for new ones."""
        found = self._found
        if found is None or (hasattr(found, "refresh_needed") and found.refresh_needed()):
            return None
        return self._freeze(found)

    def fetch(self, now: Millis) -> Credentials | None:  # noqa: ARG002 - as above
        """Have it ask; None: it found nobody to ask."""
        if self._found is None:
            self._found = self._find()
        return None if self._found is None else self._freeze(self._found)

    def forget(self, refused: Credentials) -> None:  # noqa: ARG002 - it has one set only
        """Have it begin anew."""
        self._found = None

    def _find(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            return self._new_session().get_credentials()
        except (BotoCoreError, OSError) as error:
            raise self._missing(f"{type(error).__name__}: {error}") from error

    def _freeze(self, found: Any) -> Credentials:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            frozen = found.get_frozen_credentials()
        except (BotoCoreError, ClientError, OSError, RuntimeError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)
