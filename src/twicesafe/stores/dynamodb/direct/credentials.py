"""Whose requests they are: the environment, a container's own endpoint, or whatever botocore finds.

The order is botocore's. The environment is read at each signature, and nothing is kept of it. The other two
(container.py, borrowed.py) are loaded where it has none.
"""

from __future__ import annotations

import os

from ....errors import ConfigurationError
from ..refusals import GET_CREDENTIALS
from .signing import Credentials, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....protocol.records import Millis
    from .borrowed import Borrowed
    from .container import Container

FROM_PROFILE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
PROFILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}


class Wallet:
    """Has the credentials to sign with; shared by threads and loops.

    Args:
        store: for messages.
    """

    def __init__(self, store: str, environment: Mapping[str, str] = os.environ) -> None:
        self._store = store
        self._environment = environment
        self._source: Container | Borrowed | None = None

    def at_hand(self, now: Millis) -> Credentials | None:
        """Those that need no waiting; None: fetch them.

        Raises:
            ConfigurationError: they are not whole.
        """
        found = self._from_environment()
        if found is not None:
            return found
        return None if self._source is None else self._source.at_hand(now)

    def prepare(self) -> None:
        """Find out who has them, so that INIT pays for that, and a profile that is not there shows at once."""
        if self._from_environment() is None:
            self._source = self._choose()

    def fetch(self, now: Millis) -> Credentials:
        """Get them, which can take a while.

        Raises:
            ConfigurationError: there are none.
            Unreachable: who has them does not answer.
        """
        if self._source is None:
            self._source = self._choose()
        found = self._from_environment() or (None if self._source is None else self._source.fetch(now))
        if found is None:
            raise self._missing(
                "NoCredentialsError: looked for AWS_ACCESS_KEY_ID, AWS_CONTAINER_CREDENTIALS_FULL_URI and "
                + ("what botocore knows" if self._source else "botocore, for profiles, SSO and roles: it is not here")
            )
        return found

    def has_others(self, refused: Credentials, now: Millis) -> bool:
        """Whether there are others by now, which can take a while to tell."""
        if self._source is not None:
            self._source.forget(refused)
        try:
            return (self.at_hand(now) or self.fetch(now)) != refused
        except Unreachable:
            return False

    def _from_environment(self) -> Credentials | None:
        key = self._environment.get("AWS_ACCESS_KEY_ID")
        if not key:
            return None
        secret = self._environment.get("AWS_SECRET_ACCESS_KEY")
        if not secret:
            raise self._missing("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
        return Credentials(key, secret, self._environment.get("AWS_SESSION_TOKEN") or None)

    def _choose(self) -> Container | Borrowed | None:
        from .container import find

        container = find(self._environment, self._missing)
        if container is not None and not self._has_profile():
            return container
        try:
            from .borrowed import Borrowed

            return Borrowed(self._missing)
        except ImportError:
            return container

    def _has_profile(self) -> bool:
        """Whether botocore would look into a profile before it asks the container."""
        files = (self._environment.get(name) or path for name, path in PROFILES.items())
        return any(map(self._environment.get, FROM_PROFILE)) or any(map(os.path.isfile, map(os.path.expanduser, files)))

    def _missing(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"The store {self._store} has no credentials ({reason}). {GET_CREDENTIALS}")
