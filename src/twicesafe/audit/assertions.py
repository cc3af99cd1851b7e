"""Audits in tests of the user's own, of any test runner."""

from __future__ import annotations

import json
import os
import site
import sys
from functools import reduce
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..lab.loading import Target, parse
from . import gate
from .audit import audit
from .report import text
from .settings import Job, Rules
from .world.declared import beside, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .audit import Auditor
    from .results import Audit, Finding, Verdict
    from .settings import Declared

EVENT = "EVENT.json"
"""What a report calls an event that is in no file."""


class Audited:
    """An audit, for a test to look at."""

    def __init__(self, found: Audit) -> None:
        self.found = found

    @property
    def verdict(self) -> Verdict:
        """Whether it is safe, unsafe or unknown."""
        return self.found.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What may happen, accepted or not."""
        return self.found.findings

    def assert_safe(self) -> None:
        """Fail with the whole report unless the handler may be delivered to twice.

        Raises:
            AssertionError: it may not, or that is unknown.
        """
        __tracebackhide__ = True
        if gate.status(self.found, "unknown") != gate.PASSED:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        return "\n".join(text.lines(self.found))


def assert_safe_to_repeat(
    handler: Callable[..., Any] | str,
    event: Any,
    world: Mapping[str, Any] | os.PathLike[str] | None = None,
    accept: Sequence[str] = (),
    **choices: Any,
) -> None:
    """Audit a handler, and fail with the whole report unless it may be delivered to twice.

    Args:
        handler, event, world, accept, choices: as of `audited`.

    Raises:
        AssertionError: it may not, or that is unknown.
        ConfigurationError, NotLoadable, AuditFailed: as of `audited`.
    """
    __tracebackhide__ = True
    audited(handler, event, world, accept, **choices).assert_safe()


def audited(
    handler: Callable[..., Any] | str,
    event: Any,
    world: Mapping[str, Any] | os.PathLike[str] | None = None,
    accept: Sequence[str] = (),
    *,
    tables: Mapping[str, str | Sequence[str]] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    thorough: bool = False,
    jobs: int | None = None,
    auditor: Auditor | None = None,
) -> Audited:
    """Audit a handler, in processes of its own that import it anew.

    Args:
        handler: MODULE:HANDLER, or a function that can be imported under its own name.
        event: what it is delivered, or the path of a file of it, beside which a world is found.
        world: what there is besides, in the form of a world file, or the path of one.
        accept: findings to live with, each KIND:EFFECT.
        tables: names of tables, each with its key, of texts: {"done": "id"}, or {"orders": ("customer", "id")}.
        env: environment variables.
        timeout: the function's time limit, in seconds.
        thorough: rare schedules too, however many there are.
        jobs: worlds at once. By default the cores.
        auditor: who makes it. By default one of its own, which takes longer.

    Raises:
        ConfigurationError: the function cannot be imported anew, the world is none, or the audit is not installed.
        NotLoadable: there is no such handler.
        AuditFailed: a fault of the audit itself.
    """
    target = _target(handler)
    path = os.fspath(event) if isinstance(event, os.PathLike) else None
    declared = _declared(world, beside(path, target.module) if path else None)
    made = [{"name": name, "keys": _keys(keys)} for name, keys in (tables or {}).items()]
    job = Job(
        target,
        event if path is None else _read(path),
        EVENT if path is None else os.path.relpath(path),
        declared._replace(tables=(*declared.tables, *made), env={**declared.env, **(env or {})}),
        Rules(accepted=tuple(map(gate.check_acceptance, accept))),
        timeout=timeout,
        is_thorough=thorough,
    )
    make = audit if auditor is None else auditor.audit
    return Audited(make(job if jobs is None else job._replace(jobs=jobs)))


def _target(handler: Callable[..., Any] | str) -> Target:
    found = handler if isinstance(handler, str) else _name(handler)
    folders = [_folder(found.partition(":")[0].partition(".")[0]), *filter(_is_own, sys.path)]
    return parse(found, [folder or os.curdir for folder in folders if folder is not None])


def _name(function: Callable[..., Any]) -> str:
    """MODULE:HANDLER of a function that another process finds by it.

    Raises:
        ConfigurationError: it would not, or would find another one.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        raise _refused(function, "it has no name of its own")
    if "<lambda>" in name:
        raise _refused(function, "it is a lambda")
    if "<locals>" in name:
        raise _refused(function, "it was made inside of another function")
    try:
        found: Any = reduce(getattr, name.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        raise _refused(function, f"there is no {module}:{name}") from None
    if module == "__main__" or found != function:  # two bound methods of one class are equal, and not identical
        raise _refused(function, f"{module}:{name} is another one in a process of its own")
    return f"{module}:{name}"


def _refused(function: object, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{function!r} cannot be audited: {why}, and the audit imports the handler anew for each delivery. "
        "Give it a name in a module, or hand in 'MODULE:HANDLER'."
    )


def _folder(module: str) -> str | None:
    """Where a module that is found here is; None: it is not, and the audit will say so."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return os.path.dirname(os.path.abspath(places[0]))


def _is_own(folder: str) -> bool:
    """Whether a folder of sys.path is the user's, and not one of Python's or of installed packages."""
    path = os.path.abspath(folder)
    theirs = (os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages())
    return os.path.isdir(path) and not any(f"{path}{os.sep}".startswith(f"{each}{os.sep}") for each in theirs)


def _declared(world: Mapping[str, Any] | os.PathLike[str] | None, found: str | None) -> Declared:
    if isinstance(world, os.PathLike):
        found = os.fspath(world)
    elif world is not None:
        return parsed(dict(world), "world")
    return parsed({} if found is None else _read(found), found or "world")


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} is no file of JSON: {error}.") from error


def _keys(keys: str | Sequence[str]) -> dict[str, str]:
    return dict.fromkeys([keys] if isinstance(keys, str) else keys, "S")
