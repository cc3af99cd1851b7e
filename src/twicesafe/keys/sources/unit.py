"""One delivery of an event, and the key that its identity makes."""

from __future__ import annotations

from functools import lru_cache
from re import compile as regex

from ...errors import MalformedEvent, MissingKey
from ...tuples import NamedTuple
from ..canonical import canonical, digest, fingerprint
from .contents import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from .credentials import Credentials

Kind: TypeAlias = 'Literal["natural", "client", "explicit", "never"]'
"""Whose the identity is: the source's, the caller's, the user's (`key=`), or none, as a repeat is meant to run."""
OnConflict: TypeAlias = 'Literal["raise", "wait"]'

OF_A_CALLER = "2"
"""The version of a caller's fingerprint, which has two hashes: of the request, and of the caller's credentials."""
LONGEST_FUNCTION = 200
CUT = 180
SHORT = 32
"""Digits of a hash that nobody can choose a second text for."""
UNSAFE = regex(r"[^A-Za-z0-9._:<>#-]")
READABLE = regex(r"[A-Za-z0-9._:-]{1,64}")


class Unit(NamedTuple):
    """What is run, recorded and answered by itself: a record of a batch, or an event that is none."""

    source: str
    kind: Kind
    identity: Mapping[str, str] | None  # None: no key
    scope: Mapping[str, str]  # the authenticated caller, where the key is the caller's
    event: Any  # what the handler is given: the same event where it is no batch, else one of this record alone
    payload: object  # what must not change under the key, without what each delivery has anew; None: nothing
    expires_after: int  # seconds: longer than the source can deliver it again
    on_conflict: OnConflict
    reply_kept: bool  # someone reads the reply
    order: str | None  # units of the same order stop after a failure
    item: object | None  # its itemIdentifier in batchItemFailures; of a whole batch, all of them
    left_out: tuple[tuple[str, str], ...]  # fields that are no part of the identity, and why
    compared: tuple[tuple[str, str], ...] = ()  # what must not change under the key, and why
    credentials: Credentials | None = None  # what the caller shows beside the scope; None: there is no caller
    malformed: MalformedEvent | None = None  # why this record of a batch could not be read


def whole(event: Any, units: Sequence[Unit]) -> Unit:
    """The event as one unit, under all identities together; without a key when one of them has none."""
    first = units[0]
    if len(units) == 1 and first.event is event:
        return first
    items = [unit.item for unit in units]
    first = first._replace(event=event, payload=None, order=None, item=None if None in items else items)
    if len(units) == 1:
        return first
    bare = next((unit for unit in units if unit.identity is None), None)
    return first._replace(
        kind=first.kind if bare is None else bare.kind,
        identity=None if bare else {"records": digest(*(_fingerprint(unit) for unit in units))},
        expires_after=max(unit.expires_after for unit in units),
    )


def with_request_id(unit: Unit, aws_request_id: str, *, with_event: bool) -> Unit:
    """Return the unit under the id that Lambda gives an invocation, and keeps in its own retries of an async one.

    Args:
        with_event: the event counts too: one invocation may handle two, and a test may give all of them one context.
    """
    identity = {"aws_request_id": aws_request_id}
    if not with_event:
        return unit._replace(identity=identity)
    return unit._replace(identity={**identity, "event": digest(canonical(unit.event))}, payload=None)


def key_of(function: str, unit: Unit, *, scope: str | None = None, tenant: str | None = None) -> str:
    """The key of a unit: readable at its head, for people and IAM's LeadingKeys, and a hash of everything at its end.

    Args:
        function: its name, without version or alias: a deploy between two attempts must not change the key.
        scope: what the user adds for those who must not share a key.
        tenant: of a tenant-isolated function (`context.tenant_id`).

    Raises:
        MissingKey: nothing identifies the unit.
    """
    if unit.identity is None:
        raise MissingKey(f"of this {unit.source} delivery", "anything that identifies it")
    fields = (function, unit.source, _fingerprint(unit), _optional(scope), _optional(tenant))
    readable = _readable(unit)
    head = f"{_safe(function)}#{unit.source}#{readable}#" if readable else f"{_safe(function)}#{unit.source}#"
    return head + digest(*fields)


def fingerprint_of(unit: Unit) -> str:
    """Return the fingerprint of what must not change under the unit's key; empty: nothing is compared.

    That of credentials is salted with what identifies the unit, which has the caller's own key in it and is not
    stored: without that key nobody can try out weak credentials on a stolen table.
    """
    payload = unit.payload.content() if isinstance(unit.payload, Request) else unit.payload
    if unit.credentials is None:
        return "" if payload is None else fingerprint(payload)
    request = "" if payload is None else digest(canonical(payload))
    shown = unit.credentials.shown and digest("credentials", unit.credentials.shown, _fingerprint(unit))[:SHORT]
    return f"{OF_A_CALLER}:{request}:{shown}"


def _fingerprint(unit: Unit) -> str:
    identity = unit.identity or {}
    flat = [str(len(identity))]
    for fields in (identity, unit.scope):
        for pair in sorted(fields.items()):
            flat += pair
    return digest(*flat)


def _optional(text: str | None) -> str:
    return "" if text is None else f"={text}"


@lru_cache(maxsize=64)  # a process has few functions
def _safe(function: str) -> str:
    if len(function) > LONGEST_FUNCTION:
        function = f"{function[:CUT]}-{digest(function)[: LONGEST_FUNCTION - CUT - 1]}"
    return UNSAFE.sub("-", function)


def _readable(unit: Unit) -> str:
    """The last field of the source's own identity, its id, where it is short. A caller's key is never shown."""
    if unit.kind != "natural" or not unit.identity:
        return ""
    last = list(unit.identity.values())[-1]
    return last if READABLE.fullmatch(last) else ""
