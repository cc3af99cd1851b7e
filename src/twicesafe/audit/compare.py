"""Whether two worlds are the same: exactly, or up to what is nondeterministic anyway. Pure.

A value is nondeterministic when clean runs of different deliveries differ in it: new ids, times, whatever
was drawn. It is masked where schedules are compared with *some* clean run. Counters are not: they are the
same in each clean run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .results import Operation, Outgoing, Record, Run

MASK = "<nd>"
NEAR = 10 * 86_400
"""Seconds around the audit's clock in which a number or a text is a time of it."""
LARGE = 1_000_000
LONG = 8
"""Numbers and texts from this size on are told apart by themselves, smaller ones by where they stand."""
TIME = re.compile(r"\d{4}-?\d\d-?\d\d([T ]?\d\d:?\d\d(:?\d\d)?.*)?$")


class Sent(NamedTuple):
    """Something that left, and by which operation."""

    operation: Operation
    outgoing: Outgoing

    @property
    def channel(self) -> tuple[str, str, str]:
        """What several of a kind have in common."""
        return (self.operation.service, self.operation.name, self.operation.target)


def data(value: Any) -> Any:
    """A value with the JSON inside its texts read too."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return data(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: data(each) for name, each in value.items()}
    if isinstance(value, list):
        return [data(each) for each in value]
    return value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value in a value that has no parts, with its path; places in lists are not told apart."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for each in value:
            yield from leaves(each, f"{path}[]")
    else:
        yield path, value


def text(value: Any) -> str:
    """A value as a text that is the same for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def sent(run: Run) -> list[Sent]:
    """What left in a run, after the receivers' own deduplication, and without what the SDK sent again by itself."""
    found: list[Sent] = []
    known: set[tuple[Any, ...]] = set()
    for operation in run.operations:
        if not operation.is_effect or operation.effect == "state" or operation.resends is not None:
            continue
        for outgoing in operation.outgoing:
            each = Sent(operation, outgoing)
            if outgoing.key is not None:
                identity: tuple[Any, ...] | None = (operation.service, operation.target, outgoing.key.value)
            elif operation.effect == "same":
                identity = (*each.channel, text(data(outgoing.content)))
            else:
                identity = None
            if identity is None or identity not in known:
                found.append(each)
            if identity is not None:
                known.add(identity)
    return found


class Mask:
    """What is nondeterministic, learned from clean runs."""

    def __init__(self, cleans: Sequence[Run], *, is_on: bool = True) -> None:
        self._is_on = is_on
        self._started = cleans[0].started
        by_path = [_by_path(run) for run in cleans]
        paths = set().union(*by_path)
        self._paths = {path for path in paths if len({text(sorted(each.get(path, []))) for each in by_path}) > 1}
        values = [{value for found in each.values() for value in found} for each in by_path]
        self._common = set.intersection(*values)
        self._seen = set().union(*values) - self._common

    def __call__(self, value: Any, path: str) -> Any:
        """The value with a mask for what is nondeterministic in it."""
        if not self._is_on:
            return value
        if isinstance(value, dict) and value:
            return {name: self(each, f"{path}.{name}") for name, each in value.items()}
        if isinstance(value, list) and value:
            return (
                sorted((self(each, f"{path}[]") for each in value), key=text)
                if MASK in text(value)
                else [self(each, f"{path}[]") for each in value]
            )
        return MASK if self.is_nondeterministic(value, path) else value

    def is_nondeterministic(self, value: Any, path: str) -> bool:
        """Whether a leaf is another in each delivery."""
        own = text(value)
        if path in self._paths and (own in self._seen or own not in self._common):
            return True
        if own in self._common:
            return False
        return (_is_large(value) and own in self._seen) or self._is_time(value)

    def _is_time(self, value: Any) -> bool:
        """Whether it is a time of the audit's own clock."""
        if isinstance(value, bool):
            return False
        if isinstance(value, str):
            if not TIME.match(value):
                return value.isdecimal() and len(value) >= 10 and self._is_time(int(value))
            try:
                moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            except ValueError:
                return False
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return abs(moment.timestamp() - self._started) < NEAR
        if isinstance(value, (int, float)):
            return any(abs(value / unit - self._started) < NEAR for unit in (1, 10**3, 10**6, 10**9))
        return False


def _is_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) >= LONG
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= LARGE


def _by_path(run: Run) -> dict[str, list[str]]:
    """Each path of a run's outcome, with the values that stand there."""
    found: dict[str, list[str]] = {}
    for path, value in _all_leaves(run):
        found.setdefault(path, []).append(text(value))
    return found


