"""From one call of a protected function to its deliveries, and from their answers to its reply.

A plain call is one delivery; an event of many records is many. A generator yields each Job that is
to be done and is sent its reply; the protocol's two drivers run it, sync and async.
"""

from __future__ import annotations

import os
import time
from functools import partial

from . import batch
from .answers.http import HEADER, HTTP
from .decisions import Decision, announce, logger
from .errors import KeyAlreadyHeld, MalformedEvent, MissingKey, TwicesafeError
from .execution.current import Execution, current
from .execution.job import Job
from .execution.judge import Judge
from .keys.canonical import canonical, fingerprint
from .keys.sources import Unit, key_of, read_units, units, whole, with_request_id
from .keys.sources.http import ROWS
from .protocol.flows import Delivery
from .protocol.policy import Policy
from .protocol.records import Millis, Seconds
from .protocol.tenure import Deadline
from .tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias

    from .answers.reader import Reader
    from .keys.selectors import BoundArguments
    from .protocol.policy import OnConflict, OnUnknown
    from .replies import Codec
    from .stores.base import Store

OF_HTTP = frozenset(row.name for row in ROWS if row.is_http)
EVENTS = (dict, list, str, int, float, type(None))
"""What JSON can say, and so an event can be."""
_warned: set[tuple[str, Seconds]] = set()
DAY = Seconds(86_400)
"""How long the reply of a plain call is honoured, where no event around it can come again later."""
A_YEAR = 365 * 86_400_000
"""Milliseconds. What a stand-in for a context says beyond that, infinity or NaN for one, is taken for it."""

CALL = Unit(
    source="function",
    kind="explicit",
    identity=None,
    scope={},
    event=None,
    payload=None,
    expires_after=DAY,
    on_conflict="raise",
    reply_kept=True,
    order=None,
    item=None,
    left_out=(),
)
"""A plain call, before its arguments are known."""


class Choices(NamedTuple):
    """What the user chose in the decorator; None: what suits the event source."""

    store: Callable[[], Store]
    key: Callable[..., object] | None
    payload: Callable[..., object] | None
    takes_fingerprint: bool
    scope: Callable[[Any], str | None] | None
    require_key: bool
    expires_after: Seconds | None
    on_conflict: OnConflict | None
    on_unknown: OnUnknown
    final_errors: tuple[type[BaseException], ...]
    lease: Millis
    by_record: bool
    report_failures: bool
    fail_open: bool


class Function(NamedTuple):
    """The user's function, and what was read off it when it was decorated."""

    call: Callable[..., Any]
    name: str
    is_method: bool  # its first argument is self or cls, which is no part of a key
    event_and_context: tuple[str, ...]  # what a Lambda handler calls its parameters; none: it is no handler
    arguments: BoundArguments
    codec: Codec  # for a plain call
    handler_codec: Codec  # for a handler, whose reply Lambda's runtime must be able to send


Jobs: TypeAlias = "Generator[Job, Any, Any]"


