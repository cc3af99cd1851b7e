"""Conditional requests: what they change, and when. A word after `#` is an attribute, one after `:` a value.

Attribute names are never written out: DynamoDB reserves 573 words, `status`, `data` and `owner` among them,
and a table may have names of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...protocol.commands import Claim, Complete, Forget, Keep, Lost, Redo, Release, Renew, SettleStep
from ...protocol.records import Status
from ..memory import TRANSITIONS
from .items import RESULT, VERSION, number, text, write, write_step
from .layout import Names
from .requests import Request

if TYPE_CHECKING:
    from ...protocol.commands import List, SaveStep, Transact
    from ...protocol.records import Record, Seconds, Steps
    from .layout import Attribute, Item, Layout

MOST_STEPS = 20
"""In one condition: an expression has at most 4 KB and 300 operators."""

TAKE = (
    "#v = :v, #status = :in_progress, #owner = :owner, #claimed = :now, #in_progress_expiration = :lease_until, "
    "#attempt = if_not_exists(#attempt, :zero) + :one, #started = if_not_exists(#started, :now), "
    "#validation = if_not_exists(#validation, :fingerprint), #steps = if_not_exists(#steps, :no_steps)"
)

# What one UpdateItem may take over as it is. It changes nothing that cannot be read, as far as a condition can see:
# to compare values of two types is false. On one line: moto's mock reads no conditions of several.
UNFINISHED = (
    "#v = :v AND #status = :in_progress AND #attempt > :zero AND #started >= :zero "
    "AND (attribute_not_exists(#generation) OR #generation >= :zero) AND attribute_type(#validation, :text) "
    "AND attribute_type(#steps, :map) AND attribute_not_exists(#data) "
    "AND #claimed BETWEEN :zero AND :before AND (attribute_not_exists(#expiration) OR #expiration > :second)"
)
RELEASED = "attribute_not_exists(#owner) AND attribute_not_exists(#in_progress_expiration)"
SILENT = "attribute_type(#owner, :text) AND #owner <> :owner AND #in_progress_expiration BETWEEN :zero AND :now"
SAME_PAYLOAD = "(NOT begins_with(#validation, :rule) OR #validation = :fingerprint OR #validation = :rule)"

HELD = "#v = :v AND #status = :in_progress AND #owner = :owner"


def begin(command: Any, layout: Layout) -> Request | None:
    """The one request that mostly is enough; None: look at the record first."""
    if isinstance(command, Claim):
        return _claim(command, layout)
    if isinstance(command, Complete):
        return _complete(command, layout)
    if isinstance(command, Renew):
        return _renew(command, layout)
    if isinstance(command, Keep):
        return replace(command.key, None, TRANSITIONS[Keep](None, command)[0], layout)
    if isinstance(command, (Forget, Redo, SettleStep)):
        record, reply = TRANSITIONS[type(command)](command.seen, command)
        if isinstance(reply, Lost):
            return None
        return replace(command.seen.key, write(command.seen, layout), record, layout)
    if len(command.steps) > MOST_STEPS or "" in command.steps:  # a path has no part without a name
        return None
    if isinstance(command, Release):
        return _release(command, layout)
    return _save_step(command, layout) if command.steps else None


def find(key: str, layout: Layout) -> Request:
    """Read an item, strongly consistent."""
    return Request("GetItem", {"TableName": layout.table, "Key": layout.key(key), "ConsistentRead": True}, key)


def replace(key: str, seen: Item | None, record: Record | None, layout: Layout) -> Request:
    """Put the record where the item was, or nothing, if that still is as it was seen."""
    condition, values = _unchanged(seen, layout)
    what = {"Key": layout.key(key)} if record is None else {"Item": write(record, layout)}
    parameters = _conditional(layout, condition, values) | what
    return Request("DeleteItem" if record is None else "PutItem", parameters, key)


def transaction(command: Transact, layout: Layout) -> Request:
    """The owner's change, and the user's writes, all or nothing."""
    change = command.change
    own = _complete(change, layout) if isinstance(change, Complete) else _save_step(change, layout, once=True)
    own.parameters.pop("ReturnValues")
    items = [{"Update": own.parameters}, *command.writes]
    return Request("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": command.token}, command.key)


def scan(command: List, start: Item | None, layout: Layout) -> Request:
    """Read on through the table, for records of this version whose key begins so."""
    condition, values = "#v = :v", {":v": number(VERSION)}
    if command.prefix:
        condition += " AND begins_with(#id, :prefix)"
        values[":prefix"] = text(command.prefix)
    if layout.sort_key is not None:
        condition += " AND #sort_key = :sort_value"
        values[":sort_value"] = text(layout.sort_value)
    parameters = {
        "TableName": layout.table,
        "ConsistentRead": True,
        "FilterExpression": condition,
        "ExpressionAttributeNames": layout.named(condition),
        "ExpressionAttributeValues": values,
    }
    if start is not None:
        parameters["ExclusiveStartKey"] = start
    return Request("Scan", parameters)


def _claim(command: Claim, layout: Layout) -> Request:
    free = f"({RELEASED} OR {SILENT})" if command.takes_over else RELEASED
    update = _Update(f"attribute_not_exists(#id) OR {UNFINISHED} AND {free}", command.owner)
    update.sets.append(TAKE)
    update.set_expiry(command.expires_at)
    update.values |= {
        ":now": number(command.now),
        ":before": number(command.now - 1),
        ":second": number(command.now // 1000),
        ":lease_until": number(command.lease_until),
        ":fingerprint": text(command.fingerprint),
        ":no_steps": {"M": {}},
        ":zero": number(0),
        ":one": number(1),
        ":text": text("S"),
        ":map": text("M"),
    }
    rule, colon, digest = command.fingerprint.partition(":")
    if digest:
        update.condition += f" AND {SAME_PAYLOAD}"
        update.values[":rule"] = text(rule + colon)
    return update.request(command.key, layout, returns="ALL_NEW")


def _complete(command: Complete, layout: Layout) -> Request:
    update = _Update(HELD, command.owner)
    update.set("status", text(command.status.value))
    update.set_expiry(command.expires_at)
    update.removes += ["#steps", "#in_progress_expiration"]
    if command.reply is None:
        update.removes.append("#data")
    else:
        update.set("data", text(command.reply))
    return update.request(command.key, layout)


def _release(command: Release, layout: Layout) -> Request:
    update = _Update(f"{HELD} AND #claimed <= :claimed", command.owner)
    update.set("claimed", number(command.claimed))
    update.set_expiry(command.expires_at)
    update.removes += ["#owner", "#in_progress_expiration"]
    update.set_steps(command.steps)
    return update.request(command.key, layout)


def _renew(command: Renew, layout: Layout) -> Request:
    update = _Update(f"{HELD} AND #in_progress_expiration < :in_progress_expiration", command.owner)
    update.set("in_progress_expiration", number(command.lease_until))
    update.set_expiry(command.expires_at)
    return update.request(command.key, layout)


def _save_step(command: SaveStep, layout: Layout, *, once: bool = False) -> Request:
    update = _Update(HELD, command.owner)
    update.set_steps(command.steps, once=once)
    return update.request(command.key, layout)


class _Update:
    """One UpdateItem of an owner's, in the making."""

    def __init__(self, condition: str, owner: str) -> None:
        self.condition = condition
        self.values: Item = {
            ":v": number(VERSION),
            ":in_progress": text(Status.IN_PROGRESS.value),
            ":owner": text(owner),
        }
        self.sets: list[str] = []
        self.removes: list[str] = []
        self._names: dict[str, str] = {}

    def set(self, field: str, value: Attribute) -> None:
        """Write an attribute."""
        self.sets.append(f"#{field} = :{field}")
        self.values[f":{field}"] = value

    def set_expiry(self, expires_at: Seconds | None) -> None:
        """Write when the record may go, or that it may not."""
        if expires_at is None:
            self.removes.append("#expiration")
        else:
            self.set("expiration", number(expires_at))

    def set_steps(self, steps: Steps, *, once: bool = False) -> None:
        """Write steps, each on the condition that it replaces no result but its own copy.

        Args:
            once: not its own copy either: what comes with it would happen again.
        """
        if steps:
            self.condition += " AND attribute_type(#steps, :map)"
            self.values |= {":map": text("M"), ":result": text(RESULT)}
        for place, (name, step) in enumerate(steps.items()):
            path, value = f"#steps.#s{place}", f":s{place}"
            self.sets.append(f"{path} = {value}")
            unless = "" if once else f" OR {path} = {value}"
            self.condition += f" AND (NOT begins_with({path}, :result){unless})"
            self.values[value] = write_step(step)
            self._names[f"#s{place}"] = name

    def request(self, key: str, layout: Layout, returns: str = "NONE") -> Request:
        """The finished request."""
        change = f"SET {', '.join(self.sets)}"
        if self.removes:
            change += f" REMOVE {', '.join(self.removes)}"
        parameters = _conditional(layout, self.condition, self.values) | {
            "Key": layout.key(key),
            "UpdateExpression": change,
            "ExpressionAttributeNames": {**layout.named(f"{change} {self.condition}"), **self._names},
            "ReturnValues": returns,
        }
        return Request("UpdateItem", parameters, key)


def _unchanged(seen: Item | None, layout: Layout) -> tuple[str, Item]:
    """The condition that each attribute of ours is as it was seen."""
    if seen is None:
        return "attribute_not_exists(#id)", {}
    conditions, values = [], {}
    for field in Names._fields[1:]:
        name = getattr(layout.names, field)
        if name in seen:
            conditions.append(f"#{field} = :{field}")
            values[f":{field}"] = seen[name]
        else:
            conditions.append(f"attribute_not_exists(#{field})")
    return f"attribute_exists(#id) AND {' AND '.join(conditions)}", values


def _conditional(layout: Layout, condition: str, values: Item) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "TableName": layout.table,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": layout.named(condition),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {**parameters, "ExpressionAttributeValues": values} if values else parameters
