"""The process that all worlds are forked from: it has what they share, and never imports the handler.

Its worlds are copies of it: resetting a world is a fork. When whoever asked is gone, so is all of it.
"""

from __future__ import annotations

import gc
import importlib
import os
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..errors import ConfigurationError
from ..lab.loading import NotLoadable
from .explore import explore
from .isolation import isolate
from .messages import Failed, Progress, Refused
from .observe.files import places
from .observe.variables import CREDENTIALS, LEFT_OUT, REGION
from .world.aws import Aws
from .world.declared import build
from .world.elsewhere import Elsewhere
from .world.sandbox import Abandoned
from .world.state import read
from .world.world import Base, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .messages import Answer
    from .results import Run
    from .schedules import Schedule
    from .settings import Job


class Played(NamedTuple):
    """What a world sends back."""

    run: Run | None
    supplies: tuple[Any, ...] = ()
    trace: str = ""
    refused: str = ""  # what the user can mend


class Zygote:
    """Forks worlds, several at once, and collects what they come to."""

    def __init__(self, connection: Connection, job: Job, folder: str) -> None:
        self._connection = connection
        self._job = job
        self._elsewhere = None if job.endpoint is None else Elsewhere(job.endpoint)
        self._base = Base(job, folder, connection.fileno(), self._elsewhere)
        self._aws = Aws({}, lambda _: None, self._elsewhere, tokens=False)
        self._count = 0
        self._known = 0
        self._supplied: set[Any] = set()
        self._clients: dict[str, Any] = {}

    def build(self) -> None:
        """Make the declared world, of which all others are copies."""
        if self._elsewhere is not None:
            self._elsewhere.check()
        build(self._job.declared, self._aws.call, self._client)
        self._settle()

    def expect(self, count: int) -> None:
        """Say how many schedules there will be, as far as is known."""
        self._known = count

    def play(self, schedules: Sequence[Schedule], *, is_traced: bool = False) -> list[Run]:
        """Play them, several at once; the runs are in their order."""
        waiting = list(enumerate(schedules))[::-1]
        playing: dict[Connection, tuple[int, int]] = {}
        played: dict[int, Run] = {}
        while waiting or playing:
            while waiting and len(playing) < self._job.jobs:
                place, schedule = waiting.pop()
                connection, pid = self._fork(schedule, is_traced=is_traced)
                playing[connection] = (place, pid)
            for ready in wait([*playing, self._connection]):
                if ready is self._connection:  # nothing is ever sent here again: it was closed
                    self._give_up(playing)
                connection = cast("Connection", ready)
                place, pid = playing.pop(connection)
                played[place] = self._collect(connection, pid)
                self._connection.send(Progress(len(played), self._known))
        return [played[place] for place in range(len(schedules))]

    def prepare(self, run: Run) -> None:
        """Load once what a run has shown that all will need."""
        from moto.core import utils as simulator

        for service in run.services:
            with suppress(Exception):  # a service that only the handler's own SDK knows, or none
                importlib.import_module(f"moto.{service.replace('-', '')}.urls")
                simulator.get_service_model(service)
                self._client(service)
        read(self._aws.call, run.services)
        self._settle()

    def close(self) -> None:
        """Leave nothing behind."""
        if self._elsewhere is not None:
            self._elsewhere.clear()

    def _settle(self) -> None:
        """Do what each fork would do, and let no collection of garbage touch, and so copy, what all share."""
        places()
        gc.collect()
        gc.freeze()

    def _fork(self, schedule: Schedule, *, is_traced: bool) -> tuple[Connection, int]:
        self._count += 1
        folder = os.path.join(self._base.folder, f"world-{self._count}")
        ours, theirs = Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            ours.close()
            _play(World(self._base, schedule, folder, is_traced=is_traced), folder, theirs)
        theirs.close()
        return ours, pid

    def _collect(self, connection: Connection, pid: int) -> Run:
        try:
            played: Played = connection.recv()
        except (EOFError, OSError):
            played = Played(None, trace="A world ended without a word.")
        connection.close()
        os.waitpid(pid, 0)
        if played.refused:
            raise ConfigurationError(played.refused)
        if played.run is None:
            raise RuntimeError(played.trace)
        for call in played.supplies:
            if call not in self._supplied:  # from now on each world begins with it
                self._supplied.add(call)
                service, host, headers, body, method = call
                self._aws.call(service, host, dict(headers), body, method=method)
        return played.run

    def _give_up(self, playing: dict[Connection, tuple[int, int]]) -> None:
        """Wait for the worlds, which have seen it too, and end."""
        for _, pid in playing.values():
            os.waitpid(pid, 0)
        raise Abandoned

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            import boto3
            from botocore.awsrequest import AWSResponse

            from .observe.botocore import Raw, body_of, text_of

            def send(request: Any, **_: Any) -> Any:
                headers = {name: text_of(value) for name, value in request.headers.items()}
                answer: Answer = self._aws.send(request.method, request.url, headers, body_of(request.body))
                answered: Any = answer.headers
                return AWSResponse(request.url, answer.status, answered, Raw(answer.body))

            session = boto3.session.Session()
            if service in session.get_available_resources():
                session.resource(service, region_name=REGION)
            client = session.client(service, region_name=REGION)
            client.meta.events.register_first("before-send", send)
            self._clients[service] = client
        return self._clients[service]


def _play(world: World, folder: str, connection: Connection) -> None:
    """Be a world; never returns."""
    status = 1
    gc.disable()  # it does not live long
    try:
        os.mkdir(folder)
        run = world.play()
        connection.send(Played(run, world.supplies))
        status = 0
    except Abandoned:
        pass  # who asked is gone, and the deliveries have ended with the world: nobody is left to tell
    except ConfigurationError as error:
        connection.send(Played(None, refused=str(error)))
    except BaseException:  # noqa: BLE001 - whatever it is, the zygote says it
        connection.send(Played(None, trace=traceback.format_exc()))
    finally:
        os._exit(status)


def serve(connection: Connection, imported: float) -> None:
    """Make one audit, for whoever holds the other end.

    Args:
        imported: the seconds that imports took.
    """
    job, folder, environment, current = connection.recv()
    os.chdir(current)
    os.environ.clear()
    os.environ.update({name: value for name, value in environment.items() if not LEFT_OUT.match(name)})
    os.environ.update({name: environment[name] for name in ("TWICESAFE_STORE",) if name in environment})
    os.environ.update(CREDENTIALS)
    if job.controls.isolation and job.endpoint is None:  # else each delivery does it: the worlds have to get there
        isolate()
    started = time.perf_counter()
    try:
        zygote = Zygote(connection, job, folder)
        zygote.build()
        built = time.perf_counter()
        audit = explore(job, zygote)
        zygote.close()
        seconds = {"import": imported, "world": built - started, "schedules": time.perf_counter() - built}
        answer: Any = audit._replace(seconds={name: round(value, 3) for name, value in seconds.items()})
    except Abandoned:
        return
    except (ConfigurationError, NotLoadable) as error:
        answer = Refused(str(error), isinstance(error, NotLoadable))
    except Exception:  # noqa: BLE001 - whoever asked says it
        answer = Failed(traceback.format_exc())
    with suppress(OSError):
        connection.send(answer)
