"""Names of functions: what their keys begin with, and when a name does not tell two functions apart.

Two functions that share a name share their keys, so that the one is never run and its caller gets the
other's reply. A function whose module and qualified name do not tell it from another is refused when it
is decorated; two that share a name all the same are found before the second one's first claim.
"""

from __future__ import annotations

import os
import threading
from enum import Enum
from functools import partial
from weakref import WeakKeyDictionary, ref

from .decisions import logger
from .errors import ConfigurationError
from .signatures import bare, innermost, module_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, TypeAlias

    from .stores.base import Store

    Names: TypeAlias = "dict[str, FunctionName | ref[FunctionName]]"

PLAIN = (str, bytes, int, float, bool, type(None), Enum)
"""Captured values that can be compared; of any other object it is not known if it means the same."""
_lock = threading.Lock()
_warned: set[str] = set()
_names: WeakKeyDictionary[Store, Names] = WeakKeyDictionary()
_names_of_others: dict[int, tuple[Store, Names]] = {}
"""For a store that cannot be hashed or referenced weakly; it is kept, so that no other gets its id."""


class FunctionName:
    """Name of a protected function, and what tells that function from another of the same name.

    Args:
        function: as it was given to the decorator.
        name: the user's own; None: it is made of the module and the qualified name.
        site: code object and line in which it was decorated.

    Raises:
        ConfigurationError: no name is given, and the function's own does not tell it from another.
    """

    __slots__ = ("__weakref__", "captured", "checked", "code", "instance", "is_given", "place", "site", "text")

    def __init__(self, function: Any, name: str | None, site: tuple[CodeType, int]) -> None:
        if name is not None and not (isinstance(name, str) and name):
            raise ConfigurationError(f"name= takes what the function's keys begin with, not {name!r}.")
        if name is None and (reason := _ambiguity(function)) is not None:
            raise ConfigurationError(
                f"{_shown(function)} {reason}, so that two of them would share their keys and replies. "
                'Give it a name that stays the same: @idempotent(name="...").'
            )
        inside = innermost(function)
        self.is_given = name is not None
        self.place = (*_module_and_qualname(function), getattr(getattr(inside, "__code__", None), "co_filename", ""))
        self.text = _on_lambda(".".join(self.place[:2])) if name is None else name
        self.code: object = getattr(inside, "__code__", inside)
        self.captured = _captured(function)
        self.instance = _reference(function) if _is_instance(function) else None
        self.site = site
        self.checked: int | None = None  # the id of the store that it was last compared on

    def check(self, store: Store) -> None:
        """Compare it with the function that had this name on the store before; cheap from the second time on.

        Raises:
            ConfigurationError: that was another function.
        """
        if self.checked == id(store):
            return
        with _lock:
            names = _names_on(store)
            entry = names.get(self.text)
            other = entry() if isinstance(entry, ref) else entry
            if other is not None and other is not self:
                self._compare(other, store)
            # An instance without a name is remembered when it has gone, too: the next one may be another.
            names[self.text] = self if self.instance is not None and not self.is_given else ref(self)
            self.checked = id(store)

    def _compare(self, other: FunctionName, store: Store) -> None:
        if self._is_again(other):
            return
        if not self._is_same(other):
            raise ConfigurationError(
                f"Two functions have the name {self.text!r} in the store {store.name}: {other.shown} and {self.shown}. "
                "The one would be answered with the other's replies, so this call was refused before any effect. "
                'Give each a name that stays the same: @idempotent(name="...").'
            )
        if self.captured != other.captured and self.text not in _warned:
            _warned.add(self.text)
            logger.warning(
                "Two functions made by the same code, %s, have the name %r in the store %s, and other values in them. "
                "If they do different things, the one is answered with the other's replies: give each its own name=.",
                self.shown,
                self.text,
                store.name,
            )

    def _is_same(self, other: FunctionName) -> bool:
        if self.is_given or other.is_given:
            return self.code is other.code
        if self.instance is not None:
            return other.instance is not None and self.instance() is other.instance()
        return self.code is other.code and self.captured == other.captured

    def _is_again(self, other: FunctionName) -> bool:
        """Tell if the same source was run again: a module was reloaded, or a notebook's cell."""
        (mine, _), (theirs, _) = self.site, other.site
        is_same_source = (mine.co_filename, mine.co_name, mine.co_firstlineno) == (
            theirs.co_filename,
            theirs.co_name,
            theirs.co_firstlineno,
        )
        return self.place == other.place and is_same_source and mine is not theirs

    @property
    def shown(self) -> str:
        """The function and the place where it was decorated."""
        code, line = self.site
        return f"{'.'.join(self.place[:2])} ({os.path.basename(code.co_filename)}:{line})"


