"""Steps: pieces of the work whose results are recorded, so that a later attempt does not run them again."""

from __future__ import annotations

import os
from functools import partial, wraps

from ..decisions import logger
from ..errors import ConfigurationError
from ..protocol.steps import step as step_flow
from ..protocol.steps import transact
from ..replies import Codec
from ..signatures import accepts, bare, is_async, is_method
from .current import current, for_transaction, uuid_of
from .options import NO_OPTIONS, checked, full_name, print_of, take_options
from .step_host import StepHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import timedelta
    from typing import Any, ParamSpec, TypeVar, overload

    from ..protocol.commands import Flow
    from .options import Options

    P = ParamSpec("P")
    T = TypeVar("T")

_said: set[object] = set()


class Steps:
    """Run one piece of the work, and record its result: a later attempt gets that, and does not run it.

        charge = step("charge", charge_card, order)

        @step                                    # or with options: @step(needs=5), @step("charge", needs=5)
        def charge_card(order, idempotency_key): ...

    A step costs one write; one with `recover` or `at_most_once` costs two. Results are found by the step's name, not
    by its place: steps may be added, left out and reordered from one deploy to the next.

    Args:
        name: what it is called; unique in its execution. A decorated function's own name is the default.
        function: what it does, called with the arguments that follow. If it has a parameter `idempotency_key`, it
            gets the downstream key there, for an outside system that deduplicates. An async one is to be awaited.
        each: in a loop, what tells one turn from the others; of a decorated function, a function of its arguments.
        fingerprint: whether a later attempt must call it with the same arguments, as far as they have a text.
        needs: how much of the platform's time must be left to begin it; a timedelta or seconds.
        recover: finds out what became of an effect that may have been had; called with the step's arguments, in a
            later attempt. It returns what the step would have returned, or NOT_DONE, or raises when it cannot tell.
        at_most_once: never repeat what may have been had; a later attempt raises StepInDoubt.
        not_done: exceptions of the function that prove that nothing was sent.
        settles_after: how long after its begin the effect may still be had; NOT_DONE is not believed sooner. By
            default a minute; give the time limit of the effect's own client.
        horizon: how long the outside system remembers the downstream key; a timedelta, seconds, or the name of a
            provider in twicesafe.providers ("stripe"). By default what the function's own `horizon` says, as those of
            twicesafe.downstream do. A later attempt does not call it past that.

    An option that is also a parameter of the function is refused, since it is not clear whose it is:
    `step("pay", partial(pay, each=3), order, each=order.id)` gives each its own. Where a function takes any keyword
    (`**kwargs`), the option is the step's.

    Returns:
        What the function returned, now or in an earlier attempt. Outside a protected function it just runs.

    Raises:
        DuplicateStep, NestedStep, WrongProcess, ConfigurationError: the effect was not run.
        LeaseLost, StepMismatch, StepInDoubt, NotEnoughTime: the effect was not run, and the execution is over.
        StoreUnavailable: the execution is over; if the effect is done, its result goes along with the next write.
        UnserializableReply: the effect is done, and its result cannot be kept.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __call__(self, function: Callable[P, T], /) -> Callable[P, T]: ...
        @overload
        def __call__(
            self,
            name: str | None = None,
            /,
            *,
            each: Callable[..., object] | None = None,
            fingerprint: bool = True,
            needs: timedelta | float = 0,
            recover: Callable[..., Any] | None = None,
            at_most_once: bool = False,
            not_done: type[BaseException] | tuple[type[BaseException], ...] = (),
            settles_after: timedelta | float | None = None,
            horizon: timedelta | float | str | None = None,
        ) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
        @overload
        def __call__(
            self, name: str, function: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **options: Any
        ) -> Coroutine[Any, Any, T]: ...
        @overload
        def __call__(self, name: str, function: Callable[..., T], /, *args: Any, **options: Any) -> T: ...

    def __call__(self, name: Any = None, function: Any = None, /, *args: Any, **kwargs: Any) -> Any:
        if function is not None:
            if not callable(function):
                raise ConfigurationError(f"step({name!r}, ...) needs a function to call, and was given {function!r}.")
            options = take_options(function, kwargs)
            return _run(full_name(name, options.each), function, args, kwargs, options)
        if callable(name) and not kwargs:
            return _decorated(None, name, NO_OPTIONS)
        options = checked(**kwargs)
        if options.each is not None and not callable(options.each):
            raise ConfigurationError(
                "each= of a decorated step takes a function of its arguments: each=lambda o: o.id."
            )
        return partial(_decorated, name, options=options)

    def transact(self, name: str, writes: Sequence[dict[str, Any]], **options: Any) -> None:
        """Make writes of your own and record the step in one DynamoDB transaction: exactly once, with no window.

            step.transact("reserve", writes=[{"Update": {"TableName": "stock", "Key": {"sku": "a"}, ...}}])

        It costs one request. Where others are at the same items it is tried again, within the remaining time. The
        tables must be in the account and Region of the records.

        Args:
            name: as of any step.
            writes: up to 99 actions of TransactWriteItems, with DynamoDB's own values or those of a boto3 resource.
            options: `each`, `fingerprint` (of the writes) and `needs`, as of any step.

        Raises:
            TransactionRefused: a condition of yours did not hold; nothing was written, and the execution goes on.
            ConfigurationError: the store is not DynamoDB, or does not take these writes; nothing was written.
            StoreUnavailable: the execution is over; the next attempt knows whether it was written.
            DuplicateStep, NestedStep, WrongProcess, LeaseLost, StepMismatch, NotEnoughTime: nothing was written.
        """
        host, flow = _transaction(name, writes, options)
        host.run(flow)

    async def transact_async(self, name: str, writes: Sequence[dict[str, Any]], **options: Any) -> None:
        """The same, on an event loop."""
        host, flow = _transaction(name, writes, options)
        await host.run_async(flow)

    if TYPE_CHECKING:

        @overload
        def transaction(
            self,
            name: str,
            connection: Any,
            function: Callable[..., Coroutine[Any, Any, T]],
            /,
            *args: Any,
            **options: Any,
        ) -> Coroutine[Any, Any, T]: ...
        @overload
        def transaction(
            self, name: str, connection: Any, function: Callable[..., T], /, *args: Any, **options: Any
        ) -> T: ...

    def transaction(
        self, name: str, connection: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        """Run a function in a transaction of your own database that also holds the step: exactly once, with no window.

            reserved = step.transaction("reserve", connection, reserve, order)

            def reserve(cursor, order):
                cursor.execute("UPDATE stock SET left = left - 1 WHERE sku = ?", (order["sku"],))

        The step's row is inserted first, so that a late attempt waits for the one before it; both commit as one. It
        costs no write to the store. The row lies in the table twicesafe_steps ('twicesafe table --format sql'), and
        lasts longer than the record. It is a function, not a `with` block, because Python cannot skip a block.

        Args:
            name: as of any step.
            connection: of sqlite3 or psycopg 3 (an async one for an async function); not in autocommit, and not in
                the middle of a transaction.
            function: called with a cursor, and the arguments that follow; it neither commits nor rolls back.
            kwargs: the function's, and `each`, `fingerprint` and `needs`, as of any step.

        Raises:
            ConfigurationError: the connection or the table is not as it must be; nothing is written.
            DuplicateStep, NestedStep, WrongProcess, LeaseLost, StepMismatch, NotEnoughTime: nothing is written.
        """
        from .sql import transaction
        from .transactions import TransactionHost, database_of

        options = take_options(function, kwargs)
        if options._replace(each=None, fingerprint=True, needs=NO_OPTIONS.needs) != NO_OPTIONS:
            raise ConfigurationError("step.transaction() takes the options each, fingerprint and needs, and no other.")
        named = full_name(name, options.each)
        execution = current.get()
        if execution is None or execution.tenure is None:
            raise ConfigurationError(
                f"step.transaction({name!r}, ...) needs a protected delivery, whose key its row has. Nothing has run."
            )
        database, tenure = database_of(connection), execution.tenure
        database.check()
        execution.begin_step(tenure, named)
        plan = options.plan(print_of(args, kwargs) if options.fingerprint else "")
        host = TransactionHost(named, execution, tenure, Codec(function), database)
        kwargs = _with_key(function, kwargs, execution.downstream_key(named) or "")
        host.call = lambda: function(connection.cursor(), *args, **kwargs)
        flow = transaction(tenure, named, plan, execution.expires_after)
        return host.run_async(flow) if is_async(function) else host.run(flow)


step = Steps()


def _transaction(name: str, writes: Sequence[dict[str, Any]], options: dict[str, Any]) -> tuple[StepHost, Flow[None]]:
    if unknown := options.keys() - {"each", "fingerprint", "needs"}:
        raise ConfigurationError(
            f"step.transact() has no option {min(unknown)}=: it takes each, fingerprint and needs."
        )
    chosen = checked(**options)
    named = full_name(name, chosen.each)
    execution = current.get()
    if execution is None or execution.tenure is None:
        raise ConfigurationError(
            f"step.transact({name!r}, ...) needs a protected delivery, in whose record it is done. Nothing was written."
        )
    tenure = execution.tenure
    converted = for_transaction(execution.store, writes)
    execution.begin_step(tenure, named)
    plan = chosen.plan(print_of((writes,), {}) if chosen.fingerprint else "")
    return StepHost(named, execution, tenure, Codec()), transact(tenure, named, plan, converted)


def _decorated(name: str | None, function: Any, options: Options) -> Any:
    """The function, as a step wherever it is called."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorated(name, function.__func__, options))
    if not callable(function):
        raise ConfigurationError(f"@step needs a function, and was given {function!r}.")
    named = full_name(name or getattr(bare(function), "__name__", ""), None)
    own = int(is_method(function))

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        each = None if options.each is None else options.each(*args[own:], **kwargs)
        return _run(full_name(named, each), function, args, kwargs, options, own=own)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return call(args, kwargs)

    async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
        return await call(args, kwargs)

    return wraps(function)(async_wrapper if is_async(function) else wrapper)


