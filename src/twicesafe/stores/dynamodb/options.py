"""What the user can say of how DynamoDB is reached; the same for all connections."""

from __future__ import annotations

from ...tuples import NamedTuple


class Options(NamedTuple):
    """How the store's own connections are made. What is None comes from the usual AWS environment."""

    region: str | None = None
    endpoint: str | None = None
    connect_timeout: float = 1.0  # seconds
    read_timeout: float = 2.0  # seconds: a read that hangs for longer eats the platform's time
    ca_bundle: str | None = None  # a file of certificates: these are believed, and no others
