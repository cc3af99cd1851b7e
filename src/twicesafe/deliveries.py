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
from .errors import (
    ConfigurationError,
    KeyAlreadyHeld,
    MalformedEvent,
    MissingKey,
    NotEnoughTime,
    TwicesafeError,
    UnusableKey,
)
from .execution.current import Execution, current
from .execution.job import Job
from .execution.judge import Judge
from .handler_calls import around, handler_call, is_context, remaining_time, text_of
from .keys.canonical import canonical
from .keys.event_objects import is_json, json_of, parsed_event, part_of, require_object
from .keys.owners import class_name, owner_text
from .keys.owners import is_identified as is_identified_owner
from .keys.sources import Unit, fingerprint_of, key_of, read_units, units, whole, with_request_id
from .keys.sources.credentials import UNCOMPARED
from .keys.sources.http import ROWS, is_safe
from .protocol.flows import Delivery
from .protocol.policy import Policy
from .protocol.records import Millis, Seconds
from .protocol.tenure import Deadline
from .stores.base import on_lambda
from .tuples import NamedTuple
from .unprotected import OWN_RETRIES, UNIDENTIFIED, WITHOUT_KEY, warn_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias

    from .answers.reader import Reader, Statuses
    from .handler_calls import HandlerCall
    from .keys.selectors import BoundArguments, Selector
    from .naming import FunctionName
    from .protocol.policy import OnConflict, OnUnknown
    from .replies import Codec
    from .stores.base import Store

OF_HTTP = frozenset(row.name for row in ROWS if row.is_http)
WITH_HEADER = OF_HTTP | {"appsync"}
"""Sources whose callers can send an Idempotency-Key."""
_warned: set[tuple[str, Seconds | str]] = set()
DAY = Seconds(86_400)
"""How long the reply of a plain call is honoured, where no event around it can come again later."""

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
    key: Selector | None
    payload: Selector | None
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
    statuses: Statuses


class Function(NamedTuple):
    """The user's function, and what was read off it when it was decorated."""

    call: Callable[..., Any]
    name: FunctionName
    is_method: bool  # its first argument is self or cls
    parameters: tuple[str, ...]  # that its caller may give, self and cls included
    required: tuple[str, ...]  # those that it must give
    is_handler: bool  # by the names of its parameters
    arguments: BoundArguments
    codec: Codec  # for a plain call
    handler_codec: Codec  # for a handler, whose reply Lambda's runtime must be able to send

    @property
    def owner(self) -> str | None:
        """The name of the parameter that is self or cls."""
        return self.parameters[0] if self.is_method else None

    def subclass(self, args: tuple[Any, ...]) -> str | None:
        """Return the class whose method is called, where that is another than the one that defines it."""
        if not self.is_method or not args:
            return None
        defined_in = f"{self.name.place[0]}.{self.name.place[1].rpartition('.')[0]}"
        called_on = class_name(args[0])
        return None if called_on == defined_in else called_on


Jobs: TypeAlias = "Generator[Job, Any, Any]"