def _run(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: Options,
    own: int = 0,
) -> Any:
    """Run the step in the execution that is running here.

    Args:
        own: how many arguments are the method's own object, which is no part of what it is called with.
    """
    execution = current.get()
    if execution is None or execution.tenure is None:
        if execution is None:
            _say_once(name)
        return function(*args, **_with_key(function, kwargs, uuid_of(os.urandom(16).hex())))
    tenure = execution.tenure
    if options.recover is not None and is_async(options.recover) and not is_async(function):
        raise ConfigurationError(f"The recover function of the step {name!r} is async, and so the step must be.")
    execution.begin_step(tenure, name)
    host = StepHost(name, execution, tenure, Codec(function))
    if options.horizon is None:
        options = options._replace(horizon=getattr(function, "horizon", None))
    plan = options.plan(print_of(args[own:], kwargs) if options.fingerprint else "")
    key = execution.downstream_key(name) or ""
    host.call = partial(function, *args, **_with_key(function, kwargs, key))
    if options.recover is not None:
        host.recover = partial(options.recover, *args, **_with_key(options.recover, kwargs, key))
    flow = step_flow(tenure, name, plan)
    return host.run_async(flow) if is_async(function) else host.run(flow)


def _with_key(function: Callable[..., Any], kwargs: dict[str, Any], key: str) -> dict[str, Any]:
    if "idempotency_key" in kwargs or not accepts(function, "idempotency_key"):
        return kwargs
    return {**kwargs, "idempotency_key": key}


def _say_once(name: str) -> None:
    """Where @idempotent was forgotten, or a thread was started without its context, nothing else would say so."""
    if name not in _said and len(_said) < 100:
        _said.add(name)
        logger.warning(
            "The step %r runs outside of a function with @idempotent, and is not recorded. In a thread of such a "
            "function, start it with twicesafe.carried(...).",
            name,
        )
