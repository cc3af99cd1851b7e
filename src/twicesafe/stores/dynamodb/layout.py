"""What the user can say of a table: where it keeps what, and how it is reached."""

from __future__ import annotations

from ...tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Attribute: TypeAlias = dict[str, Any]
    """A value in DynamoDB's own form: {"S": text}, {"N": digits}, {"M": attributes by name}."""
    Item: TypeAlias = dict[str, Attribute]
    """Attributes by name."""


class Names(NamedTuple):
    """What the attributes are called. Those that Powertools for AWS Lambda has too are called as there."""

    id: str = "id"  # S: the table's partition key
    status: str = "status"  # S
    expiration: str = "expiration"  # N, seconds since the epoch: the table's TTL attribute
    in_progress_expiration: str = "in_progress_expiration"  # N, milliseconds since the epoch
    data: str = "data"  # S
    validation: str = "validation"  # S
    owner: str = "owner"  # S; and this one and what follows is ours
    attempt: str = "attempt"  # N
    started: str = "started"  # N, ms
    claimed: str = "claimed"  # N, ms
    generation: str = "generation"  # N; not there: 0
    steps: str = "steps"  # M of S
    v: str = "v"  # N: the version of this format


class Layout(NamedTuple):
    """A table, and how records lie in it."""

    table: str
    names: Names = Names()
    sort_key: str | None = None  # of a table with a composite key; None: the table has none
    sort_value: str = "twicesafe"  # the same in every record: the partition key is what spreads them

    @property
    def store(self) -> str:
        """What messages call it."""
        return f"dynamodb://{self.table}"

    def key(self, key: str) -> Item:
        """The primary key of a record."""
        item: Item = {self.names.id: {"S": key}}
        if self.sort_key is not None:
            item[self.sort_key] = {"S": self.sort_value}
        return item


class Options(NamedTuple):
    """How the store's own connections are made. What is None comes from the usual AWS environment."""

    region: str | None = None
    endpoint: str | None = None
    connect_timeout: float = 1.0  # seconds
    read_timeout: float = 2.0  # seconds: a read that hangs for longer eats the platform's time
    ca_bundle: str | None = None  # a file of certificates: these are believed, and no others
