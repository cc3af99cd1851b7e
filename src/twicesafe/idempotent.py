"""The decorator: from a function to a protected function, sync or async."""

from __future__ import annotations

import os
import sys
from functools import partial, wraps

from .answers.reader import Statuses
from .configuration import is_disabled, store_opener
from .deliveries import Choices, Function, jobs, openly
from .errors import ConfigurationError
from .execution.job import Job
from .keys.selectors import BoundArguments, compile_selector
from .naming import FunctionName, Site
from .protocol.drivers import drive, drive_async
from .protocol.policy import LONGEST_RENEWED_LEASE
from .protocol.records import Millis, Seconds
from .replies import Codec
from .signatures import (
    bare,
    code_of,
    innermost,
    is_async,
    is_generator,
    is_method,
    optional_parameters,
    parameters,
    takes_nothing,
)
from .unprotected import DISABLED, warn_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta
    from typing import Any, Literal, ParamSpec, TypeVar, overload

    from .protocol.policy import OnConflict, OnUnknown
    from .stores.base import Store

    P = ParamSpec("P")
    R = TypeVar("R")

LEASE_SECONDS = 30
"""The lease of a function that no platform's deadline bounds; a heartbeat renews it."""
OPTIONS = frozenset(
    """
    key payload scope require_key name store expires_after on_conflict on_unknown final_errors lease unit
    report_failures fail_open keep_statuses retry_statuses
    """.split()  # noqa: SIM905 - a list of it would be longer
)
LIBRARIES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep, os.path.dirname(os.__file__))
"""Parts of paths in which no code of the user's own lies."""
EVENT_NAMES = ("e", "ev", "evt", "")
"""What handlers call their first parameter, where its name does not end in "event"; outer underscores aside."""
CONTEXT_NAMES = ("c", "")
"""What they call their second one, where its name does not end in "context" or "ctx"."""


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
        keep_statuses: Collection[int] = (),
        retry_statuses: Collection[int] = (),
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def idempotent(function: Any = None, /, **options: Any) -> Any:
    """Make a function safe to call twice: the first reply answers every later call.

    On a Lambda handler the event source is recognised, and each record of a batch is delivered by itself. A handler is
    a function whose first two parameters are named so (event, context), and any other that is called with Lambda's
    context, or with an event of a source that says what identifies it. On all other functions, sync or async, the
    arguments are what makes two calls the same.

    Of a method that is no handler, `self` counts as well: it needs `key=`, unless its class is a frozen dataclass or
    model, or has a method `__idempotency_key__` that returns what tells one instance from another.

    Args:
        key: what makes two deliveries the same request: a function of those arguments that it names (of a handler: of
            the event, for a batch of the event with one record), or a JMESPath expression on the first one. By default
            the event source's own identity, or all arguments.
        payload: the part that must not change under one key, given like `key`; False: nothing is compared.
        scope: for HTTP: who is calling, as text, told from the event once you have verified it. Without it, or where
            it returns None, a duplicate that shows other credentials than the first request, which no platform has
            proven, is refused: also a renewed token, and each that signs its request.
        require_key: answer an HTTP caller that sent no key with 400. By default such a request runs unprotected.
        name: what keys begin with, so that they outlive a rename. By default the function's module and qualified
            name. Lambdas, partials, bound methods and functions that take variables from another one need it.
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
        keep_statuses: for HTTP: statuses of replies that are kept, although they say "come again". By default 401, 403,
            408, 409, 423, 425, 429, 5xx and any 4xx with Retry-After are not: the next try runs the function again,
            and only its steps are not repeated.
        retry_statuses: for HTTP: statuses of replies that are not kept either.

    Raises:
        ConfigurationError: at decoration, an option is wrong, the function needs a name= or a key=, or there is no
            store on Lambda. At a call, before any effect: nothing tells it from another, its event was made into an
            object by a parser, or another function has the same name.
        InProgress: another delivery is running, and its reply did not come in time.
        PayloadMismatch: the key was used before with another payload, or (CredentialsMismatch) other credentials.
        MissingKey: the key that was asked for has a missing part.
        UnknownOutcome: an earlier delivery fell silent, under on_unknown="raise".
        StoreUnavailable: the store did not answer; nothing has run.
        NotRecorded, UnkeptReply: the function has run.
    """
    if function is None:
        return partial(idempotent, **options)
    if unknown := options.keys() - OPTIONS:
        raise ConfigurationError(
            f"@idempotent has no option {min(unknown)}=. Its options are {', '.join(sorted(OPTIONS))}."
        )
    caller = sys._getframe(1)  # noqa: SLF001 - two runs of one piece of source are told apart by its code objects
    return _decorate(function, Site(caller.f_code, caller.f_lineno, caller.f_globals.get("__file__")), **options)


def _decorate(function: Any, site: Site, **options: Any) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorate(function.__func__, site, **options))
    if not callable(function):
        raise ConfigurationError(f"@idempotent needs a function, and was given {function!r}.")
    if isinstance(function, type):
        raise ConfigurationError(
            f"@idempotent needs a function, and was given the class {function.__qualname__}. Put it on the method."
        )
    if is_generator(function):
        raise ConfigurationError(
            f"{function!r} yields its values one by one, which are no reply that could be given again. "
            "Protect a function that returns them all, or the one that handles each."
        )
    return _protect(function, site, **options)


