"""The process of one delivery: `python -m twicesafe.lab.child`, started by sandbox.py.

It speaks over its standard input and output, a line of JSON a message, and moves them out of the
handler's way first: what the handler prints goes to standard error, which is its log, unbuffered.

    parent ─ target ─▶  child imports the handler  ─ ready, or refused ─▶
    parent ─ call ───▶  child calls it             ─ decision … reply ──▶

When its parent goes away, however and whenever that happens, so does it, with all that it started.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, NoReturn

from ..decisions import on_decision
from . import marshal
from .context import Context, LambdaLog, new_trace_id
from .loading import NotLoadable, Target, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..decisions import Decision


class Channel:
    """Lines of JSON, from and to the parent."""

    def __init__(self, received: IO[str], sent: IO[str]) -> None:
        self._messages: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._sent = sent
        self._lock = threading.Lock()  # decisions may come from any thread
        threading.Thread(target=self._listen, args=[received], name="twicesafe-lab", daemon=True).start()

    @classmethod
    def take(cls) -> Channel:
        """Take the standard input and output away from the code that will run here."""
        received = os.fdopen(os.dup(0), encoding="utf-8")
        sent = os.fdopen(os.dup(1), "w", encoding="utf-8")
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        return cls(received, sent)

    def receive(self) -> dict[str, Any]:
        """The next message."""
        return self._messages.get()

    def send(self, kind: str, **fields: object) -> None:
        """Send a message."""
        with self._lock:
            self._sent.write(json.dumps({"kind": kind, **fields}) + "\n")
            self._sent.flush()

    def _listen(self, received: IO[str]) -> None:
        """Take messages in; at their end the parent is gone, and all that runs here ends with it."""
        for line in received:
            self._messages.put(json.loads(line))
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)


def main() -> None:
    """Load a function, call it once, and end."""
    channel = Channel.take()
    target = channel.receive()
    log = LambdaLog()
    logging.getLogger().addHandler(log)
    try:
        function = load(Target(target["module"], target["handler"], tuple(target["folders"])))
    except NotLoadable as error:
        channel.send("refused", reason=str(error))
        _end(0)
    channel.send("ready")
    call = channel.receive()
    log.request_id = call["request_id"]
    os.environ["_X_AMZN_TRACE_ID"] = new_trace_id()
    on_decision(lambda decision: channel.send("decision", **_shown(decision)))
    _end(_run(function, call, channel))


def _end(status: int) -> NoReturn:
    """End at once: what the handler left running is frozen on Lambda, and here never thawed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(function: Callable[..., Any], call: dict[str, Any], channel: Channel) -> int:
    """Call the function and send its reply; the exit status of the process."""
    context = Context(call["request_id"], call["deadline"], os.environ)
    event = json.loads(call["event"])
    is_async = False
    started = time.monotonic()
    try:
        value = function(event, context)
        is_async = hasattr(value, "__await__")
        reply = marshal.of_value(_awaited(value) if is_async else value, context.aws_request_id)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
        reply = marshal.of_error(error, context.aws_request_id)
    except SystemExit as error:  # the runtime lets it pass, and the process ends without a reply
        if isinstance(error.code, int) or error.code is None:
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - an interrupt ends the process, and its log says why
        traceback.print_exc()
        return 1
    duration = (time.monotonic() - started) * 1000
    channel.send("reply", payload=reply.payload, is_error=reply.is_error, duration=duration, is_async=is_async)
    return 0


def _awaited(value: Any) -> object:
    import asyncio

    async def reply() -> object:
        return await value

    return asyncio.run(reply())


def _shown(decision: Decision) -> dict[str, object]:
    fields = decision._asdict()
    error = decision.error
    return {**fields, "error": f"{type(error).__name__}: {error}" if error is not None else None}


if __name__ == "__main__":
    main()
