"""What the text of a recorded step says: its result, that its effect may have been sent, or that it was not had.

A store keeps the text and looks only at whether it is a result. A text that begins with HEAD has a first line for
what is known beside the result; no encoded reply begins like that (replies/text.py).
"""

from __future__ import annotations

from ..errors import CorruptRecord
from ..tuples import NamedTuple
from .records import Millis, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias


HEAD = "#"


class Result(NamedTuple):
    """The step is done."""

    text: str  # what it returned, encoded; empty where it lies in an item of its own
    fingerprint: str = ""  # of its arguments; empty: none was taken
    owner: str = ""  # with whose name the item ends that has the text; empty: it is here

    def step(self) -> Step:
        """As a record holds it."""
        if not self.fingerprint and not self.owner:
            return Step(True, self.text)
        return Step(True, f"{HEAD}{self.fingerprint} {self.owner}\n{self.text}")


class Intent(NamedTuple):
    """The effect may have been sent."""

    recorded: Millis
    lease_until: Millis  # of the attempt that recorded it, as its owner believed then
    fingerprint: str = ""

    def step(self) -> Step:
        """As a record holds it."""
        return Step(False, f"{HEAD}{self.recorded} {self.lease_until} {self.fingerprint}")


class NotDone(NamedTuple):
    """The effect was not had, up to this moment."""

    since: Millis
    fingerprint: str = ""

    def step(self) -> Step:
        """As a record holds it."""
        return Step(False, f"{HEAD}{self.since}  {self.fingerprint}")


Entry: TypeAlias = "Result | Intent | NotDone"


def entry(step: Step, name: str, key: str) -> Entry:
    """What a recorded step says.

    Raises:
        CorruptRecord: it says nothing that is known here.
    """
    try:
        return _result(step.data) if step.is_result else _intent(step.data)
    except ValueError:
        raise CorruptRecord(key, f"its step {name!r} is not as it is written") from None


def _result(data: str) -> Result:
    if not data.startswith(HEAD):
        return Result(data)
    head, _, text = data[len(HEAD) :].partition("\n")
    fingerprint, owner = head.split(" ")
    return Result(text, fingerprint, owner)


def _intent(data: str) -> Intent | NotDone:
    if not data.startswith(HEAD):
        raise ValueError
    recorded, lease_until, fingerprint = data[len(HEAD) :].split(" ")
    if not lease_until:
        return NotDone(Millis(int(recorded)), fingerprint)
    return Intent(Millis(int(recorded)), Millis(int(lease_until)), fingerprint)


def aside(key: str, name: str, owner: str) -> str:
    """The key of the item that holds a large result alone: a zombie's has another name, and overwrites nothing."""
    return f"{key}/step/{name}/{owner}"
