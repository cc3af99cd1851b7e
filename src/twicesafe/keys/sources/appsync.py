"""Mutations of an AppSync API, which has a request's headers, but answers no HTTP.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference.html
"""

from __future__ import annotations

from ...errors import UnusableKey
from ..canonical import canonical, digest
from . import callers, reasons
from .credentials import compared
from .headers import checked, domain_of, headers_of, joined, key_in
from .reading import UnreadableError, get, has, known, only, text
from .row import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_appsync(event: Any) -> bool:
    """Whether it is a resolver's event, or a list of them, which is one batch."""
    found = event[0] if isinstance(event, list) and event else event
    return has(found, "arguments") and (has(found, "info/fieldName") or has(found, "fieldName"))


def read(event: Any, _: Any) -> Reading:
    """Read a mutation, under the request's header or Relay's clientMutationId; of a batch, all elements as one."""
    elements = event if isinstance(event, list) else [event]
    found = elements[0]
    if (get(found, "info/parentTypeName") or get(found, "typeName")) != "Mutation":
        return Reading(None, kind="never")
    request = get(found, "request")
    headers = headers_of(request) if isinstance(get(request, "headers"), dict) else {}
    domain = domain_of(known(request, "domainName") or joined(headers, "host"))
    payload = {"domain": domain, "elements": [only(element, "arguments", "source") for element in elements]}
    caller = callers.of_appsync(found, headers)
    credentials = compared({}, headers, caller)
    reading = Reading(
        None,
        payload,
        caller.scope,
        credentials=credentials,
        compared=reasons.compared("arguments, source, domain", caller, credentials),
        left_out=reasons.left_out(caller, credentials),
    )
    key = key_in(headers) or _mutation_id(found)
    if key is None:
        return reading
    field = text(found, "info/fieldName" if has(found, "info/fieldName") else "fieldName")
    identity = {"field": field, "idempotency-key": key}
    if isinstance(event, list):  # one request may be cut into several batches
        identity["elements"] = _hash(payload["elements"])
    return reading._replace(identity=identity)


def _mutation_id(event: Any) -> str | None:
    found = get(event, "arguments/input/clientMutationId")
    return None if found is None else checked(found.strip() if isinstance(found, str) else found)


def _hash(payload: object) -> str:
    try:
        return digest(canonical(payload))
    except UnusableKey as error:
        raise UnreadableError(str(error)) from None
