"""Whose requests they are: the environment, a container's own endpoint, or whatever botocore finds.

The order is botocore's. The environment is read at each signature, and nothing is kept of it. A container's endpoint
(ECS, EKS, and Lambda with SnapStart) is asked here. All else (profiles, SSO, roles, instances) is found by botocore,
which gives credentials only: requests go their direct way all the same.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
import time
from contextlib import suppress

from ....errors import ConfigurationError
from ....protocol.records import Millis
from ....tuples import NamedTuple
from ..clock import SECOND, moment
from ..refusals import GET_CREDENTIALS
from .http1 import Answer, BadAnswer, Reader, request
from .signing import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

logger = logging.getLogger("twicesafe")

URI = r"(?i)(https?)://(\[[0-9a-f:]+\]|[^][/:?#@\s]+)(?::([0-9]{1,5}))?((?:/[^#\s]*)?)"
EXPIRATION = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|\+00:?00)"
"""Compiled where they are needed, as all that most cold starts do without."""
CONTAINER_HOST = "http://169.254.170.2"
CONTAINER_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "::1")
"""Where plain HTTP stays on this machine; and 127.x ("AWS SDKs and Tools Reference Guide", container credentials)."""
EARLY = Millis(15 * 60 * SECOND)
"""How long before the end new ones are asked for, as botocore does."""
AGAIN = Millis(60 * SECOND)
"""How long after an early try that failed the next one is made."""
PATIENCE = 2.0
"""Seconds that the endpoint may take."""
FROM_PROFILE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
PROFILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}


class Unreachable(Exception):
    """Who has the credentials did not give them."""


class Known(NamedTuple):
    """Credentials that end."""

    credentials: Credentials
    ends: Millis | None  # None: nobody says when


class Wallet:
    """Has the credentials to sign with; shared by threads and loops.

    Args:
        store: for messages.
    """

    def __init__(self, store: str, environment: Mapping[str, str] = os.environ) -> None:
        self._store = store
        self._environment = environment
        self._source: _Container | _Borrowed | None = None

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

    def _choose(self) -> _Container | _Borrowed | None:
        container = self._container()
        if container is not None and not self._has_profile():
            return container
        try:
            return _Borrowed(self._missing)
        except ImportError:
            return container

    def _container(self) -> _Container | None:
        relative = self._environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        uri = CONTAINER_HOST + relative if relative else self._environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not uri:
            return None
        parts = re.fullmatch(URI, uri)
        if parts is None or not (parts[1].lower() == "https" or _is_here(parts[2].strip("[]"))):
            which = "RELATIVE" if relative else "FULL"
            raise self._missing(f"AWS_CONTAINER_CREDENTIALS_{which}_URI leads to {uri!r}, which is not https nor here")
        return _Container(parts, self._environment, self._missing)

    def _has_profile(self) -> bool:
        """Whether botocore would look into a profile before it asks the container."""
        files = (self._environment.get(name) or path for name, path in PROFILES.items())
        return any(map(self._environment.get, FROM_PROFILE)) or any(map(os.path.isfile, map(os.path.expanduser, files)))

    def _missing(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"The store {self._store} has no credentials ({reason}). {GET_CREDENTIALS}")


class _Container:
    """The endpoint of the container that this process is in."""

    def __init__(
        self, uri: re.Match[str], environment: Mapping[str, str], missing: Callable[[str], ConfigurationError]
    ) -> None:
        self._is_tls = uri[1].lower() == "https"
        self._host = uri[2].strip("[]")
        self._port = int(uri[3] or (443 if self._is_tls else 80))
        self._authority = uri[2] + (f":{uri[3]}" if uri[3] else "")
        self._path = uri[4] if uri[4].startswith("/") else f"/{uri[4]}"
        self._environment = environment
        self._missing = missing
        self._known: Known | None = None
        self._not_before = Millis(0)
        self._lock = threading.Lock()

    def at_hand(self, now: Millis) -> Credentials | None:
        """Those that are known; None: they end soon."""
        known = self._known
        if known is None or (known.ends is not None and now >= max(known.ends - EARLY, self._not_before)):
            return None
        return known.credentials if _lasts(known, now) else None

    def fetch(self, now: Millis) -> Credentials:
        """Ask for new ones: one thread at a time, and the others go on with the old ones while these last."""
        known = self._known
        lasts = known is not None and _lasts(known, now)
        has_lock = self._lock.acquire(blocking=not lasts, timeout=-1 if lasts else 2 * PATIENCE)
        try:
            if known is not None and lasts and not has_lock:
                return known.credentials
            found = self.at_hand(now)  # another thread was first
            if found is not None:
                return found
            self._known = known = self._ask()
        except Unreachable as error:
            if known is None or not lasts:
                raise
            self._not_before = Millis(now + AGAIN)
            logger.warning("The AWS credentials could not be renewed yet (%s); the old ones are used on.", error)
        finally:
            if has_lock:
                self._lock.release()
        return known.credentials

    def forget(self, refused: Credentials) -> None:
        """They are worth nothing any more."""
        if self._known is not None and self._known.credentials == refused:
            self._known = None

    def _ask(self) -> Known:
        try:
            answer = self._get()
        except (OSError, UnicodeError, BadAnswer) as error:
            raise Unreachable(f"{self._authority} did not give the credentials: {error}") from error
        if answer.status != 200:
            raise Unreachable(f"{self._authority} did not give the credentials: it answered {answer.status}")
        try:
            said = json.loads(answer.body)
            credentials = Credentials(str(said["AccessKeyId"]), str(said["SecretAccessKey"]), said.get("Token"))
            return Known(credentials, _ends(said.get("Expiration")))
        except (ValueError, KeyError, TypeError, AttributeError):
            # without its cause, whose message could show a secret
            raise Unreachable(f"{self._authority} gave what are no credentials") from None

    def _get(self) -> Answer:
        headers = [("host", self._authority), ("accept", "application/json"), ("user-agent", "twicesafe")]
        token = self._token()
        if token:
            headers.append(("authorization", token))
        end = time.monotonic() + PATIENCE
        with socket.create_connection((self._host, self._port), PATIENCE) as plain:
            connection = plain
            if self._is_tls:
                import ssl

                connection = ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)
            with connection:
                connection.sendall(request("GET", self._path, headers))
                reader = Reader()
                while True:
                    connection.settimeout(max(0.001, end - time.monotonic()))
                    answer = reader.feed(connection.recv(reader.wanted))
                    if answer is not None:
                        return answer

    def _token(self) -> str | None:
        """What the endpoint wants to hear; a file is read each time, for others renew it."""
        path, token = (self._environment.get(f"AWS_CONTAINER_AUTHORIZATION_TOKEN{end}") for end in ("_FILE", ""))
        if path:
            try:
                with open(path, encoding="utf-8") as file:
                    token = file.read()
            except (OSError, UnicodeDecodeError) as error:
                raise self._missing(f"the token in {path} cannot be read: {type(error).__name__}") from error
        if token and ("\r" in token or "\n" in token):
            raise self._missing(f"the token in {path or 'AWS_CONTAINER_AUTHORIZATION_TOKEN'} has more than one line")
        return token


class _Borrowed:
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


def _lasts(known: Known, now: Millis) -> bool:
    return known.ends is None or now < known.ends


def _ends(text: object) -> Millis | None:
    """When they end; ValueError: it cannot be read."""
    if text is None:
        return None
    parts = re.fullmatch(EXPIRATION, str(text))
    if parts is None:
        raise ValueError(text)
    return moment(*(int(part) for part in parts.groups()))


def _is_here(host: str) -> bool:
    if host.lower() in CONTAINER_HOSTS:
        return True
    with suppress(OSError):
        return socket.inet_pton(socket.AF_INET, host)[0] == 127
    return False
