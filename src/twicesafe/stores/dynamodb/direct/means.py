"""What the sync and the async side have in common: where, whom they believe, who they are, and for how long."""

from __future__ import annotations

import os
import time
from functools import partial

from ....errors import ConfigurationError
from ....tuples import NamedTuple
from ..bounded import LEAST
from .credentials import Wallet
from .endpoint import find
from .exchange import Desk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....protocol.records import Millis
    from ..clock import Watch
    from ..layout import Layout, Options
    from .endpoint import Place
    from .trust import Trust


class Means(NamedTuple):
    """All that a request needs but a connection."""

    place: Place
    options: Options
    wallet: Wallet
    desk: Desk
    trust: Trust | None  # None: no TLS

    def until(self, left: Millis | None) -> Limit:
        """How long the steps of one try may take."""
        ends = None if left is None else time.monotonic() + left / 1000
        return Limit(ends, self.options.connect_timeout, self.options.read_timeout)


class Limit(NamedTuple):
    """The time that there is."""

    ends: float | None  # by the monotonic clock; None: nothing bounds it
    connect: float  # seconds
    read: float

    def for_connect(self) -> float:
        """Seconds to find the host and connect."""
        return self._cut(self.connect)

    def for_read(self) -> float:
        """Seconds to have the answer; as much again before, for TLS to agree."""
        return self._cut(self.read)

    def rest(self) -> float | None:
        """Seconds for a call that takes no limit; None: as long as it takes."""
        return None if self.ends is None else self._cut(self.ends)

    def _cut(self, seconds: float) -> float:
        return seconds if self.ends is None else max(LEAST, min(seconds, self.ends - time.monotonic()))


def means(layout: Layout, options: Options, watch: Watch) -> Means:
    """Find out all of it; on Lambda INIT pays for it, and a wrong set-up shows at once.

    Raises:
        ConfigurationError: there is no region, or something cannot be as it is set.
    """
    place = find(options, layout.table, os.environ, partial(_profile_region, layout.store))
    wallet = Wallet(layout.store)
    wallet.prepare()
    trust = None
    if place.is_tls:
        from .trust import Trust

        trust = Trust(place.host, options.ca_bundle, layout.store)
    return Means(place, options, wallet, Desk(layout.store, place, watch), trust)


def _profile_region(store: str) -> str | None:
    """The region in the user's AWS profile, which botocore reads."""
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:
        return None
    try:
        region: str | None = Session().get_config_variable("region")
    except BotoCoreError as error:
        raise ConfigurationError(
            f"The store {store} cannot read the AWS profile ({type(error).__name__}: {error}). "
            "Correct AWS_PROFILE, or add ?region= to the store's URL."
        ) from error
    return region
