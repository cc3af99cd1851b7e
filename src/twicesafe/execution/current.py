"""The execution that is running in this context."""

from __future__ import annotations

import os
import threading
import time
from contextvars import ContextVar, copy_context
from functools import wraps

from ..errors import ConfigurationError, DuplicateStep, LeaseLost, NestedStep, WrongProcess
from ..keys.canonical import digest
from ..protocol.records import Millis, Seconds
from ..protocol.tenure import Instant
from ..stores.base import Within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ParamSpec, TypeVar

    from ..protocol.tenure import Deadline, Tenure
    from ..stores.base import Store

    P = ParamSpec("P")
    T = TypeVar("T")

current: ContextVar[Execution | None] = ContextVar("twicesafe_execution", default=None)
current_step: ContextVar[tuple[Execution, str] | None] = ContextVar("twicesafe_step", default=None)


class Execution:
    """One delivery, while its function runs."""

    def __init__(
        self, source: str, key: str | None, ends: Deadline | None, store: Store, expires_after: Seconds
    ) -> None:
        self.source = source
        """The event source that it came from; "function" for a plain call."""
        self.key = key
        """The idempotency key; None where the delivery is not protected."""
        self.expires_after = expires_after
        """How long its reply is honoured, in seconds."""
        self.has_begun = False
        """Whether its function was called."""
        self.tenure: Tenure | None = None
        self.ends = ends  # the deadline, by the host's own clocks
        self.store = store
        self.pid = os.getpid()
        self.outer = current.get()
        self._met: dict[str, object] = {}
        self._lock = threading.RLock()  # a signal's handler may come back to it, on top of its own thread

    @property
    def deadline(self) -> Millis | None:
        """When the platform stops it, in milliseconds since the epoch by the store's clock; None: it does not."""
        return None if self.ends is None else Millis(self.ends.wall + self.store.clock_offset())

    @property
    def attempt(self) -> int:
        """1 for the first that runs, one more for each that follows a crash or an error."""
        return self.tenure.attempt if self.tenure else 1

    @property
    def is_retry(self) -> bool:
        """Whether an earlier attempt may have had some of the effects."""
        return self.attempt > 1

    @property
    def fence(self) -> int | None:
        """Grows from each attempt to the next, for systems that can refuse an older writer; None: unprotected."""
        return self.tenure.fence if self.tenure else None

    def remaining_time(self) -> int | None:
        """Milliseconds that this execution may still believe in its lease; None: unprotected."""
        if self.tenure is None:
            return None
        return self.tenure.lease.remaining(instant(self.store))

    def downstream_key(self, name: str, each: object = None) -> str | None:
        """The key to hand to an outside system that deduplicates, for the effect of this name.

        It has the shape of a UUID (version 8, RFC 9562), and is the same in each attempt, process and
        machine, after an expiry too; only `twicesafe records redo` changes it. None: unprotected.

        Args:
            name: a step's, with what `each` it has; then it is the key that this step's function gets.
        """
        if self.tenure is None:
            return None
        from .options import full_name

        fields = ("twicesafe downstream key 1", self.tenure.key, str(self.tenure.generation), full_name(name, each))
        return uuid_of(digest(*fields))

    def complete_with(self, writes: Sequence[dict[str, Any]]) -> None:
        """Make these writes in one transaction with the completion: exactly once, and with no write more.

        They are made when the function has returned, and only if it returned an answer. A condition of theirs that
        does not hold is TransactionRefused, and the next delivery runs again.

        Args:
            writes: as `step.transact` takes them; more than one call adds up, from threads too.

        Raises:
            ConfigurationError: the store cannot do that, they are not what it takes, or this is inside of a step, which
                a later attempt does not run; nothing is written.
            LeaseLost: the function has ended, and this is a thread or task of it that was left over.
            WrongProcess: this is a forked child.
        """
        tenure = self.tenure
        if tenure is None:
            raise ConfigurationError("complete_with() needs a delivery with a key: this one runs unprotected.")
        if os.getpid() != self.pid:
            raise WrongProcess(tenure.key)
        around = current_step.get()
        if around is not None and around[0] is self:
            raise ConfigurationError(
                f"complete_with() was called inside of the step {around[1]!r}: a later attempt that has the step's "
                "result does not run it again, and would complete without these writes. Call it beside the step."
            )
        added = for_transaction(self.store, [*writes])
        with self._lock:
            if tenure.has_returned:
                raise LeaseLost(tenure.key, tenure.attempt)
            tenure.closing = for_transaction(self.store, [*tenure.closing, *added])  # there may be too many in all

    def end(self, tenure: Tenure) -> None:
        """Note that the function has ended: what it left running adds nothing more to its completion."""
        with self._lock:
            tenure.has_returned = True

    def holds(self, key: str, store: Store) -> bool:
        """Whether this execution, or one that it runs inside, holds the key."""
        execution: Execution | None = self
        while execution is not None:
            tenure = execution.tenure
            if execution.key == key and execution.store is store and tenure is not None and tenure.ended is None:
                return True
            execution = execution.outer
        return False

    def begin_step(self, tenure: Tenure, name: str) -> None:
        """Note that a step of this name begins, which it may not in a forked child, in a step, or twice."""
        if os.getpid() != self.pid:
            raise WrongProcess(tenure.key)
        around = current_step.get()
        if around is not None and around[0] is self:
            raise NestedStep(tenure.key, name, around[1])
        if tenure.room is None:
            self._prepare(tenure)
        mine = object()
        if self._met.setdefault(name, mine) is not mine:  # one operation: threads may meet here
            raise DuplicateStep(tenure.key, name)

    def _prepare(self, tenure: Tenure) -> None:
        """Begin to count what steps take in the record, before the first one."""
        from .room import SharedRoom

        with self._lock:
            tenure.room = tenure.room or SharedRoom(self.store.reply_limit, tenure.steps)


def running(execution: Execution) -> Within:
    """Make it the execution that is running here."""
    execution.has_begun = True
    return Within(current, execution)


def current_execution() -> Execution:
    """The execution that is running here.

    Raises:
        LookupError: no decorated function is running in this context. A new thread has an empty context:
            start it with `carried`.
    """
    execution = current.get()
    if execution is None:
        raise LookupError("No function with @idempotent is running here; a new thread does not inherit its context.")
    return execution


def instant(store: Store) -> Instant:
    """Read both clocks, the wall clock as the store would."""
    offset = store.clock_offset()
    wall = time.time_ns() // 1_000_000 + offset
    return Instant(Millis(wall), Millis(time.monotonic_ns() // 1_000_000), offset)


def for_transaction(store: Store, writes: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The user's writes in the form that the store takes in a transaction.

    Raises:
        ConfigurationError: it cannot do that, or does not take them.
    """
    if not store.transacts:
        raise ConfigurationError(
            f"The store {store.name} cannot make writes of your own in one transaction with its record: that is for "
            "tables beside it in DynamoDB. For SQL there is step.transaction(name, connection, function)."
        )
    from ..stores.dynamodb.writes import low_level

    return low_level(writes)


def uuid_of(digits: str) -> str:
    """A UUID of version 8, whose bits are of one's own making (RFC 9562, 5.8), out of hex digits."""
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """The function, taking along the execution that is running here: into a thread, or a pool of them.

        with ThreadPoolExecutor() as pool:
            list(pool.map(carried(notify), users))

    A thread has a context of its own, so without this its steps would not be recorded. Each call gets a copy of the
    context, so that many may run at once. Let the threads end before the protected function does.
    """
    context = copy_context()

    @wraps(function)
    def in_context(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    return in_context