def jobs(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """Yield each delivery that the call is made of, be sent its reply, and return the call's."""
    own = int(function.is_method)
    if (call := handler_call(function.parameters, own, args, kwargs, is_handler=function.is_handler)) is not None:
        return _Event(function, choices, call).jobs()
    return _plain(function, choices, args, kwargs)


def _plain(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """One delivery; its key is what its arguments are, or what the user says."""
    with _RefusalsOf("function"):
        job = _plain_job(function, choices, args, kwargs)
    return (yield job)


def _plain_job(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    bound = function.arguments.bind(args, kwargs)
    owner = function.arguments.owner
    others = {name: value for name, value in bound.items() if name != owner}
    identity: dict[str, str] = {}
    payload: object = None  # all of it is in the key: there is nothing left that could differ
    if choices.key is not None:
        identity["arguments"] = canonical(choices.key(bound, owner))
        if choices.takes_fingerprint:
            payload = others if choices.payload is None else choices.payload(bound, owner)
    else:
        if owner is not None and (text := owner_text(bound[owner], function.name.text, function.required[1:])):
            identity["owner"] = text
        elif not function.arguments.are_given(args, kwargs):
            raise ConfigurationError(
                f"{function.name.text!r} was called without arguments, so nothing tells this call from another. "
                "Nothing has run. Say what identifies a call: @idempotent(key=...)."
            )
        identity["arguments"] = canonical(others)
    if (subclass := function.subclass(args)) is not None:
        identity["class"] = subclass
    outer = current.get()
    unit = CALL._replace(
        identity=identity,
        payload=payload,
        expires_after=max(DAY, outer.expires_after) if outer else DAY,
    )
    call = partial(function.call, *args, **kwargs)
    return _job(function, choices, unit, key_of(function.name.text, unit), _outer_deadline(), call, function.codec)


def openly(function: Function, choices: Choices, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jobs:
    """Yield the call as it is, where protection is switched off."""
    unit = CALL._replace(source="disabled", kind="never")
    call = partial(function.call, *args, **kwargs)
    return (yield _job(function, choices, unit, None, None, call, function.codec))


class _Event:
    """One event, as the platform hands it to a handler."""

    def __init__(self, function: Function, choices: Choices, call: HandlerCall) -> None:
        self.function = function
        self.choices = choices
        self.call = call
        self.event = json_of(call.event)
        self.context = call.context

    def jobs(self) -> Jobs:
        """Record by record where there are records, else the event as one."""
        try:
            with _RefusalsOf("event"):
                found = self._units()
        except MalformedEvent as error:
            return _heard(error, _reader(error.source), self.event)
        if len(found) == 1 and found[0].event is self.event:
            return (yield from self._answered(found[0]))
        return (yield from self._of_records(found))

    def _units(self) -> list[Unit]:
        if self.call.is_record:
            (unit,) = units(around(parsed_event(self.event) or self.event))
            return [unit._replace(event=self.event, item=None, order=None)]
        return read_units(self.event) if self.choices.by_record else [whole(self.event, units(self.event))]

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
            args, kwargs = self.call.with_event(self._in_its_form(unit.event))
            unit = self._with_key(unit, args, kwargs)
            key = None
            if unit.identity is not None:
                scope = self._scope(unit)
                if scope is not None and unit.credentials is not None:
                    unit = unit._replace(credentials=UNCOMPARED)
                tenant = text_of(self.context, "tenant_id")
                key = key_of(self.function.name.text, unit, scope=scope, tenant=tenant)
            call = partial(self.function.call, *args, **kwargs)
            codec = self.function.handler_codec
            if self.call.is_helper:  # it is not Lambda that gets its reply
                unit, codec = unit._replace(reply_kept=True), self.function.codec
            return _job(self.function, self.choices, unit, key, self._deadline(key), call, codec)

    def _in_its_form(self, event: Any) -> Any:
        """Return a unit's event in the form in which the handler's came."""
        return self.call.event if event is self.event else part_of(self.call.event, event)

    def _with_key(self, unit: Unit, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Unit:
        """Return the unit under the user's own key, where they gave one; else under the best that there is."""
        if self.choices.payload is not None:
            unit = unit._replace(payload=self._selected(self.choices.payload, args, kwargs))
        elif not self.choices.takes_fingerprint:
            unit = unit._replace(payload=None)
        if self.choices.key is not None:
            identity = {"key": canonical(self._selected(self.choices.key, args, kwargs))}
            if unit.source == "direct" and self.choices.payload is None and not is_json(unit.event):
                # A parser made it, and may have left in it what each delivery has anew, such as a receive count.
                unit = unit._replace(payload=None)
            unit = unit._replace(kind="explicit", identity=identity)
            beside = {}
        else:
            unit = self._with_own_key(unit)
            beside = self._told_beside(args, kwargs)
        if (subclass := self.function.subclass(args)) is not None:
            beside["class"] = subclass
        return unit if unit.identity is None else unit._replace(identity={**beside, **unit.identity})

    def _selected(self, selector: Selector, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        return selector(self._named(args, kwargs), self.function.owner)

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments by name, in the order of the parameters."""
        names = self.function.parameters or ("event", "context")  # a function of *args has none
        named = dict(zip(names, args, strict=False))
        named.update({str(place): value for place, value in enumerate(args[len(names) :], len(names))})
        return {**named, **{name: kwargs[name] for name in names if name in kwargs}, **kwargs}

    def _told_beside(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, str]:
        """Return what tells the call from another with the same event: its object, and its other arguments.

        Those of a handler are injected: a value is told by its text, and a service that has none is left out. What a
        handler calls with its event is told by all that it is called with, as any other function is.
        """
        function, is_helper = self.function, self.call.is_helper
        if not (function.is_method or function.arguments.held or len(args) + len(kwargs) > 2 or is_helper):
            return {}
        own = int(function.is_method)
        told: dict[str, str] = {}
        if own and (is_helper or is_identified_owner(args[0])) and (text := self._owner_text(args[0])):
            told["owner"] = text
        named = list(self._named(args, kwargs).items())[own + 1 :]
        if named and (not is_helper or is_context(named[0][1])):
            named = named[1:]  # the context
        others = {**function.arguments.held, **{name: value for name, value in named if value is not None}}
        texts = {name: canonical(value) if is_helper else _injected_text(value) for name, value in others.items()}
        if any(texts.values()):
            told["arguments"] = canonical({name: text for name, text in texts.items() if text})
        return told

    def _owner_text(self, owner: Any) -> str:
        """Return what tells a method's object from another; empty: a handler's has no text, and plays no part."""
        try:
            return owner_text(owner, self.function.name.text, self.function.required[1:])
        except ConfigurationError:
            if self.call.is_helper:
                raise
            return ""

    def _with_own_key(self, unit: Unit) -> Unit:
        """Return the unit under its source's own identity, or under Lambda's request id."""
        name = self.function.name.text
        if unit.kind == "client" and unit.identity is None:
            if self.choices.require_key:
                raise MissingKey("of the caller", HEADER)
            if not is_safe(unit.event):
                warn_once(name, unit.source, WITHOUT_KEY if unit.source in WITH_HEADER else UNIDENTIFIED)
        if unit.kind == "explicit" and unit.identity is None:
            require_object(unit.event, name)
            request_id = text_of(self.context, "aws_request_id")
            warn_once(name, unit.source, OWN_RETRIES if request_id else UNIDENTIFIED)
            if request_id:
                is_whole = self.choices.takes_fingerprint and self.choices.payload is None
                return with_request_id(unit, request_id, with_event=is_whole)
        return unit

    def _scope(self, unit: Unit) -> str | None:
        """Return who is calling, as the user tells it; None: they do not, and what the caller shows is compared."""
        told = self.choices.scope(unit.event) if self.choices.scope else None
        if told is not None and not isinstance(told, str):
            raise ConfigurationError(
                f"scope= returned a {type(told).__qualname__}; it takes a function that returns who is calling as "
                "text, or None where nobody is known. Nothing has run."
            )
        if told is not None and told.strip():
            return told
        if unit.credentials is not None and unit.credentials.scheme:
            _warn_of_signatures(self.function.name.text, unit.credentials.scheme)
        return None

    def _check_expiry(self, unit: Unit) -> None:
        chosen = self.choices.expires_after
        if unit.kind == "natural" and chosen is not None and chosen < unit.expires_after:
            _warn_once(unit.source, chosen, Seconds(unit.expires_after))

    def _deadline(self, key: str | None) -> Deadline | None:
        """Return when the platform stops this process: the context counts down to it."""
        remaining = remaining_time(self.context)
        if remaining is None:
            return _outer_deadline()
        if key is not None and remaining <= 0 and not on_lambda():
            raise NotEnoughTime(key, remaining, context=type(self.context).__qualname__)
        return _deadline_in(max(0, remaining))


def _outer_deadline() -> Deadline | None:
    """Return the deadline of the execution that this call is made in."""
    outer = current.get()
    return outer.ends if outer else None


def _deadline_in(remaining: int) -> Deadline:
    """Return the deadline that is so many milliseconds away."""
    wall, elapsed = time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
    return Deadline(Millis(wall + remaining), Millis(elapsed + remaining))


def _injected_text(value: Any) -> str:
    """Return the text of an injected value; empty: it has none."""
    try:
        return canonical(value)
    except UnusableKey:
        return ""


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
    """Hand each unit on as its job: a failure to make one is that unit's failure, unless it is every unit's."""
    step, pid = partial(next, talk), os.getpid()
    while True:
        try:
            unit = step()
        except StopIteration as end:
            return end.value
        made: Job | None = None
        try:
            made = job(unit)
            reply = yield made
        except Exception as error:
            if os.getpid() != pid:
                raise  # a forked child: the other records are its parent's
            has_begun = made is not None and made.execution.has_begun
            if isinstance(error, ConfigurationError) and error.is_lasting and not has_begun:
                raise  # no redelivery of any record puts it right
            step = partial(talk.throw, error)
        else:
            step = partial(talk.send, reply)


def _job(
    function: Function,
    choices: Choices,
    unit: Unit,
    key: str | None,
    deadline: Deadline | None,
    call: Callable[[], Any],
    codec: Codec,
) -> Job:
    store = choices.store()
    if key is not None:
        function.name.check(store)
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
        says_failed=partial(reader.says_failed, choices.statuses) if reader else _reports_failure(unit),
        to_keep=reader and reader.to_keep,
        replayed=reader and partial(reader.replayed, unit.event),
    )
    delivery = None
    if key is not None:
        delivery = Delivery(key, os.urandom(16).hex(), fingerprint_of(unit), deadline)
    execution = Execution(unit.source, key, deadline, store, expires_after)
    return Job(call, execution, delivery, policy, judge, function.name.text if choices.fail_open else None)


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


def _warn_of_signatures(function: str, scheme: str) -> None:
    """The scheme is known at its first request only: the decorator takes any."""
    if (function, scheme) not in _warned:
        _warned.add((function, scheme))
        logger.warning(
            "Callers of %s show an Authorization of the scheme %s, which signs each request anew, and no platform has "
            "proven who they are. A retry under the same Idempotency-Key looks like another caller's, and is refused "
            "with 422. Tell who is calling: @idempotent(scope=...).",
            function,
            scheme,
        )
