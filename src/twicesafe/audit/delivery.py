"""The process of one sandbox: a fork of the world that imports the handler and calls it when it is told to."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ..lab import marshal
from ..lab.context import Context, LambdaLog
from ..lab.loading import NotLoadable, Target, load
from .isolation import isolate
from .messages import Ended
from .observe import chance, variables
from .observe.botocore import Calls
from .observe.files import Files
from .observe.hooks import Hooks
from .observe.link import Link
from .observe.sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection

    from .messages import Deliver
    from .settings import Controls


OURS = frozenset({"boto3", "botocore", "h11", "time_machine", "twicesafe", "__main__", *sys.stdlib_module_names})
"""Modules that the audit has its hands in, and those of Python itself."""


class Sandbox(NamedTuple):
    """What the process of a sandbox is given."""

    target: Target
    environment: Mapping[str, str]
    folder: str  # its own; the /tmp of the handler is in it
    store: str  # the URL of the records of twicesafe
    kept: tuple[str, ...]  # folders that are seen as they are
    writable: tuple[str, ...]
    controls: Controls
    is_isolated: bool  # the world already is


def main(connection: Connection, sandbox: Sandbox) -> None:
    """Serve deliveries until the world ends it; never returns."""
    link = Link(connection, sandbox.target.folders)
    if sandbox.controls.isolation and not sandbox.is_isolated:
        isolate()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _silence()
    _forget(sandbox.target.folders)
    first = link.receive()
    clock = chance.Clock(first.now)
    clock.take_over()
    chance.seed(first.number if sandbox.controls.chance else 0)
    temporary = os.path.join(sandbox.folder, "tmp")
    os.makedirs(temporary)
    variables.set_up(sandbox.target, sandbox.environment, sandbox.store)
    files = Files(link, temporary, sandbox.kept, sandbox.writable)
    hooks = Hooks(link, files)
    Calls(link).install()
    sockets = Sockets(link)
    sockets.install()
    files.install()
    variables.supply(link)
    os.chdir(sandbox.target.root)
    logging.getLogger().addHandler(LambdaLog())
    hooks.install()
    try:
        function = load(sandbox.target)
    except NotLoadable as error:
        hooks.note_native()
        link.end(Ended("unloadable", str(error), None))
        os._exit(0)
    order = first
    while True:
        ended = _call(function, order, link)
        hooks.note_native()
        sockets.note_unread()
        link.end(ended)
        order = link.receive()
        clock.move_to(order.now)
        chance.seed(order.number if sandbox.controls.chance else 0)


def _call(function: Callable[..., Any], order: Deliver, link: Link) -> Ended:
    """Call the handler as the runtime does."""
    context = Context(order.request_id, order.deadline, os.environ)
    try:
        value = function(json.loads(json.dumps(order.event)), context)
        if hasattr(value, "__await__"):
            value = _awaited(value)
        reply = marshal.of_value(value, order.request_id)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
        reply = marshal.of_error(error, order.request_id)
        line = link.line_of(error)
    except SystemExit as error:  # the runtime lets it pass, and the process ends without a reply
        os._exit(error.code if isinstance(error.code, int) else int(error.code is not None))
    except BaseException:  # noqa: BLE001 - as above
        os._exit(1)
    else:
        line = None
    payload = json.loads(reply.payload)
    if reply.is_error:
        payload = {name: payload[name] for name in ("errorType", "errorMessage")}
    return Ended("raised" if reply.is_error else "returned", payload, line)


def _awaited(value: Any) -> object:
    import asyncio

    async def reply() -> object:
        return await value

    return asyncio.run(reply())


def _forget(folders: Sequence[str]) -> None:
    """Let modules of the user's own be found before those of the same name that the audit itself loaded."""
    for folder in folders:
        own = {entry.name.removesuffix(".py") for entry in os.scandir(folder) if _is_module(entry)}
        for name in [name for name in sys.modules if name.partition(".")[0] in own - OURS]:
            if not str(getattr(sys.modules[name], "__file__", "")).startswith(folder + os.sep):
                del sys.modules[name]


def _is_module(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") or (entry.is_dir() and os.path.exists(os.path.join(entry.path, "__init__.py")))


def _silence() -> None:
    """What the handler reads is nothing, and what it prints goes nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole life of the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
