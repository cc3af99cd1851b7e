"""The credentials that a container's own endpoint gives (ECS, EKS, and Lambda with SnapStart)."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from contextlib import suppress

from ....protocol.records import Millis
from ....tuples import NamedTuple
from ..clock import SECOND, moment
from .http1 import Answer, BadAnswer, Reader, get
from .signing import Credentials, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ....errors import ConfigurationError

logger = logging.getLogger("twicesafe")

URI = r"(?i)(https?)://(\[[0-9a-f:]+\]|[^][/:?#@\s]+)(?::([0-9]{1,5}))?((?:/[^#\s]*)?)"
EXPIRATION = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|\+00:?00)"
CONTAINER_HOST = "http://169.254.170.2"
CONTAINER_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "::1")
"""Where plain HTTP stays on this machine; and 127.x ("AWS SDKs and Tools Reference Guide", container credentials)."""
EARLY = Millis(15 * 60 * SECOND)
"""How long before the end new ones are asked for, as botocore does."""
AGAIN = Millis(60 * SECOND)
"""How long after an early try that failed the next one is made."""
PATIENCE = 2.0
"""Seconds that the endpoint may take."""


class Known(NamedTuple):
    """Credentials that end."""

    credentials: Credentials
    ends: Millis | None  # None: nobody says when


def find(environment: Mapping[str, str], missing: Callable[[str], ConfigurationError]) -> Container | None:
    """The endpoint that the environment names.

    Raises:
        ConfigurationError: it may not be asked.
    """
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    uri = CONTAINER_HOST + relative if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not uri:
        return None
    parts = re.fullmatch(URI, uri)
    if parts is None or not (parts[1].lower() == "https" or _is_here(parts[2].strip("[]"))):
        which = "RELATIVE" if relative else "FULL"
        raise missing(f"AWS_CONTAINER_CREDENTIALS_{which}_URI leads to {uri!r}, which is not https nor here")
    return Container(parts, environment, missing)


class Container:
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
                connection.sendall(get(self._path, headers))
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
