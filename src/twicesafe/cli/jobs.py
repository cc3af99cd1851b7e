"""From the options of `twicesafe audit` to what the audit is asked to do."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, NamedTuple

from ..audit.baseline import parse as parse_baseline
from ..audit.schedules import parse as parse_schedule
from ..audit.settings import Declared, Job, Rules
from ..audit.world import template
from ..audit.world.declared import beside, parsed
from ..lab.loading import parse
from .events import read_event
from .refusal import Refusal

if TYPE_CHECKING:
    from ..audit.baseline import Baseline
    from ..audit.gate import FailOn
    from ..audit.results import When

TIMEOUT = 30.0
"""Seconds, unless another time limit is said."""


class Choices(NamedTuple):
    """The options, as the command's parameters are called."""

    handler: str
    event: IO[str]
    world: IO[str] | None
    template: IO[str] | None
    function: str | None
    path: str | None
    jobs: int
    thorough: bool
    runs_on: bool
    timeout: float
    schedule: str | None
    endpoint: str | None  # a URL
    honours: tuple[str, ...]
    reads: tuple[str, ...]
    when: tuple[When, ...]
    accept: tuple[str, ...]
    fail_on: FailOn
    baseline: str | None
    write_baseline: bool
    html: str | None
    sarif: str | None
    for_programs: bool

    @property
    def again(self) -> tuple[str, ...]:
        """The options that the world and the handler depend on, to be written again."""
        files = {"--world": self.world, "--template": self.template}
        found = ["--path", self.path] if self.path is not None else []
        found += [word for option, file in files.items() if file is not None for word in (option, file.name)]
        found += ["--function", self.function] if self.function is not None else []
        found += [word for text in self.honours for word in ("--honours", text)]
        found += [word for text in self.reads for word in ("--reads", text)]
        if self.endpoint is not None:
            found += ["--endpoint", f"dynamodb={self.endpoint}"]
        if self.timeout != TIMEOUT:
            found += ["--timeout", f"{self.timeout:g}"]
        return tuple(found)


def job(choices: Choices, known: Baseline) -> Job:
    """One audit.

    Raises:
        Refusal: an event or a world is no JSON, a template no text, or a function named without one.
        NotLoadable: the handler is not MODULE:HANDLER.
        ConfigurationError: the world or the template is none.
        BadSchedule: the schedule is none.
    """
    event = choices.event
    folders = [choices.path or os.getcwd()]
    folders += [] if event.name == "<stdin>" else [os.path.dirname(event.name) or "."]
    target = parse(choices.handler, folders)
    if choices.world is not None:
        declared = parsed(read_event(choices.world), choices.world.name)
    else:
        declared = declared_beside(event.name, target.module)
    if choices.template is None and choices.function is not None:
        raise Refusal(f"--function {choices.function} is one of a template: name its file with --template.")
    if choices.template is not None:
        found = template.parsed(_read(choices.template), choices.template.name)
        declared = template.merged(template.declared(found, choices.template.name, target, choices.function), declared)
    if choices.write_baseline:  # all that is there is written
        rules = Rules(accepted=choices.accept)
    else:
        rules = Rules(choices.when, choices.accept, known.get(choices.handler, ()))
    return Job(
        target=target,
        event=read_event(event),
        event_name=event.name,
        declared=declared._replace(
            honours=(*declared.honours, *choices.honours), reads=(*declared.reads, *choices.reads)
        ),
        rules=rules,
        options=choices.again,
        timeout=choices.timeout,
        jobs=choices.jobs,
        is_thorough=choices.thorough,
        runs_on=choices.runs_on or choices.write_baseline,  # what is written down does not end a later audit early
        schedule=choices.schedule if choices.schedule is None else str(parse_schedule(choices.schedule)),
        endpoint=choices.endpoint,
    )


def baseline(choices: Choices) -> Baseline:
    """What the file says; nothing where it is still to be written.

    Raises:
        Refusal: there is no such file.
        ConfigurationError: it is no baseline.
    """
    path = choices.baseline
    if path is None or (choices.write_baseline and not os.path.exists(path)):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return parse_baseline(file.read(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} cannot be read: {error}. Write it with --write-baseline.") from error


def write(path: str, content: str) -> None:
    """Write a file that was asked for.

    Raises:
        Refusal: it cannot be written.
    """
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from error


def _read(file: IO[str]) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise Refusal(f"{file.name} is not UTF-8.") from None


def declared_beside(event: str, module: str) -> Declared:
    """The world that lies beside an event, called as it or as the module; an empty one if there is none.

    Args:
        event: the path of its file.

    Raises:
        Refusal: it is no JSON.
        ConfigurationError: it is no world.
    """
    path = beside(event, module)
    if path is None:
        return Declared()
    with open(path, encoding="utf-8") as file:
        return parsed(read_event(file), path)
