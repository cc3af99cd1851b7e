"""What a delivery, its world, the zygote and whoever asked say to each other, over pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .results import Line


class Deliver(NamedTuple):
    """World to delivery: call the handler with this."""

    number: int
    event: Any
    request_id: str
    now: float  # epoch seconds
    deadline: int  # epoch milliseconds


class AwsRequest(NamedTuple):
    """Delivery to world: an AWS call, as botocore or anybody else sends it."""

    service: str
    name: str
    parameters: Mapping[str, Any]  # JSON, as far as they are known
    tokens: tuple[str, ...]  # the names of the parameters by which the service deduplicates
    is_readonly: bool  # what the service's model says of itself
    is_idempotent: bool
    invocation: str  # the same for what botocore sends again by itself
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    line: Line | None
    now: float
    step: str = ""  # of twicesafe, that it is sent in


class HttpRequest(NamedTuple):
    """Delivery to world: a request to any other host."""

    method: str
    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    line: Line | None
    now: float
    step: str = ""  # of twicesafe, that it is sent in


Request: TypeAlias = "AwsRequest | HttpRequest"


class Noted(NamedTuple):
    """Delivery to world: something went on that is not observed."""

    what: str
    line: Line | None


class Supplied(NamedTuple):
    """Delivery to world: something was missing, and was made up."""

    what: str


class Ended(NamedTuple):
    """Delivery to world: the handler's end, or why there is no handler."""

    ending: str  # "returned", "raised" or "unloadable"
    reply: Any
    line: Line | None


class Answer(NamedTuple):
    """World to delivery: the answer to an operation."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parsed: Mapping[str, Any] | None = None  # instead of what the body says, for AWS


class LostAnswer(NamedTuple):
    """World to delivery: there is no answer."""


class Progress(NamedTuple):
    """Zygote to whoever asked: how far it is."""

    done: int
    known: int


class Refused(NamedTuple):
    """There is no audit, for a reason that is the user's to mend."""

    reason: str
    is_of_handler: bool  # there is none; else the set-up is wrong


class Failed(NamedTuple):
    """There is no audit, for a reason that is ours to mend."""

    trace: str