def _all_leaves(run: Run) -> Iterator[tuple[str, Any]]:
    for record in run.records:
        yield from leaves(data(record.value), record.place)
    for each in sent(run):
        yield from leaves(data(each.outgoing.content), path_of(each))
        yield f"{path_of(each)} target", each.operation.target
        if each.outgoing.key is not None:
            yield f"{path_of(each)} key", each.outgoing.key.value
    for delivery in run.deliveries:
        yield from leaves(data(delivery.reply), "reply")


def path_of(each: Sent) -> str:
    """Where the leaves of something that left stand; not by its target, which may hold an id itself."""
    return f"{each.operation.service} {each.operation.name}"


def values_of(run: Run) -> set[str]:
    """All that is in the world or has left it."""
    found = {text(value) for record in run.records for _, value in leaves(data(record.value))}
    found |= {text(record.name) for record in run.records}
    return found | {text(value) for each in sent(run) for _, value in leaves(data(each.outgoing.content))}


def differing(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """The leaves in which two values differ, by their path."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [
            found for name in names for found in differing(one.get(name), other.get(name), f"{path}.{name}".lstrip("."))
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for a, b in zip(one, other, strict=True) for found in differing(a, b, f"{path}[]")]
    return [] if one == other else [(path, one, other)]


class Difference(NamedTuple):
    """One difference in what is kept."""

    what: str  # "added", "changed", "missing"
    record: Record
    before: Any = None


def exact_records(reference: Sequence[Record], found: Sequence[Record]) -> list[Difference]:
    """How what is kept differs, to the last leaf."""
    known = {record[:2]: record for record in reference}
    there = {record[:2] for record in found}
    differences = []
    for record in found:
        before = known.get(record[:2])
        if before is None:
            differences.append(Difference("added", record))
        elif text(before.value) != text(record.value):
            differences.append(Difference("changed", record, before.value))
    return differences + [Difference("missing", record) for record in reference if record[:2] not in there]


def masked_records(reference: Sequence[Record], found: Sequence[Record], mask: Mask) -> list[Difference]:
    """How what is kept differs, up to what is nondeterministic."""
    of_reference = Counter(_masked(record, mask) for record in reference)
    extra: list[Record] = []
    for record in found:
        masked = _masked(record, mask)
        if of_reference[masked] > 0:
            of_reference[masked] -= 1
        else:
            extra.append(record)
    missing: list[Record] = []
    for record in reversed(reference):
        masked = _masked(record, mask)
        if of_reference[masked] > 0:
            of_reference[masked] -= 1
            missing.append(record)
    differences = []
    for record in extra:
        before = next((each for each in missing if each[:2] == record[:2]), None)
        before = before or next((each for each in missing if each.place == record.place), None)
        if before is None:
            differences.append(Difference("added", record))
        else:
            missing.remove(before)
            differences.append(Difference("changed", record, before.value))
    return differences + [Difference("missing", record) for record in missing]


def _masked(record: Record, mask: Mask) -> tuple[str, str]:
    return record.place, text(mask(data(record.value), record.place))


class Surplus(NamedTuple):
    """How what left differs, for one kind of thing."""

    kind: str  # "twice", "lost" or "changed"
    each: Sent


def exact_sent(reference: Sequence[Sent], found: Sequence[Sent]) -> list[Surplus]:
    """How what left differs, to the last leaf."""
    return _surplus(
        reference, found, lambda each: (*each.channel, text(data(each.outgoing.content))), lambda each: each.channel
    )


def masked_sent(reference: Sequence[Sent], found: Sequence[Sent], mask: Mask) -> list[Surplus]:
    """How what left differs, up to what is nondeterministic."""

    def channel(each: Sent) -> tuple[str, ...]:
        return (*each.channel[:2], text(mask(each.operation.target, f"{path_of(each)} target")))

    return _surplus(
        reference,
        found,
        lambda each: (*channel(each), text(mask(data(each.outgoing.content), path_of(each)))),
        channel,
    )


def _surplus(reference: Sequence[Sent], found: Sequence[Sent], whole: Any, channel: Any) -> list[Surplus]:
    wanted = Counter(whole(each) for each in reference)
    extra: list[Sent] = []
    for each in found:
        if wanted[whole(each)] > 0:
            wanted[whole(each)] -= 1
        else:
            extra.append(each)
    missing: list[Sent] = []
    for each in reference:
        if wanted[whole(each)] > 0:
            wanted[whole(each)] -= 1
            missing.append(each)
    known = {channel(each) for each in reference}
    result = []
    for each in extra:
        other = next((one for one in missing if channel(one) == channel(each)), None)
        if other is not None:
            missing.remove(other)
            result.append(Surplus("changed", each))
        else:
            is_changed = each.operation.effect == "same" and channel(each) in known
            result.append(Surplus("changed" if is_changed else "twice", each))
    return result + [Surplus("lost", each) for each in missing]


def fewest(options: Iterable[list[Any]]) -> list[Any]:
    """The shortest; the first of several."""
    return min(options, key=len)