def _ambiguity(function: Any) -> str | None:
    """Return why its own name does not tell a function from another; None: it does."""
    if isinstance(function, partial):
        return "is a partial"
    if hasattr(function, "__func__") or (hasattr(function, "__self__") and _is_bound(function)):
        return "is a bound method"
    if not isinstance(getattr(function, "__qualname__", None), str):
        return None  # an instance, named after its class: a second one is found at its first claim
    inside = innermost(function)
    code = getattr(inside, "__code__", None)
    if code is None:
        return None
    if code.co_name == "<lambda>":
        return "has no name"
    free = set(code.co_freevars) - {"__class__", code.co_name}
    if "<locals>" in inside.__qualname__ and free:
        return f"is made inside of another function, and takes {', '.join(sorted(free))} from there"
    return None


def _is_bound(function: Any) -> bool:
    """Tell a method of a built-in object from a built-in function, whose __self__ is its module."""
    return not hasattr(function.__self__, "__spec__")


def _is_instance(function: Any) -> bool:
    """Tell a callable object from a function, a class and what stands for one of them."""
    return not isinstance(function, partial) and not hasattr(function, "__qualname__")


def _module_and_qualname(function: Any) -> tuple[str, str]:
    """Return both of a function; of a callable object, those of its class's __call__."""
    if _is_instance(function):
        return module_name(type(function).__module__), f"{type(function).__qualname__}.__call__"
    named = function if isinstance(getattr(function, "__qualname__", None), str) else bare(function)
    return module_name(str(named.__module__)), named.__qualname__  # a method of a built-in has no module


def _on_lambda(own: str) -> str:
    """On Lambda keys begin with the Lambda function's name, so that IAM's LeadingKeys can tell them apart."""
    host = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    return f"{host}#{own}" if host else own


def _shown(function: Any) -> str:
    if isinstance(function, partial):
        return f"partial({_shown(function.func)}, ...)"
    code = getattr(innermost(function), "__code__", None)
    where = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
    return ".".join(_module_and_qualname(function)) + where


def _captured(function: Any) -> tuple[tuple[str, object], ...]:
    """Return the plain values that were put into a function when it was made, with their names."""
    values: list[tuple[str, object]] = []
    while function is not None:
        if isinstance(function, partial):
            values += [*((str(place), value) for place, value in enumerate(function.args)), *function.keywords.items()]
            function = function.func
            continue
        owner = function if _is_instance(function) else getattr(function, "__self__", None)
        values += getattr(owner, "__dict__", {}).items() if not isinstance(owner, type) else ()
        inside = bare(function)
        values += _captured_by(inside)
        function = getattr(function, "__wrapped__", None) or getattr(inside, "__wrapped__", None)
    return tuple((name, value) for name, value in values if isinstance(value, PLAIN))


def _captured_by(function: Any) -> list[tuple[str, object]]:
    """Return what a function's closure and defaults hold."""
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False)
    defaults = getattr(function, "__defaults__", None) or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    named = getattr(function, "__kwdefaults__", None) or {}
    return [*((name, _content(cell)) for name, cell in cells), *zip(names, defaults, strict=False), *named.items()]


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is bound later, as a function's own name is
        return cell


def _reference(instance: Any) -> Any:
    """Return what gives the instance, as long as it is there."""
    try:
        return ref(instance)
    except TypeError:  # its class has slots, and no place for a weak reference
        return lambda: instance


def _names_on(store: Store) -> Names:
    try:
        return _names.setdefault(store, {})
    except TypeError:
        return _names_of_others.setdefault(id(store), (store, {}))[1]
