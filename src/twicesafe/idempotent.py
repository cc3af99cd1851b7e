"""The decorator: from a function to a protected function, sync or async."""

from __future__ import annotations

import os
from functools import partial, wraps

from .configuration import is_disabled, store_opener
from .deliveries import Choices, Function, jobs, openly
from .errors import ConfigurationError
from .execution.job import Job
from .keys.selectors import BoundArguments, compile_selector
from .protocol.drivers import drive, drive_async
from .protocol.policy import LONGEST_RENEWED_LEASE
from .protocol.records import Millis, Seconds
from .replies import Codec
from .signatures import bare, is_async, is_generator, is_method, parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Any, Literal, ParamSpec, TypeVar, overload

    from .protocol.policy import OnConflict, OnUnknown
    from .stores.base import Store

    P = ParamSpec("P")
    R = TypeVar("R")

LEASE_SECONDS = 30
"""The lease of a function that no platform's deadline bounds; a heartbeat renews it."""
CONTEXT_NAMES = ("context", "ctx", "lambda_context", "")
"""What handlers call their second parameter, leading and trailing underscores aside."""


if TYPE_CHECKING:

    @overload
    def idempotent(function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def idempotent(
        *,
        key: Callable[..., object] | str | None = None,
        payload: Callable[..., object] | str | Literal[False] | None = None,
        scope: Callable[[Any], str | None] | None = None,
        require_key: bool = False,
        name: str | None = None,
        store: Store | str | None = None,
        expires_after: timedelta | int | None = None,
        on_conflict: OnConflict | None = None,
        on_unknown: OnUnknown = "rerun",
        final_errors: tuple[type[BaseException], ...] = (),
        lease: timedelta | int = LEASE_SECONDS,
        unit: Literal["record", "event"] = "record",
        report_failures: bool = False,
        fail_open: bool = False,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def idempotent(function: Any = None, /, **options: Any) -> Any:
    """Make a function safe to call twice: the first reply answers every later call.

    On a Lambda handler the event source is recognised, and each record of a batch is a delivery of its own. On
    any other function, sync or async, the arguments are what makes two calls the same.

    Args:
        key: what makes two deliveries the same request: a function of the arguments (of a handler: of the event, for
            a batch of the event with one record), or a JMESPath expression on the first one. By default the
            event source's own identity, or all arguments.
        payload: the part that must not change under one key, given like `key`; False: nothing is compared.
        scope: for HTTP: who is calling, told from the event, where the event does not say so itself. Without it, other
            Basic or Bearer credentials are another payload; callers who are told by a cookie need it.
        require_key: answer an HTTP caller that sent no key with 400. By default such a request runs unprotected.
        name: what keys begin with, so that they outlive a rename. By default the function's own name.
        store: a store, or its URL. By default the environment's TWICESAFE_STORE, else a local SQLite file.
        expires_after: how long the reply is honoured, in whole seconds. By default longer than the event source
            can deliver the same event again.
        on_conflict: "raise" InProgress at once, or "wait" for the other delivery's reply within the remaining time.
            By default what suits the event source.
        on_unknown: after a crash, "rerun" as soon as the lease is over, or "raise" UnknownOutcome and never run again
            what may have happened.
        final_errors: exceptions that are an answer: recorded, and raised again on replay. Any other exception lets
            the platform try again, and so does one of twicesafe's own, unless it is named itself.
        lease: how long a claim is honoured without news, in seconds, where no Lambda deadline (90 minutes away at
            most) bounds it.
        unit: "record", or "event" to keep a batch event whole.
        report_failures: the event source mapping has ReportBatchItemFailures: failed records are returned.
        fail_open: run unprotected when the store cannot be reached. By default that is an error, before any effect.

    Raises:
        ConfigurationError: at decoration, an option is wrong, or there is no store on Lambda.
        InProgress: another delivery is running, and its reply did not come in time.
        PayloadMismatch: the key was used before with another payload.
        MissingKey: the key that was asked for has a missing part.
        UnknownOutcome: an earlier delivery fell silent, under on_unknown="raise".
        StoreUnavailable: the store did not answer; nothing has run.
        NotRecorded, UnkeptReply: the function has run.
    """
    if function is None:
        return partial(idempotent, **options)
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(idempotent(function.__func__, **options))
    if not callable(function):
        raise ConfigurationError(f"@idempotent needs a function, and was given {function!r}.")
    if is_generator(function):
        raise ConfigurationError(
            f"{function!r} yields its values one by one, which are no reply that could be given again. "
            "Protect a function that returns them all, or the one that handles each."
        )
    return _protected(function, **options)


def _protected(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The wrapper, which keeps the function's name, docstring, signature and types."""
    name, jobs_of = options.pop("name", None), jobs
    if is_disabled():
        jobs_of, options["store"] = openly, "memory://"  # which is not asked for anything
    choices = _choices(function, **options)
    described = _describe(function, name, choices.final_errors)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return drive(jobs_of(described, choices, args, kwargs), Job.run)

    async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
        return await drive_async(jobs_of(described, choices, args, kwargs), Job.run_async)

    named = function if hasattr(function, "__name__") else bare(function)
    protected = wraps(named)(async_wrapper if is_async(function) else wrapper)
    protected.__wrapped__ = function  # what `inspect` reads the signature from
    return protected


def _describe(
    function: Callable[..., Any], name: str | None, final_errors: tuple[type[BaseException], ...]
) -> Function:
    if name is not None and not (isinstance(name, str) and name):
        raise ConfigurationError(f"name= takes what the function's keys begin with, not {name!r}.")
    owned = is_method(function)
    return Function(
        function,
        _name(function) if name is None else name,
        owned,
        _event_and_context(parameters(function)[owned:]),
        BoundArguments(function),
        Codec(function, final_errors=final_errors),
        Codec(function, final_errors=final_errors, handler=True),
    )


def _event_and_context(names: tuple[str, ...]) -> tuple[str, ...]:
    """What a Lambda handler calls its two parameters; nothing for any other function."""
    return names[:2] if len(names) > 1 and names[1].strip("_") in CONTEXT_NAMES else ()


def _name(function: Callable[..., Any]) -> str:
    """On Lambda keys begin with the Lambda function's name, so that IAM's LeadingKeys can tell them apart."""
    inside = bare(function)
    own = f"{inside.__module__}.{inside.__qualname__}"
    host = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    return f"{host}#{own}" if host else own


def _choices(
    function: Callable[..., Any],
    *,
    key: Callable[..., object] | str | None = None,
    payload: Callable[..., object] | str | bool | None = None,
    scope: Callable[[Any], str | None] | None = None,
    require_key: bool = False,
    store: Store | str | None = None,
    expires_after: timedelta | int | None = None,
    on_conflict: OnConflict | None = None,
    on_unknown: OnUnknown = "rerun",
    final_errors: tuple[type[BaseException], ...] = (),
    lease: timedelta | int = LEASE_SECONDS,
    unit: str = "record",
    report_failures: bool = False,
    fail_open: bool = False,
) -> Choices:
    """Check what the user chose, before anything runs."""
    _one_of("on_conflict", on_conflict, (None, "raise", "wait"))
    _one_of("on_unknown", on_unknown, ("rerun", "raise"))
    _one_of("unit", unit, ("record", "event"))
    if payload is True:
        raise ConfigurationError("payload= takes a function, a JMESPath expression or False, not True.")
    if scope is not None and not callable(scope):
        raise ConfigurationError(f"scope= takes a function of the event, not {scope!r}.")
    if not isinstance(final_errors, tuple) or not all(map(_can_be_final, final_errors)):
        raise ConfigurationError(f"final_errors= takes a tuple of exception classes, not {final_errors!r}.")
    lease_ms = Millis(_seconds("lease", lease) * 1000)
    if lease_ms > LONGEST_RENEWED_LEASE:
        longest = LONGEST_RENEWED_LEASE // 1000
        raise ConfigurationError(f"lease= is {lease_ms // 1000} s, more than {longest} s; it is renewed.")
    return Choices(
        store_opener(store, getattr(bare(function), "__globals__", {}).get("__file__")),
        None if key is None else compile_selector(key),
        compile_selector(payload, "payload") if payload else None,
        payload is not False,
        scope,
        require_key,
        None if expires_after is None else Seconds(_seconds("expires_after", expires_after)),
        on_conflict,
        on_unknown,
        final_errors,
        lease_ms,
        unit == "record",
        report_failures,
        fail_open,
    )


def _one_of(option: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        known = ", ".join(repr(one) for one in allowed if one is not None)
        raise ConfigurationError(f"{option}= takes {known}, not {value!r}.")


def _can_be_final(kind: object) -> bool:
    """An interrupt is no answer."""
    return isinstance(kind, type) and issubclass(kind, Exception)


def _seconds(option: str, value: timedelta | int) -> int:
    """Whole seconds, of at least one."""
    seconds = value if isinstance(value, int) else getattr(value, "total_seconds", lambda: None)()
    if seconds is None or isinstance(value, bool) or seconds < 1:
        raise ConfigurationError(f"{option}= takes a timedelta or whole seconds, of at least 1, not {value!r}.")
    return -int(-seconds // 1)
