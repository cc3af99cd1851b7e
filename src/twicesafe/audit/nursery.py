"""The process that makes audits: it imports what they share, and forks a zygote for each.

It is a new interpreter, so that no thread and no state of whoever asks for audits is in it. It ends when they are gone.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from .observe.botocore import share_models
from .observe.variables import CREDENTIALS, LEFT_OUT, REGION
from .zygote import serve


def main(descriptor: int) -> None:
    """Make audits, one for each connection that comes with an order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked hears it, and lets go of us
    orders = socket.socket(fileno=descriptor)
    imported = _load()
    while True:
        order, connections, _, _ = socket.recv_fds(orders, 1, 1)
        if not order:
            return
        pid = os.fork()
        if pid == 0:
            orders.close()
            _make(Connection(connections[0]), imported)
        os.close(connections[0])
        os.waitpid(pid, 0)
        imported = 0.0  # the next one finds it done
        with suppress(OSError):
            orders.send(b".")


def _load() -> float:
    """Import what all audits need; how many seconds it took."""
    started = time.perf_counter()
    for name in filter(LEFT_OUT.match, list(os.environ)):
        del os.environ[name]
    os.environ.update(CREDENTIALS)
    share_models()
    responses: Any = importlib.import_module("moto.core.responses")
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    for name in ("boto3", "moto.dynamodb.urls", "moto.iam.access_control", "moto.s3.models"):
        importlib.import_module(name)
    session: Any = sys.modules["boto3"].session.Session(region_name=REGION)
    session.client("dynamodb")  # what most handlers use: its model is read now
    session.resource("dynamodb")
    gc.collect()
    gc.freeze()
    return time.perf_counter() - started


def _make(connection: Connection, imported: float) -> None:
    """Be a zygote; never returns."""
    status = 1
    try:
        serve(connection, imported)
        status = 0
    except BaseException:  # noqa: BLE001 - whoever asked finds it in the log
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
