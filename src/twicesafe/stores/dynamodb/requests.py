"""What is sent to DynamoDB, and what comes back: in its own low-level form, with no client in sight."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Union

if TYPE_CHECKING:
    from typing import TypeAlias

    from ...protocol.records import Millis
    from .layout import Item

T = TypeVar("T")


class Request(NamedTuple):
    """One operation."""

    operation: str  # as in DynamoDB's API: UpdateItem, PutItem …
    parameters: dict[str, Any]
    key: str = ""  # of the record that it is about; for messages


class Pause(NamedTuple):
    """Wait a random time, of at most this."""

    longest: Millis


class Accepted(NamedTuple):
    """It is applied."""

    item: Item | None = None  # what it was asked to return


class Scanned(NamedTuple):
    """A part of the table."""

    items: tuple[Item, ...]
    last_key: Item | None  # where it goes on; None: this is the end


class Refused(NamedTuple):
    """Its condition did not hold, because of this item, or because there is none."""

    item: Item | None


class Busy(NamedTuple):
    """It is not applied, because a transaction, or another Region, is at the item."""

    reason: str


Response: TypeAlias = Union[Accepted, Scanned, Refused, Busy]
Talk: TypeAlias = Generator[Union[Request, Pause], Any, T]
