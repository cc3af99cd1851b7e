"""From MODULE:HANDLER to a function, in the process that will call it."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Target(NamedTuple):
    """Which function to call, and where its module may be."""

    module: str
    handler: str  # dots lead on to attributes of attributes
    folders: tuple[str, ...]  # searched in this order, before all others

    @property
    def lambda_handler(self) -> str:
        """As Lambda's configuration writes it."""
        return f"{self.module}.{self.handler}"

    @property
    def function_name(self) -> str:
        """A name for the function, in the letters that Lambda allows."""
        return self.module.replace(".", "-")

    @property
    def root(self) -> str:
        """The folder that the code is in: the first that has the module, or its outermost package."""
        outermost = self.module.partition(".")[0]
        names = (outermost, f"{outermost}.py")
        found = (folder for folder in self.folders if any(os.path.exists(os.path.join(folder, name)) for name in names))
        return next(found, self.folders[0])

    @property
    def file(self) -> str:
        """The module's file."""
        plain = os.path.join(self.root, *self.module.split("."))
        package = os.path.join(plain, "__init__.py")
        return package if os.path.exists(package) else f"{plain}.py"


class NotLoadable(Exception):
    """There is no such function; the message is one line, for people."""


def parse(text: str, folders: Sequence[str]) -> Target:
    """Read MODULE:HANDLER.

    Raises:
        NotLoadable: it is not of that form.
    """
    module, _, handler = text.partition(":")
    if not (_is_dotted(module) and _is_dotted(handler)) or module.endswith(".py"):
        raise NotLoadable(f"{text!r} is not MODULE:HANDLER. {_meant(text)}")
    return Target(module, handler, tuple(dict.fromkeys(os.path.abspath(folder) for folder in folders)))


def _is_dotted(names: str) -> bool:
    return all(name.isidentifier() for name in names.split("."))


def _meant(text: str) -> str:
    """What was probably meant: a file instead of its module, or Lambda's own way of writing it."""
    file, _, handler = text.partition(":")
    folder, name = os.path.split(file)
    if name.endswith(".py") and name != ".py":
        where = f", run in {folder} or with an event from there" if folder else ""
        return f"Did you mean {name[:-3]}:{handler or 'handler'}{where}?"
    module, _, handler = text.rpartition(".")
    if _is_dotted(module) and _is_dotted(handler):
        return f"Did you mean {module}:{handler}?"
    return "Write it such as app:handler or shop.orders:handler."


def load(target: Target) -> Callable[..., Any]:
    """Import the module and find the function in it.

    Raises:
        NotLoadable: its message says why.
    """
    module = _import(target)
    try:
        function = reduce(getattr, target.handler.split("."), module)
    except AttributeError:
        raise NotLoadable(_missing(target, module)) from None
    if not callable(function):
        raise NotLoadable(f"{target.module}:{target.handler} is no function, but of type {type(function).__name__}.")
    return function  # type: ignore[no-any-return]  # callable() does not narrow a module's attribute


def _import(target: Target) -> Any:
    sys.path[:] = dict.fromkeys([*target.folders, *sys.path])
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{target.module}.".startswith(f"{error.name}."):
            where = " or ".join(target.folders)
            raise NotLoadable(f"There is no module {target.module!r} in {where}.") from None
        raise NotLoadable(_broken(target, error)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the module's code raises
        raise NotLoadable(_broken(target, error)) from None


def _broken(target: Target, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}, line {error.lineno}"
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}, line {frame.lineno}"
    what = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"The module {target.module!r} could not be imported: {type(error).__name__}: {what} ({place})."


def _missing(target: Target, module: object) -> str:
    there = [name for name, value in vars(module).items() if not name.startswith("_") and _is_of(module, value)]
    known = f" It has {', '.join(sorted(there))}." if there else " It has no function at all."
    return f"The module {target.module!r} has no {target.handler!r}.{known}"


def _is_of(module: object, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", None) == getattr(module, "__name__", "")
