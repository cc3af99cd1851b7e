"""Names of functions: what their keys begin with, and when a name does not tell two functions apart.

Two functions that share a name share their keys, so that the one is never run and its caller gets the
other's reply. A function whose module and qualified name do not tell it from another is refused when it
is decorated; two that share a name all the same are found before the second one's first claim.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from weakref import WeakKeyDictionary, ref

from .decisions import logger
from .errors import ConfigurationError, UnusableKey
from .keys.canonical import canonical
from .signatures import bare, code_of, innermost, module_name
from .tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, TypeAlias

    from .stores.base import Store

    Names: TypeAlias = "dict[str, FunctionName]"

DECORATOR = "twicesafe.idempotent"
"""Module of the wrappers that are ours: what they hold tells nothing of the function."""
MOST_ITEMS = 16
"""How many items a captured list or dict may have to be compared."""
_lock = threading.Lock()
_warned: set[str] = set()
_names: WeakKeyDictionary[Store, Names] = WeakKeyDictionary()
_names_of_others: dict[int, tuple[Store, Names]] = {}
"""For a store that cannot be hashed or referenced weakly; it is kept, so that no other gets its id."""


class Site(NamedTuple):
    """Place in which a function was decorated."""

    code: CodeType
    line: int
    file: str | None


class Captured(NamedTuple):
    """Values that were put into a function when it was made: by its closure, its defaults or its object."""

    texts: tuple[tuple[str, str], ...]  # of plain values
    functions: tuple[object, ...]  # their code
    objects: tuple[int, ...]  # the ids of all others; they say something as long as the function is there


class FunctionName:
    """Name of a protected function, and what tells that function from another of the same name.

    Args:
        function: as it was given to the decorator.
        name: the user's own; None: it is made of the module and the qualified name.
        site: where it was decorated.

    Raises:
        ConfigurationError: no name is given, and the function's own does not tell it from another.
    """

    __slots__ = ("_protected", "captured", "checked", "code", "instance", "is_given", "place", "site", "text")

    def __init__(self, function: Any, name: str | None, site: Site) -> None:
        if name is not None and not (isinstance(name, str) and name):
            raise ConfigurationError(f"name= takes what the function's keys begin with, not {name!r}.")
        if name is None and (reason := _ambiguity(function)) is not None:
            raise ConfigurationError(
                f"{_shown(function)} {reason}, so that two of them would share their keys and replies. Give it a name "
                'that stays the same, another for each: @idempotent(name="...").'
            )
        inside = innermost(function)
        self.is_given = name is not None
        self.place = (*_module_and_qualname(function), getattr(code_of(inside), "co_filename", ""))
        self.text = _on_lambda(".".join(self.place[:2])) if name is None else name
        self.code: object = code_of(inside) or inside
        self.captured = _captured(function)
        self.instance = _reference(function) if _is_instance(function) else None
        self.site = site
        self.checked: int | None = None  # the id of the store that it was last compared on
        self._protected: ref[Any] | None = None

    def belongs_to(self, protected: Any) -> None:
        """Note which function has the name, as long as it is there."""
        self._protected = ref(protected)

    @property
    def is_in_use(self) -> bool:
        """Tell if the function is still there."""
        return self._protected is not None and self._protected() is not None

    def check(self, store: Store) -> None:
        """Compare it with the function that had this name on the store before; cheap from the second time on.

        Raises:
            ConfigurationError: that was another function.
        """
        if self.checked == id(store):
            return
        with _lock:
            names = _names_on(store)
            other = names.get(self.text)
            if other is not None and not self._is_again(other):
                self._compare(other, store)
            names[self.text] = self
            self.checked = id(store)

    def _compare(self, other: FunctionName, store: Store) -> None:
        if not self._may_be(other):
            raise ConfigurationError(
                f"Two functions have the name {self.text!r} in the store {store.name}: {other.shown} and {self.shown}. "
                "The one would be answered with the other's replies, so this call was refused before any effect. "
                'Give each a name that stays the same: @idempotent(name="...").'
            )
        is_made_alike = self.captured[:2] == other.captured[:2]
        if self.code is other.code and not is_made_alike and self.text not in _warned:
            _warned.add(self.text)
            logger.warning(
                "Two functions made by the same code, %s, have the name %r in the store %s, and other values in them. "
                "If they do different things, the one is answered with the other's replies: hand the values over as "
                "arguments, name them in key=, or give each function its own name=.",
                self.shown,
                self.text,
                store.name,
            )

    def _may_be(self, other: FunctionName) -> bool:
        is_named = self.is_given or other.is_given
        if self.instance is not None and not is_named:  # the next object is not known to be the same, at any time
            return other.instance is not None and self.instance() is other.instance()
        if not other.is_in_use:
            return True
        return self.code is other.code and (is_named or self.captured == other.captured)

    def _is_again(self, other: FunctionName) -> bool:
        """Tell if the same source was run again: a module was reloaded, or a notebook's cell."""
        mine, theirs = self.site.code, other.site.code
        if mine is theirs or self.place[:2] != other.place[:2] or _scope(mine) != _scope(theirs):
            return False
        if _is_cell(mine.co_filename) and _is_cell(theirs.co_filename):
            return True  # each cell is a file, and an edited one takes the place of the one before
        if mine.co_filename.startswith("<"):  # the name of any text that is executed
            return self.code == other.code and self.captured.texts == other.captured.texts
        return self.place == other.place and mine.co_filename == theirs.co_filename

    @property
    def shown(self) -> str:
        """The function and the place where it was decorated."""
        return f"{'.'.join(self.place[:2])} ({os.path.basename(self.site.code.co_filename)}:{self.site.line})"


