"""The user's own key: a function, or a JMESPath expression; and the arguments of a plain call."""

from __future__ import annotations

from functools import partial

from ..errors import ConfigurationError, MissingKey
from ..signatures import is_method

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature
    from typing import Any

EMPTY = (str, bytes, list, tuple, dict, set, frozenset)
"""Types whose empty value says nothing."""


def compile_selector(selector: Callable[..., object] | str, option: str = "key") -> Callable[..., object]:
    """A function of a call's arguments that gives the part that was asked for, all of it.

    An expression is JMESPath (https://jmespath.org) on the first argument, with `json(@)` and `base64(@)` for
    what stands as text inside of it: `json(body).order.id`.

    Args:
        option: what messages call it.

    Raises:
        ConfigurationError: the expression is none, or the library for it is not installed.
        MissingKey: from the function that is returned, when a part of what was asked for is not there.
    """
    if isinstance(selector, str):
        return _of_expression(selector, option)
    if not callable(selector):
        raise ConfigurationError(f"{option}= takes a function or a JMESPath expression, not {selector!r}.")
    name = getattr(selector, "__qualname__", repr(selector))

    def select(*args: Any, **kwargs: Any) -> object:
        value = selector(*args, **kwargs)
        if (missing := _missing(value)) is not None:
            raise MissingKey(name, missing)
        return value

    return select


def _of_expression(expression: str, option: str) -> Callable[..., object]:
    try:
        import jmespath
    except ImportError:
        raise ConfigurationError(
            f"{option}={expression!r} is a JMESPath expression, and needs a library: pip install 'twicesafe[jmespath]'."
        ) from None
    from .expressions import NotThereError, search, unknown_function

    try:
        parsed = jmespath.compile(expression).parsed
    except jmespath.exceptions.JMESPathError as error:
        raise ConfigurationError(f"{option}={expression!r} is not a JMESPath expression: {error}") from None
    if (name := unknown_function(parsed)) is not None:
        raise ConfigurationError(f"{option}={expression!r} calls {name}(), which JMESPath does not have.")

    def select(first: object = None, *_: Any, **__: Any) -> object:
        try:
            found = search(parsed, first)
        except NotThereError as error:
            raise MissingKey(expression, str(error)) from None
        if (missing := _missing_of(parsed, found)) is not None:
            raise MissingKey(expression, missing)
        return found

    return select


def _missing(value: object, path: str = "") -> str | None:
    """The part of a function's answer that is not there: a hash of null would be one key for all events.

    A dict is looked into where it is the answer itself: deeper, it is a part of the event, where nulls are usual.
    """
    if _is_nothing(value):
        return path or "all"
    parts: list[tuple[object, str]] = []
    if isinstance(value, (list, tuple)):
        parts = [(part, f"{path}[{index}]") for index, part in enumerate(value)]
    elif isinstance(value, dict) and not path:
        parts = [(part, f".{name}") for name, part in value.items()]
    return next((missing for part in parts if (missing := _missing(*part)) is not None), None)


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, EMPTY) and not value)


def _missing_of(asked: Any, value: Any, path: str = "") -> str | None:
    """The same of an expression: what it picks out by itself is asked for, what lies inside of that is not."""
    if _is_nothing(value):
        return path or "all"
    if asked["type"] in ("pipe", "subexpression"):
        return _missing_of(asked["children"][-1], value, path)
    parts: list[tuple[Any, Any, str]] = []
    if asked["type"] == "multi_select_list":
        parts = [(child, value[index], f"{path}[{index}]") for index, child in enumerate(asked["children"])]
    elif asked["type"] == "multi_select_dict":
        pairs = asked["children"]
        parts = [(pair["children"][0], value[pair["value"]], f"{path}.{pair['value']}") for pair in pairs]
    elif isinstance(value, list):
        parts = [({"type": "field"}, part, f"{path}[{index}]") for index, part in enumerate(value)]
    found = (_missing_of(*part) for part in parts)
    return next((part for part in found if part is not None), None)


class BoundArguments:
    """The arguments of a call by name, so that positional and keyword calls agree."""

    __slots__ = ("_frozen", "_function", "_named", "_signature", "_skips_first")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._frozen: tuple[Any, ...] = ()
        self._named: dict[str, Any] = {}
        while isinstance(function, partial):  # its own arguments tell it from another one of the same function
            self._frozen = (*function.args, *self._frozen)
            self._named = {**function.keywords, **self._named}
            function = function.func
        self._function = function
        self._skips_first = is_method(function)
        self._signature: Signature | None = None

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
        """All arguments, defaults included, `self` or `cls` left out.

        Raises:
            TypeError: the call does not fit, as Python itself would say.
        """
        if self._signature is None:
            from inspect import signature  # costs 5 ms to import, and handlers never come here

            self._signature = signature(self._function)
        bound = self._signature.bind(*self._frozen, *args, **{**self._named, **kwargs})
        bound.apply_defaults()
        named = list(bound.arguments.items())
        return dict(named[1:] if self._skips_first else named)