def _protect(function: Callable[..., Any], site: Site, **options: Any) -> Callable[..., Any]:
    """Return the wrapper, which keeps the function's name, docstring, signature and types."""
    name, jobs_of = FunctionName(function, options.pop("name", None), site), jobs
    if is_disabled():
        jobs_of, options["store"] = openly, "memory://"  # which is not asked for anything
        warn_once(name.text, "any source", DISABLED)
    choices = _choices(_file_of(function, site), **options)
    described = _describe(function, name, choices)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return drive(jobs_of(described, choices, args, kwargs), Job.run)

    async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
        return await drive_async(jobs_of(described, choices, args, kwargs), Job.run_async)

    named = function if isinstance(getattr(function, "__name__", None), str) else bare(function)
    protected = wraps(named)(async_wrapper if is_async(function) else wrapper)
    protected.__wrapped__ = function  # what `inspect` reads the signature from
    name.belongs_to(protected)
    return protected


def _describe(function: Callable[..., Any], name: FunctionName, choices: Choices) -> Function:
    """Read off a function what each call needs.

    Raises:
        ConfigurationError: it has no arguments and no key=, so that nothing would tell its calls apart.
    """
    arguments = BoundArguments(function)
    is_owned = is_method(function)
    if choices.key is None and not is_owned and takes_nothing(function) and not arguments.are_given((), {}):
        raise ConfigurationError(
            f"{name.text!r} takes no arguments, so nothing tells one call from another: each would get the first one's "
            "reply. Say what identifies a call: @idempotent(key=lambda: ...)."
        )
    names = parameters(function)
    return Function(
        function,
        name,
        is_owned,
        names,
        tuple(name for name in names if name not in optional_parameters(function)),
        _is_handler(names[is_owned:]),
        arguments,
        Codec(function, final_errors=choices.final_errors),
        Codec(function, final_errors=choices.final_errors, handler=True),
    )


def _is_handler(names: tuple[str, ...]) -> bool:
    """Tell if the first two parameters are called as Lambda's event and context are."""
    if len(names) < 2:
        return False
    event, context = (name.strip("_").lower() for name in names[:2])
    is_event = event in EVENT_NAMES or event.endswith("event")
    return is_event and (context in CONTEXT_NAMES or context.endswith(("context", "ctx")))


def _file_of(function: Any, site: Site) -> str | None:
    """Return the file of the user's own code: the function's, or where that is a library's, the decorator's place."""
    inside = innermost(function)
    file = getattr(inside, "__globals__", {}).get("__file__") if code_of(inside) is not None else None
    is_of_a_library = file is None or any(part in file for part in LIBRARIES)
    return site.file if is_of_a_library and site.file else file


def _choices(
    beside: str | None,
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
    keep_statuses: Collection[int] = (),
    retry_statuses: Collection[int] = (),
) -> Choices:
    """Check what the user chose, before anything runs."""
    _one_of("on_conflict", on_conflict, (None, "raise", "wait"))
    _one_of("on_unknown", on_unknown, ("rerun", "raise"))
    _one_of("unit", unit, ("record", "event"))
    if payload is True:
        raise ConfigurationError("payload= takes a function, a JMESPath expression or False, not True.")
    if scope is not None and not callable(scope):
        raise ConfigurationError(f"scope= takes a function of the event, not {scope!r}.")
    if is_async(scope) or is_generator(scope):
        raise ConfigurationError(
            f"scope= takes a function that returns who is calling, and {scope!r} is async or a generator: a call of it "
            "runs nothing. Give one that returns the text itself."
        )
    if not isinstance(final_errors, tuple) or not all(map(_can_be_final, final_errors)):
        raise ConfigurationError(f"final_errors= takes a tuple of exception classes, not {final_errors!r}.")
    lease_ms = Millis(_seconds("lease", lease) * 1000)
    if lease_ms > LONGEST_RENEWED_LEASE:
        longest = LONGEST_RENEWED_LEASE // 1000
        raise ConfigurationError(f"lease= is {lease_ms // 1000} s, more than {longest} s; it is renewed.")
    return Choices(
        store_opener(store, beside),
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
        _statuses(keep_statuses, retry_statuses),
    )


def _statuses(keep: Collection[int], retry: Collection[int]) -> Statuses:
    found = Statuses(_of_http("keep_statuses", keep), _of_http("retry_statuses", retry))
    if both := found.keep & found.retry:
        raise ConfigurationError(f"keep_statuses= and retry_statuses= both have {min(both)}: a reply is kept or not.")
    return found


def _of_http(option: str, statuses: Collection[int]) -> frozenset[int]:
    known = not isinstance(statuses, (str, bytes, bytearray, dict)) and hasattr(statuses, "__iter__")
    given = tuple(statuses) if known else ()  # an iterator can be read once
    if not known or not all(map(_is_status, given)):
        raise ConfigurationError(f"{option}= takes HTTP statuses, as in {option}={{409}}, not {statuses!r}.")
    return frozenset(map(int, given))


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599


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
