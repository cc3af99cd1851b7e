"""How far the host's clock is from DynamoDB's, as the `Date` of its answers tells.

A Date has whole seconds: the answer was made at some moment of that second, and at some moment between the
request's sending and the answer's arrival. So each answer bounds the difference from both sides; several
answers together bound it more closely. It is applied once it is over a second, and over what is not known.
"""

from __future__ import annotations

import time
from functools import lru_cache

from ...protocol.records import Millis
from ...protocol.tenure import STEADY
from ...tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECOND = 1_000
DAY = 86_400 * SECOND
MONTHS = {"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * place : 3 * place + 3]: place + 1 for place in range(12)}
DATE = "Thu, 26 Nov 2026 10:36:44 GMT"
"""As servers must write it (RFC 9110, 5.6.7). To compile a pattern for it would take longer than to open the store."""
MARKS = frozenset(("x-amzn-requestid", "x-amz-crc32"))
CONTENT_TYPE = "application/x-amz-json-1."
"""What DynamoDB's answers have, each of which is enough: stand-ins for it on a developer's machine lack some."""
CERTAIN = 1_500
"""Milliseconds of doubt that do no harm: a second for the Date, and half of one for an answer's way."""
MOST_WRONG = 8
"""How many offsets that were wrong are remembered: no clock is set that often while a claim is under way."""


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


def wall() -> Millis:
    """This host's clock."""
    return Millis(time.time_ns() // 1_000_000)


def moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> Millis:
    """What UTC calls so. The modules that know it too cost a cold start more than all of its requests do."""
    year -= month < 3  # a year that begins with March ends with its leap day
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
    return Millis(days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND)


def skew(sent: Millis, received: Millis, date: str) -> Skew | None:
    """What one answer tells; None: its Date cannot be read.

    Args:
        sent, received: by the host's wall clock.
        date: of the answer's header.
    """
    made = _read(date)
    if made is None or sent > received:  # the clock was set in between
        return None
    return Skew(made - received, made + SECOND - 1 - sent)


@lru_cache(maxsize=4)  # the answers of one second say the same
def _read(date: str) -> Millis | None:
    _, *parts = date.replace(":", " ").split(" ")
    if len(date) != len(DATE) or len(parts) != 7 or parts[1] not in MONTHS or parts[-1] != "GMT":
        return None
    digits = [parts[place] for place in (0, 2, 3, 4, 5)]
    if not (date.isascii() and all(map(str.isdigit, digits))):
        return None
    day, year, hour, minute, second = map(int, digits)
    if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    return moment(year, MONTHS[parts[1]], day, hour, minute, second)


def date_in(headers: Mapping[str, str]) -> str | None:
    """Return the Date of an answer; None where it is not from DynamoDB: a box in between has a clock of its own.

    Args:
        headers: of an answer whose body is one of DynamoDB's; names in small letters.
    """
    if MARKS.isdisjoint(headers) and not headers.get("content-type", "").startswith(CONTENT_TYPE):
        return None
    return headers.get("date")


class Watch:
    """Compares the clocks at each answer; shared by threads, which only ever replace its one value."""

    def __init__(self, announce: Callable[[Millis], None]) -> None:
        self._announce = announce
        self._known: tuple[Skew | None, Millis, tuple[Millis, ...]] = None, Millis(0), ()
        self._announced = False

    @property
    def offset(self) -> Millis:
        """What to add to the host's clock."""
        return self._known[1]

    @property
    def doubt(self) -> Millis:
        """How far ahead of DynamoDB's clock the corrected one may be: 0 unless the answers took long."""
        known, offset, _ = self._known
        return Millis(0 if known is None else max(0, offset - known.least - CERTAIN))

    def is_outdated(self, offset: Millis | None) -> bool:
        """Return whether answers have shown since that the offset was wrong; None: it is not known."""
        if offset is None or abs(offset - self.offset) <= STEADY:
            return False
        return any(abs(offset - wrong) <= STEADY for wrong in self._known[2])

    def see(self, sent: Millis, received: Millis, date: str | None) -> None:
        """Take an answer into account."""
        seen = skew(sent, received, date) if date else None
        known, before, wrong = self._known
        if seen is None or (known is not None and seen.least <= known.least and known.most <= seen.most):
            return  # it says nothing, or nothing new
        known = seen if known is None else known.narrowed(seen)
        offset = known.offset
        if abs(offset - before) > STEADY:
            wrong = (*wrong[1 - MOST_WRONG :], before)
        self._known = known, offset, wrong
        if offset and not self._announced:
            self._announced = True
            self._announce(offset)
