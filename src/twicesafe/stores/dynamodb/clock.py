"""How far the host's clock is from DynamoDB's, as the `Date` of its answers tells.

A Date has whole seconds: the answer was made at some moment of that second, and at some moment between the
request's sending and the answer's arrival. So each answer bounds the difference from both sides; several
answers together bound it more closely. It is applied once it is over a second, and over what is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...protocol.records import Millis

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000


class Skew(NamedTuple):
    """What is known of the store's clock less the host's, in milliseconds: between these two."""

    least: int
    most: int

    def narrowed(self, other: Skew) -> Skew:
        """What both say; the newer one alone where they contradict: a clock was set."""
        least, most = max(self.least, other.least), min(self.most, other.most)
        return Skew(least, most) if least <= most else other

    @property
    def offset(self) -> Millis:
        """What to add to the host's clock: 0 unless it is over a second, and over the range of doubt."""
        middle = (self.least + self.most) // 2
        return Millis(middle if abs(middle) > max(SECOND, self.most - self.least) else 0)


def skew(sent: Millis, received: Millis, date: str) -> Skew | None:
    """What one answer tells; None: its Date cannot be read.

    Args:
        sent, received: by the host's wall clock.
        date: of the answer's header, as RFC 9110, 5.6.7, has it.
    """
    from email.utils import mktime_tz, parsedate_tz

    parsed = parsedate_tz(date)
    if parsed is None or sent > received:  # or the clock was set in between
        return None
    try:
        made = int(mktime_tz(parsed)) * SECOND
    except (ValueError, OverflowError):
        return None
    return Skew(made - received, made + SECOND - 1 - sent)


class Watch:
    """Compares the clocks at each answer; shared by threads, which only ever replace its one value."""

    def __init__(self, announce: Callable[[Millis], None]) -> None:
        self._announce = announce
        self._known: Skew | None = None
        self._announced = False

    def see(self, sent: Millis, received: Millis, date: str | None) -> None:
        """Take an answer into account."""
        seen = skew(sent, received, date) if date else None
        if seen is None:
            return
        known = self._known
        self._known = known = seen if known is None else known.narrowed(seen)
        if known.offset and not self._announced:
            self._announced = True
            self._announce(known.offset)

    @property
    def offset(self) -> Millis:
        """What to add to the host's clock."""
        return Millis(0) if self._known is None else self._known.offset
