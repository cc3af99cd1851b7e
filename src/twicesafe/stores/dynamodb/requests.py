"""What is sent to DynamoDB, and what comes back: in its own low-level form, with no client in sight."""

from __future__ import annotations

from ...tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeAlias, TypeVar

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


class Cancelled(NamedTuple):
    """A transaction was not applied, because of what is said of one or more of its parts."""

    reasons: tuple[dict[str, Any], ...]  # one for each part, in their order


class Unanswered(NamedTuple):
    """There was no answer, or one that says to try again."""

    reason: str
    error: Exception
    first_pause: Millis
    is_busy: bool = False  # another's transaction was at the item, and so it is not applied
    is_remedied: bool = False  # what stood in the way is put right: send it again at once


Response: TypeAlias = "Accepted | Scanned | Refused | Cancelled | Unanswered"
Talk: TypeAlias = "Generator[Request, Any, T]"
PatientTalk: TypeAlias = "Generator[Request | Pause, Any, T]"
