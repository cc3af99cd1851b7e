"""What each command asks of DynamoDB, and what the answers mean: pure, and without a table testable.

A change is one conditional request, whose condition holds only where the reference store's own rule makes
this very change: a claim's, that nothing is there. When it is refused, the refusal shows the item. The rule is
applied to that, and mostly changes nothing: it is a conflict, a replay, or this very change, applied before and its
response lost (rule 1). Where the rule does change it (a claim that takes over what was released, or is silent or
expired), what comes out replaces the item whole, on the condition that it still is the one that was seen.
"""

from __future__ import annotations

from ...errors import StoreUnavailable
from ...protocol.commands import (
    Claim,
    Contended,
    Denied,
    Done,
    Existing,
    Forget,
    Keep,
    List,
    Load,
    Lost,
    Page,
    Redo,
    SettleStep,
    Transact,
)
from ...protocol.records import Millis
from ..memory import TRANSITIONS, claimed
from .expressions import begin, create, find, replace, scan, transaction
from .items import read
from .refusals import Refusal, explain_refusal, writes_refused
from .requests import Accepted, Cancelled, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TypeAlias

    from ...protocol.commands import Complete, Release, Renew, SaveStep, StoreCommand, StoreReply
    from ...protocol.records import Record
    from .layout import Item, Layout
    from .requests import Scanned, Talk

    Change: TypeAlias = Claim | Complete | Release | Renew | SaveStep | Keep | Forget | Redo | SettleStep

    class Clock(Protocol):
        """What is known of the clock."""

        @property
        def doubt(self) -> Millis:
            """How far ahead it may be."""

        def is_outdated(self, offset: Millis | None) -> bool:
            """Return whether answers have shown since that an offset was wrong."""


NO_REASON, REFUSED = "None", "ConditionalCheckFailed"
CONTENDED = {REFUSED, "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"}
"""Why a transaction may be cancelled and pass at another try, as CancellationReasons has it; REFUSED is seen before."""
MOST_ROUNDS = 64
"""How often a record may change under a command's eyes: each time another command was done."""


def talk(
    command: StoreCommand, layout: Layout, clock: Clock | None = None, *, proves: bool = False
) -> Talk[StoreReply]:
    """Turn a command into requests, and their answers into its reply.

    Args:
        clock: what the answers have shown of the time that commands are made by; None: it is right.
        proves: a claim of what is not there is an UpdateItem, as completions are, and so is refused where they would
            be: without the right, or under a key that the table does not have. Else it is a PutItem, which is shorter.

    Raises:
        CorruptRecord: the item cannot be read.
    """
    if isinstance(command, (Claim, Keep)):
        return (yield from _change(command, None, layout, clock, proves=proves and isinstance(command, Claim)))
    if isinstance(command, List):
        return (yield from _page(command, layout))
    if isinstance(command, Load):
        item = yield from _find(command.key, layout)
        return None if item is None else read(item, layout)
    if isinstance(command, Transact):
        return (yield from _transact(command, layout))
    request = begin(command, layout)
    if request is None:
        item = yield from _find(command.key, layout)
        return (yield from _change(command, item, layout))
    response: Accepted | Refused = yield request
    if isinstance(response, Refused):
        return (yield from _change(command, response.item, layout))
    return Done()


def decide(found: Record | None, command: Change, clock: Clock | None = None) -> tuple[Record | None, StoreReply]:
    """Make of the record what the reference store would, unless a claim would change it by a time that may be wrong.

    The answer that shows the record to a process's first claim also shows how wrong that process's clock is: what was
    found may not be over yet. The flow claims again, by the time as it is known then.
    """
    rule = TRANSITIONS[type(command)]
    if clock is None or found is None or not isinstance(command, Claim):
        return rule(found, command)
    if clock.is_outdated(command.offset) and found.claimed != command.corrects:
        is_own = found.owner == command.owner and not found.is_final
        return found, claimed(found) if is_own else Existing(found)
    if clock.doubt:
        record, reply = rule(found, command._replace(now=Millis(command.now - clock.doubt)))
        if record == found:
            return record, reply
    return rule(found, command)


def _change(
    command: Change, seen: Item | None, layout: Layout, clock: Clock | None = None, *, proves: bool = False
) -> Talk[StoreReply]:
    """Do as the reference store would to what was seen; None: nothing, which is for the condition to find out."""
    for _ in range(MOST_ROUNDS):
        found = None if seen is None else read(seen, layout)
        record, reply = decide(found, command, clock)
        if record == found:
            return reply
        if proves and seen is None and record is not None:
            request = create(record, layout)
        else:
            request = replace(command.key, seen, record, layout)
        response: Accepted | Refused = yield request
        if isinstance(response, Accepted):
            return reply
        seen = response.item
    raise StoreUnavailable(layout.store, f"the record was another at each of {MOST_ROUNDS} tries", command.key)


def _transact(command: Transact, layout: Layout) -> Talk[Done | Lost | Denied | Contended]:
    """Apply all or nothing; a copy of what was applied is recognised by its token, and later by the record."""
    response: Accepted | Cancelled = yield transaction(command, layout)
    if isinstance(response, Accepted):
        return Done()
    own, *theirs = response.reasons or ({},)
    codes = {reason.get("Code", NO_REASON) for reason in response.reasons} - {NO_REASON}
    own_code = own.get("Code", NO_REASON)
    if own_code == REFUSED:
        found = read(own["Item"], layout) if own.get("Item") else None
        record, reply = TRANSITIONS[type(command.change)](found, command.change)
        if record == found and isinstance(reply, (Done, Lost)):
            return reply
    elif own_code not in {NO_REASON, *CONTENDED}:
        code = own_code.replace("ValidationError", "ValidationException")
        raise explain_refusal(Refusal(code, str(own.get("Message")), 400), layout.store, command.key)
    elif REFUSED in codes:
        return Denied(tuple(theirs))
    elif not codes <= CONTENDED:
        said = "; ".join(str(reason.get("Message") or reason.get("Code")) for reason in theirs)
        raise writes_refused(command.key, said)
    return Contended(layout.store, f"others were at the items of its transaction ({', '.join(sorted(codes))})")


def _find(key: str, layout: Layout) -> Talk[Item | None]:
    response: Accepted = yield find(key, layout)
    return response.item


def _page(command: List, layout: Layout) -> Talk[Page]:
    """Read on until there are enough, or nothing is left."""
    records: list[Record] = []
    start = None if command.after is None else layout.key(command.after)
    while True:
        response: Scanned = yield scan(command, start, layout)
        records += [read(item, layout) for item in response.items]
        start = response.last_key
        if len(records) > command.limit or (len(records) == command.limit and start is not None):
            shown = records[: command.limit]
            return Page(tuple(shown), shown[-1].key)
        if start is None:
            return Page(tuple(records), None)
