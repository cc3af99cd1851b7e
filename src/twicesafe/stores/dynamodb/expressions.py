"""Conditional requests: what they change, and when. A word after `#` is an attribute, one after `:` a value.

Attribute names are never written out: DynamoDB reserves 573 words, `status`, `data` and `owner` among them,
and a table may have names of its own. What is sent has numbers for words: it is hashed, signed and carried.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ...protocol.commands import Complete, Forget, Lost, Redo, Release, Renew, SettleStep
from ...protocol.records import Status
from ...tuples import NamedTuple
from ..memory import TRANSITIONS
from .items import RESULT, VERSION, number, text, write, write_step
from .layout import Names
from .requests import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...protocol.commands import List, SaveStep, Transact
    from ...protocol.records import Record, Steps
    from .layout import Item, Layout

MOST_STEPS = 20
"""In one condition: an expression has at most 4 KB and 300 operators."""

ABSENT = "attribute_not_exists(#id)"
HELD = "#v = :v AND #status = :in_progress AND #owner = :owner"
ANSWER = "SET #status = :status, #expiration = :expiration, #data = :data REMOVE #steps, #in_progress_expiration"
NO_ANSWER = "SET #status = :status, #expiration = :expiration REMOVE #steps, #in_progress_expiration, #data"
RELEASE = "SET #claimed = :claimed, #expiration = :expiration{} REMOVE #owner, #in_progress_expiration"
RENEW = "SET #in_progress_expiration = :lease_until, #expiration = :expiration"
RENEW_FOR_EVER = "SET #in_progress_expiration = :lease_until REMOVE #expiration"

IN_PROGRESS = text(Status.IN_PROGRESS.value)
WORD = re.compile(r"[#:]\w+")


def begin(command: Any, layout: Layout) -> Request | None:
    """The one request that mostly is enough; None: look at the record first."""
    if isinstance(command, Complete):
        return _complete(command, layout)
    if isinstance(command, Renew):
        return _renew(command, layout)
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
    parameters = {**_absent(layout)} if seen is None else _conditional(*_unchanged(seen, layout), layout)
    if record is None:
        parameters["Key"] = layout.key(key)
        return Request("DeleteItem", parameters, key)
    parameters["Item"] = write(record, layout)
    return Request("PutItem", parameters, key)


def create(record: Record, layout: Layout) -> Request:
    """Put the record where nothing is, by the right and under the key that the owner's later changes need."""
    item = write(record, layout)
    fields = {
        field: item[name] for field, name in zip(Names._fields[1:], layout.names[1:], strict=True) if name in item
    }
    change = f"SET {', '.join(f'#{field} = :{field}' for field in fields)} REMOVE #data"  # a policy may name attributes
    parameters = _conditional(ABSENT, {f":{field}": value for field, value in fields.items()}, layout, change)
    parameters["Key"] = layout.key(record.key)
    return Request("UpdateItem", parameters, record.key)


def transaction(command: Transact, layout: Layout) -> Request:
    """The owner's change, and the user's writes, all or nothing."""
    change = command.change
    own = _complete(change, layout) if isinstance(change, Complete) else _save_step(change, layout, once=True)
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
    parameters = _expressions(layout, condition, values, purpose="FilterExpression")
    parameters["ConsistentRead"] = True
    if start is not None:
        parameters["ExclusiveStartKey"] = start
    return Request("Scan", parameters)


def _complete(command: Complete, layout: Layout) -> Request:
    values = {":status": text(command.status._value_), ":expiration": number(command.expires_at)}
    if command.reply is None:
        return _update(command, HELD, NO_ANSWER, values, layout)
    values[":data"] = text(command.reply)
    return _update(command, HELD, ANSWER, values, layout)


def _release(command: Release, layout: Layout) -> Request:
    values = {":claimed": number(command.claimed), ":expiration": number(command.expires_at)}
    condition, sets, names = _steps(command.steps, values)
    change = RELEASE.format("".join(f", {one}" for one in sets))
    return _update(command, f"{HELD} AND #claimed <= :claimed{condition}", change, values, layout, names)


def _renew(command: Renew, layout: Layout) -> Request:
    condition = f"{HELD} AND #in_progress_expiration < :lease_until"
    values = {":lease_until": number(command.lease_until)}
    if command.expires_at is None:
        return _update(command, condition, RENEW_FOR_EVER, values, layout)
    values[":expiration"] = number(command.expires_at)
    return _update(command, condition, RENEW, values, layout)