def jobs(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """Yield each delivery that the call is made of, be sent its reply, and return the call's."""
    own, rest = (args[:1], args[1:]) if function.is_method else ((), args)
    if (handled := _event_and_context(function, rest, kwargs)) is not None:
        return _Event(function, choices, own, *handled).jobs()
    return _plain(function, choices, args, kwargs)


def _event_and_context(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
    """What a handler is called with; None: this is a call of some other function."""
    if len(args) + len(kwargs) != 2:
        return None
    if not kwargs and hasattr(args[1], "get_remaining_time_in_millis"):
        return args[0], args[1]
    names = function.event_and_context
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if not names or given.keys() != set(names) or not isinstance(given[names[0]], EVENTS):
        return None
    return given[names[0]], given[names[1]]


def _plain(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """One delivery; its key is what its arguments are, or what the user says."""
    with _RefusalsOf("function"):
        job = _plain_job(function, choices, args, kwargs)
    return (yield job)


def _plain_job(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    bound = function.arguments.bind(args, kwargs)
    shown = args[1:] if function.is_method else args
    identity: object = bound
    payload: object = None  # all of it is in the key: there is nothing left that could differ
    if choices.key is not None:
        identity = choices.key(*shown, **kwargs)
        if choices.takes_fingerprint:
            payload = bound if choices.payload is None else choices.payload(*shown, **kwargs)
    outer = current.get()
    unit = CALL._replace(
        identity={"arguments": canonical(identity)},
        payload=payload,
        expires_after=max(DAY, outer.expires_after) if outer else DAY,
    )
    call = partial(function.call, *args, **kwargs)
    return _job(choices, unit, key_of(function.name, unit), _outer_deadline(), call, function.codec)


def openly(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """Yield the call as it is, where protection is switched off."""
    unit = CALL._replace(source="disabled", kind="never")
    return (yield _job(choices, unit, None, None, partial(function.call, *args, **kwargs), function.codec))


class _Event:
    """One event, as the platform hands it to a handler."""

    def __init__(self, function: Function, choices: Choices, own: tuple[Any, ...], event: Any, context: Any) -> None:
        self.function = function
        self.choices = choices
        self.own = own
        self.event = event
        self.context = context

    def jobs(self) -> Jobs:
        """Record by record where there are records, else the event as one."""
        try:
            with _RefusalsOf("event"):
                found = read_units(self.event) if self.choices.by_record else [whole(self.event, units(self.event))]
        except MalformedEvent as error:
            return _heard(error, _reader(error.source), self.event)
        if len(found) == 1 and found[0].event is self.event:
            return (yield from self._answered(found[0]))
        return (yield from self._of_records(found))

    def _of_records(self, found: list[Unit]) -> Jobs:
        talk = batch.deliver(self.event, found, report_failures=self.choices.report_failures)
        return (yield from _each(talk, self._job))

    def _answered(self, unit: Unit) -> Jobs:
        """One delivery; a reader with a form of its own hears of a refusal in that."""
        job: Job | None = None
        try:
            job = self._job(unit)
            return (yield job)
        except TwicesafeError as error:
            if job is not None and job.execution.has_begun:
                raise  # it is the function's own, even if it is one of ours
            return _heard(error, _reader(unit.source), self.event)

    def _job(self, unit: Unit) -> Job:
        with _RefusalsOf(unit.source):
            if unit.malformed is not None:
                raise unit.malformed
            self._check_expiry(unit)
            unit = self._with_key(unit)
            key = None
            if unit.identity is not None:
                scope = self.choices.scope(unit.event) if self.choices.scope else None
                key = key_of(self.function.name, unit, scope=scope, tenant=_text_of(self.context, "tenant_id"))
            call = partial(self.function.call, *self.own, unit.event, self.context)
            return _job(self.choices, unit, key, self._deadline(), call, self.function.handler_codec)

    def _with_key(self, unit: Unit) -> Unit:
        """The unit under the user's own key, where they gave one; else under the best that there is."""
        if self.choices.payload is not None:
            unit = unit._replace(payload=self.choices.payload(unit.event))
        elif not self.choices.takes_fingerprint:
            unit = unit._replace(payload=None)
        if unit.credentials and self.choices.scope is None:
            unit = unit._replace(payload={"of": unit.payload, "shown by": unit.credentials})
        if self.choices.key is not None:
            return unit._replace(kind="explicit", identity={"key": canonical(self.choices.key(unit.event))})
        if unit.kind == "client" and unit.identity is None and self.choices.require_key:
            raise MissingKey("of the caller", HEADER)
        request_id = _text_of(self.context, "aws_request_id")
        if unit.kind == "explicit" and unit.identity is None and request_id:
            return with_request_id(unit, request_id)
        return unit

    def _check_expiry(self, unit: Unit) -> None:
        chosen = self.choices.expires_after
        if unit.kind == "natural" and chosen is not None and chosen < unit.expires_after:
            _warn_once(unit.source, chosen, Seconds(unit.expires_after))

    def _deadline(self) -> Deadline | None:
        """Return when the platform stops this process: the context counts down to it."""
        counts_down = getattr(self.context, "get_remaining_time_in_millis", None)
        if counts_down is None:
            return _outer_deadline()
        remaining = counts_down()
        if not isinstance(remaining, (int, float)):
            return None  # a stand-in for a context says no time
        return _deadline_in(int(max(0, min(A_YEAR, remaining))))


def _outer_deadline() -> Deadline | None:
    """Return the deadline of the execution that this call is made in."""
    outer = current.get()
    return outer.ends if outer else None


def _deadline_in(remaining: int) -> Deadline:
    """Return the deadline that is so many milliseconds away."""
    wall, elapsed = time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
    return Deadline(Millis(wall + remaining), Millis(elapsed + remaining))


def _text_of(context: Any, name: str) -> str | None:
    """A field of the context; a stand-in for one may say anything there."""
    value = getattr(context, name, None)
    return value if isinstance(value, str) else None


class _RefusalsOf:
    """Announces what is refused before there is a delivery that could be."""

    __slots__ = ("_begun", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._begun = time.perf_counter()

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            source = error.source if isinstance(error, MalformedEvent) else self._source
            duration = (time.perf_counter() - self._begun) * 1000
            announce(Decision("error", getattr(error, "key", None), source, None, duration, error))


def _reader(source: str) -> Reader | None:
    """Who reads the replies of a source in a form of their own."""
    if source in OF_HTTP:
        return HTTP
    if source == "s3-batch":  # which few are: loaded with the first one
        from .answers.s3_batch import S3_BATCH

        return S3_BATCH
    return None


def _heard(error: TwicesafeError, reader: Reader | None, event: Any) -> dict[str, object]:
    """What the reader of the reply hears of a refusal; anyone else hears the error itself."""
    answer = reader.refused(error, event) if reader is not None else None
    if answer is None:
        raise error
    return answer


def _each(talk: Generator[Unit, Any, object], job: Callable[[Unit], Job]) -> Jobs:
    """Hand each unit on as its job: a failure to make one is that unit's failure."""
    step, pid = partial(next, talk), os.getpid()
    while True:
        try:
            unit = step()
        except StopIteration as end:
            return end.value
        try:
            reply = yield job(unit)
        except Exception as error:
            if os.getpid() != pid:
                raise  # a forked child: the other records are its parent's
            step = partial(talk.throw, error)
        else:
            step = partial(talk.send, reply)


def _job(
    choices: Choices,
    unit: Unit,
    key: str | None,
    deadline: Deadline | None,
    call: Callable[[], Any],
    codec: Codec,
) -> Job:
    store = choices.store()
    if key is not None and (outer := current.get()) is not None and outer.holds(key, store):
        raise KeyAlreadyHeld(key)
    expires_after = Seconds(choices.expires_after or unit.expires_after)
    policy = Policy(
        expires_after,
        on_conflict=choices.on_conflict or unit.on_conflict,
        on_unknown=choices.on_unknown,
        lease=choices.lease,
    )
    reader = _reader(unit.source)
    judge = Judge(
        codec,
        key or "",
        limit=store.reply_limit,
        keeps=unit.reply_kept,
        final_errors=choices.final_errors,
        says_failed=reader.says_failed if reader else _reports_failure(unit),
        to_keep=reader and reader.to_keep,
        replayed=reader and partial(reader.replayed, unit.event),
    )
    delivery = None
    if key is not None:
        print_of = "" if unit.payload is None else fingerprint(unit.payload)
        delivery = Delivery(key, os.urandom(16).hex(), print_of, deadline)
    execution = Execution(unit.source, key, deadline, store, expires_after)
    return Job(call, execution, delivery, policy, judge, choices.fail_open)


def _reports_failure(unit: Unit) -> Callable[[object], bool] | None:
    """Only a record of a batch can."""
    return None if unit.item is None else partial(batch.reports_failure, unit)


def _warn_once(source: str, expires_after: Seconds, redelivered: Seconds) -> None:
    """The source is known at its first delivery only: the decorator takes any."""
    if (source, expires_after) not in _warned:
        _warned.add((source, expires_after))
        logger.warning(
            "expires_after= is %d s, and %s can deliver the same event again for up to %d s: one that comes after the "
            "record's expiry runs again, with all its effects. Leave expires_after= out, or make it longer.",
            expires_after,
            source,
            redelivered,
        )
