"""A handler's attempts, one after the other, on any store, sync and async; with crashes, and with time that passes.

A script is an async function that is given `do`, which calls step() and awaits where there is something to await. In
the sync form nothing in it ever waits, and all of it runs as one plain call.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from twicesafe import StoreUnavailable, idempotent, step
from twicesafe.protocol.commands import Claim, Load
from twicesafe.protocol.records import Millis

if TYPE_CHECKING:
    from collections.abc import Callable

    from twicesafe.protocol.commands import StoreCommand, StoreReply
    from twicesafe.protocol.records import Record
    from twicesafe.stores.base import Store

LEASE = 30


class Crash(BaseException):
    """The process dies: nothing that it sends from here on arrives."""


class Watched:
    """A store whose commands are noted, whose clock can be moved, and that a process can die at."""

    def __init__(self, store: Store) -> None:
        self.inner = store
        self.name = store.name
        self.reply_limit = store.reply_limit
        self.transacts = store.transacts
        self.seen: list[str] = []
        self.key = ""  # that was claimed last
        self.ahead = 0
        self.dies: tuple[str, str] | None = None  # "before" or "after", and the command
        self.fails: tuple[str, str] | None = None  # the same, without an answer, once
        self.is_dead = False

    def apply(self, command: StoreCommand, /) -> StoreReply:
        self._met("before", command)
        reply = self.inner.apply(command)
        self._met("after", command)
        return reply

    async def apply_async(self, command: StoreCommand, /) -> StoreReply:
        self._met("before", command)
        reply = await self.inner.apply_async(command)
        self._met("after", command)
        return reply

    def clock_offset(self) -> Millis:
        return Millis(self.inner.clock_offset() + self.ahead)

    def close(self) -> None:
        self.inner.close()

    def _met(self, when: str, command: StoreCommand) -> None:
        here = (when, type(command).__name__)
        if self.is_dead:
            raise StoreUnavailable("dead", "the process has died")
        if when == "before":
            self.seen.append(here[1])
            self.key = command.key if isinstance(command, Claim) else self.key
        if self.dies == here:
            self.die()
        if self.fails == here:
            self.fails = None
            raise StoreUnavailable("failing", "no answer")

    def die(self) -> None:
        self.is_dead = True
        raise Crash


class Context:
    """As Lambda gives it."""

    aws_request_id = "request-1"

    def __init__(self, remaining: int = 60_000) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Play:
    """One key, and the attempts at it."""

    def __init__(self, store: Store, form: str, key: str) -> None:
        self.store = Watched(store)
        self.form = form
        self.key = key

    def function(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The function in this form."""
        if self.form == "sync":
            return plain

        async def function(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return plain(*args, **kwargs)

        # what has parameters of its own is seen through its __wrapped__
        function.__wrapped__ = plain  # type: ignore[attr-defined]
        return function

    def attempt(self, script: Callable[[Any], Any], *, remaining: int = 60_000, **options: Any) -> Any:
        """Deliver once, to a process that is alive."""
        self.store.is_dead, self.store.seen = False, []
        self.time_passes(1)  # a claim as old as the last one is made once more
        event, context = {"order": self.key}, Context(remaining)
        chosen = {"store": self.store, "key": lambda event: event["order"], "name": "play", **options}
        if self.form == "sync":
            return idempotent(**chosen)(lambda event, context: _at_once(script(self.do)))(event, context)

        async def handler(event: Any, context: Any) -> Any:
            return await script(self.do)

        async def deliver() -> Any:
            return await idempotent(**chosen)(handler)(event, context)

        return asyncio.run(deliver())

    async def do(self, name: str, plain: Callable[..., Any], *args: Any, recover: Any = None, **kwargs: Any) -> Any:
        """A step, in this form."""
        if recover is not None:
            kwargs["recover"] = self.function(recover)
        ended = step(name, self.function(plain), *args, **kwargs)
        return await ended if inspect.isawaitable(ended) else ended

    async def transact(self, name: str, writes: Any, **options: Any) -> None:
        """A transactional step, in this form."""
        if self.form == "sync":
            step.transact(name, writes, **options)
        else:
            await step.transact_async(name, writes, **options)

    def crash(self, script: Callable[[Any], Any], when: str = "", command: str = "", **options: Any) -> None:
        """Deliver once, to a process that dies there, or where the script says so; then let its lease run out."""
        self.store.dies = (when, command) if when else None
        try:
            self.attempt(script, **options)
        except Crash:
            self.store.dies = None
            self.time_passes(70_000)
            return
        raise AssertionError("it did not die")

    def time_passes(self, millis: int) -> None:
        self.store.ahead += millis

    @property
    def record(self) -> Record:
        """What the store holds."""
        found: Any = self.store.inner.apply(Load(self.store.key))
        assert found is not None
        return found


def _at_once(coroutine: Any) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")