def _ambiguity(function: Any) -> str | None:
    """Return why its own name does not tell a function from another; None: it does."""
    if isinstance(function, partial):
        return "is a partial"
    if hasattr(function, "__func__") or (hasattr(function, "__self__") and _is_bound(function)):
        return "is a bound method"
    if _is_instance(function):
        return None  # it is named after its class: a second one is found at its first claim
    inside = innermost(function)
    code = code_of(inside)
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
    return not isinstance(function, partial) and not isinstance(getattr(function, "__qualname__", None), str)


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
    code = code_of(innermost(function))
    where = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
    return ".".join(_module_and_qualname(function)) + where


def _captured(function: Any) -> Captured:
    values: list[tuple[str, object]] = []
    while function is not None:
        if isinstance(function, partial):  # its arguments are in the key
            function = function.func
            continue
        owner = function if _is_instance(function) else getattr(function, "__self__", None)
        values += getattr(owner, "__dict__", {}).items() if not isinstance(owner, type) else ()
        inside = bare(function)
        values += _captured_by(inside)
        function = getattr(function, "__wrapped__", None) or getattr(inside, "__wrapped__", None)
    functions = [code for _, value in values if (code := code_of(innermost(value))) is not None]
    texts = [(name, _text(value)) for name, value in values]
    return Captured(
        tuple((name, text) for name, text in texts if text is not None),
        tuple(functions),
        tuple(id(value) for (_, text), (_, value) in zip(texts, values, strict=True) if text is None),
    )


def _captured_by(function: Any) -> list[tuple[str, object]]:
    """Return what a function's closure and defaults hold."""
    code = code_of(function)
    if code is None or getattr(function, "__globals__", {}).get("__name__") == DECORATOR:
        return []
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False)
    defaults = getattr(function, "__defaults__", None) or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    named = getattr(function, "__kwdefaults__", None) or {}
    bound = [(name, value) for name, cell in cells for value in _content(cell) if value is not function]
    return [*bound, *zip(names, defaults, strict=False), *named.items()]


def _content(cell: Any) -> list[object]:
    """Return what a cell of a closure holds; nothing, where that is bound later, as a function's own name is."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _text(value: object) -> str | None:
    """Return the text of a value that can be compared; None: it has none, or is too large."""
    kind = type(value)
    if kind in (dict, list, tuple, set, frozenset) and len(value) > MOST_ITEMS:  # type: ignore[arg-type]
        return None
    try:
        return canonical(value)
    except UnusableKey:
        return None


def _scope(code: CodeType) -> tuple[str, int]:
    """Return what stays the same of a piece of source when other lines of its file are changed."""
    qualname: str | None = getattr(code, "co_qualname", None)  # from Python 3.11 on
    return (code.co_name, code.co_firstlineno) if qualname is None else (qualname, 0)


def _is_cell(file: str) -> bool:
    """Tell the file of a notebook's cell: a name of IPython's, or a temporary file of its kernel's."""
    return file.startswith("<ipython-input") or f"{os.sep}ipykernel_" in file


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
