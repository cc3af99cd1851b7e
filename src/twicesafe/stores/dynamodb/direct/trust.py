"""Whose certificates are believed: those that the system believes, and of these first only the ones that AWS uses.

To parse the system's whole bundle takes a cold start longer than all its requests. AWS's own hosts are signed by one
of five roots, which it names for those who keep a store of their own (https://www.amazontrust.com/repository/). They
are taken out of the system's bundle: never a root that the system does not have. And it is no pinning: where they do
not verify a server, the whole bundle has the last word.
"""

from __future__ import annotations

import logging
import os
import ssl
from binascii import Error, a2b_base64
from hashlib import sha256

from ....errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("twicesafe")

AWS_HOSTS = (".amazonaws.com", ".api.aws")
ROOTS = frozenset(
    {
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",  # Amazon Root CA 1
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",  # Amazon Root CA 2
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",  # Amazon Root CA 3
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",  # Amazon Root CA 4
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",  # Starfield Services Root CA - G2
    }
)
"""SHA-256 of their DER form."""
HEADS = (b"MIIDQTCCAimg", b"MIIFQTCCAymg", b"MIIBtjCCAVug", b"MIIB8jCCAXig", b"MIID7zCCAteg")
"""How their texts begin, in this order: with their lengths. To decode and hash all the others would take 0.7 ms."""
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"

SYSTEM, NARROW = "", "<AWS>"
_contexts: dict[str, ssl.SSLContext] = {}
"""One of each for the process: by the bundle's path, SYSTEM for the system's, NARROW for AWS's part of that."""


class Trust:
    """Whom the connections to one host believe.

    Args:
        bundle: a file of certificates, or a folder; None: AWS_CA_BUNDLE, else the system's.

    Raises:
        ConfigurationError: the bundle cannot be read.
    """

    def __init__(self, host: str, bundle: str | None, store: str, environment: Mapping[str, str] = os.environ) -> None:
        self._bundle = bundle or environment.get("AWS_CA_BUNDLE") or SYSTEM
        if not self._bundle and host.lower().endswith(AWS_HOSTS):
            self._bundle = NARROW
        try:
            _ = self.context  # made now: on Lambda INIT pays for it
        except OSError as error:
            raise ConfigurationError(
                f"The store {store} cannot read the certificates in {self._bundle!r} ({error}). Correct AWS_CA_BUNDLE, "
                "or ?ca_bundle= in the store's URL."
            ) from error

    @property
    def context(self) -> ssl.SSLContext:
        """What connections are made with."""
        return _context(self._bundle)

    def widens(self, failed: ssl.SSLContext, error: OSError) -> bool:
        """Whether another try makes sense: it does where more is believed now than when this one failed.

        From now on the system's whole bundle is, in the whole process.
        """
        if not isinstance(error, ssl.SSLCertVerificationError):
            return False
        if self._bundle == NARROW and _context(NARROW) is failed and failed is not _context(SYSTEM):
            _contexts[NARROW] = _context(SYSTEM)
            logger.debug("AWS's usual roots do not verify DynamoDB's certificate: the system's whole bundle is asked")
        return self.context is not failed


def _context(name: str) -> ssl.SSLContext:
    if name not in _contexts:
        _contexts[name] = _make(name)
    return _contexts[name]


def _make(name: str) -> ssl.SSLContext:
    if name == NARROW:
        return _narrow() or _context(SYSTEM)
    if name == SYSTEM:
        return ssl.create_default_context()
    return ssl.create_default_context(capath=name) if os.path.isdir(name) else ssl.create_default_context(cafile=name)


def _narrow() -> ssl.SSLContext | None:
    """Python's own settings with AWS's roots; None: the system's bundle is no file, or has none of them."""
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        return None
    try:
        with open(path, "rb") as bundle:
            texts = [text for text in bundle.read().split(BEGIN) if text.lstrip().startswith(HEADS)]
            roots = [root for root in map(_der, texts) if _is_aws(root)]
    except OSError:
        return None  # as Python itself does then: certificates come from elsewhere, or nothing verifies
    return ssl.create_default_context(cadata=b"".join(roots)) if roots else None


def _der(text: bytes) -> bytes:
    try:
        return a2b_base64(text.partition(END)[0])
    except Error:
        return b""  # none of the five


def _is_aws(root: bytes) -> bool:
    return sha256(root).hexdigest() in ROOTS