def _save_step(command: SaveStep, layout: Layout, *, once: bool = False) -> Request:
    values: Item = {}
    condition, sets, names = _steps(command.steps, values, once=once)
    return _update(command, HELD + condition, f"SET {', '.join(sets)}", values, layout, names)


def _steps(steps: Steps, values: Item, *, once: bool = False) -> tuple[str, list[str], dict[str, str]]:
    """Steps, each on the condition that it replaces no result but its own copy: condition, changes, and names.

    Args:
        values: those of the steps are added to them.
        once: not its own copy either: what comes with it would happen again.
    """
    condition, sets, names = "", [], {}
    if steps:
        condition = " AND attribute_type(#steps, :map)"
        values |= {":map": text("M"), ":result": text(RESULT)}
    for place, (name, step) in enumerate(steps.items()):
        path, value = f"#steps.#s{place}", f":s{place}"
        sets.append(f"{path} = {value}")
        unless = "" if once else f" OR {path} = {value}"
        condition += f" AND (NOT begins_with({path}, :result){unless})"
        values[value] = write_step(step)
        names[f"#s{place}"] = name
    return condition, sets, names


def _update(
    command: Complete | Release | Renew | SaveStep,
    condition: str,
    change: str,
    values: Item,
    layout: Layout,
    names: Mapping[str, str] | None = None,
) -> Request:
    """One UpdateItem of an owner's."""
    values |= {":v": number(VERSION), ":in_progress": IN_PROGRESS, ":owner": text(command.owner)}
    parameters = _conditional(condition, values, layout, change, names)
    parameters["Key"] = layout.key(command.key)
    return Request("UpdateItem", parameters, command.key)


@lru_cache(maxsize=16)  # each first delivery of a key asks it
def _absent(layout: Layout) -> dict[str, Any]:
    """The condition that nothing is there."""
    return _conditional(ABSENT, {}, layout)


def _unchanged(seen: Item, layout: Layout) -> tuple[str, Item]:
    """The condition that each attribute of ours is as it was seen."""
    conditions, values = [], {}
    for field in Names._fields[1:]:
        name = getattr(layout.names, field)
        if name in seen:
            conditions.append(f"#{field} = :{field}")
            values[f":{field}"] = seen[name]
        else:
            conditions.append(f"attribute_not_exists(#{field})")
    return f"attribute_exists(#id) AND {' AND '.join(conditions)}", values


def _conditional(
    condition: str, values: Item, layout: Layout, change: str = "", names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    parameters = _expressions(layout, condition, values, change, names)
    parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return parameters


def _expressions(
    layout: Layout,
    condition: str,
    values: Item,
    change: str = "",
    names: Mapping[str, str] | None = None,
    purpose: str = "ConditionExpression",
) -> dict[str, Any]:
    """The table, and the expressions with all that is behind their words, and nothing else, as DynamoDB demands.

    Args:
        names: of attributes that are no record's.
    """
    form = _form(layout, condition, change)
    shorter = form.words
    parameters: dict[str, Any] = {"TableName": layout.table, purpose: form.condition}
    if change:
        parameters["UpdateExpression"] = form.change
    own = form.names if names is None else {**form.names, **{shorter[word]: name for word, name in names.items()}}
    parameters["ExpressionAttributeNames"] = own
    if values:
        parameters["ExpressionAttributeValues"] = {shorter[word]: value for word, value in values.items()}
    return parameters


class _Form(NamedTuple):
    """Expressions as they are sent."""

    condition: str
    change: str
    words: dict[str, str]  # what became of each
    names: dict[str, str]  # of a record's attributes


@lru_cache(maxsize=256)
def _form(layout: Layout, condition: str, change: str) -> _Form:
    words: dict[str, str] = {}

    def shorter(word: re.Match[str]) -> str:
        return words.setdefault(word[0], f"{word[0][0]}{len(words):x}")

    condition, change = WORD.sub(shorter, condition), WORD.sub(shorter, change)
    known = {f"#{field}": name for field, name in {**layout.names._asdict(), "sort_key": layout.sort_key}.items()}
    return _Form(condition, change, words, {words[word]: known[word] for word in words if word in known})
