"""The user's own key: a function, or a JMESPath expression; and the arguments of a plain call."""

from __future__ import annotations

from functools import partial

from ..errors import ConfigurationError, MissingKey
from ..signatures import (
    VARARGS,
    VARKEYWORDS,
    code_of,
    innermost,
    is_async,
    is_generator,
    is_method,
    keyword_only_parameters,
    optional_parameters,
    parameters,
    takes_any,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from inspect import Signature
    from typing import Any, TypeAlias

    Selector: TypeAlias = "Callable[..., object]"
    """Given a call's arguments by name, in their order, and the name of the one that is `self` or `cls`."""

EMPTY = (str, bytes, list, tuple, dict, set, frozenset)
"""Types whose empty value says nothing."""


def compile_selector(selector: Callable[..., object] | str, option: str = "key") -> Selector:
    """Return what picks out the part that is asked for of a call's arguments, all of it.

    A function is given those of the arguments that it names, else the first ones by position. An expression is
    JMESPath (https://jmespath.org) on the first argument, with `json(@)` and `base64(@)` for what stands as text
    inside of it: `json(body).order.id`. It looks into dataclasses and models as into objects.

    Args:
        option: what messages call it.

    Raises:
        ConfigurationError: the expression is none, or the library for it is not installed. From the selector that is
            returned: the function wants other arguments than the call has, or the expression looks into an object
            that it cannot look into.
        MissingKey: from the selector, when a part of what was asked for is not there.
    """
    if isinstance(selector, str):
        return _of_expression(selector, option)
    if not callable(selector):
        raise ConfigurationError(f"{option}= takes a function or a JMESPath expression, not {selector!r}.")
    name = getattr(selector, "__qualname__", repr(selector))
    if is_async(selector) or is_generator(selector):
        raise ConfigurationError(
            f"{option}= takes a function that returns a value, and {name} is async or yields: await in the caller."
        )
    takes = Takes(selector, f"{option}= function {name}")

    def select(arguments: Mapping[str, object], owner: str | None = None) -> object:
        args, kwargs = takes.choose(arguments, owner)
        value = selector(*args, **kwargs)
        if (missing := missing_part(value)) is not None:
            raise MissingKey(name, missing)
        return value

    return select


class Takes:
    """Parameters of a user's function that is given some of a call's arguments.

    Args:
        shown: what messages call it.
    """

    __slots__ = ("_any_keyword", "_any_positional", "_is_known", "_names", "_positional", "_required", "_shown")

    def __init__(self, function: Callable[..., object], shown: str) -> None:
        self._shown = shown
        self._names = parameters(function)
        self._positional = tuple(name for name in self._names if name not in keyword_only_parameters(function))
        optional = optional_parameters(function)
        self._required = tuple(name for name in self._names if name not in optional)
        self._any_positional = takes_any(function, VARARGS)
        self._any_keyword = takes_any(function, VARKEYWORDS)
        self._is_known = code_of(innermost(function)) is not None

    def choose(
        self, arguments: Mapping[str, object], owner: str | None = None
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        """Return what to call the function with: by name where it has the call's own names, else by position.

        Args:
            arguments: all of the call, in their order.
            owner: the name of the one that is `self` or `cls`; only a function with room for it is given it.

        Raises:
            ConfigurationError: it takes more than there is.
        """
        others = {name: value for name, value in arguments.items() if name != owner}
        if not self._is_known:  # a built-in, such as operator.itemgetter, does not say what it takes
            return tuple(others.values())[:1], {}
        if self._any_positional:
            return tuple(others.values()), {}
        named = {name: arguments[name] for name in self._names if name in arguments}
        rest = others if self._any_keyword else {}
        if named.keys() >= set(self._required) and (named or not self._names):
            first = []  # by position, as far as that goes: it may take them in no other way
            for name in self._positional:
                if name not in named:
                    break
                first.append(named.pop(name))
            taken = self._positional[: len(first)]
            return tuple(first), {**{name: value for name, value in rest.items() if name not in taken}, **named}
        values = tuple((arguments if len(self._required) > len(others) else others).values())
        if len(self._required) > len(values) or not set(self._required) <= {*self._positional, *named}:
            raise ConfigurationError(
                f"The {self._shown} takes {', '.join(self._required)}, and the call has "
                f"{', '.join(others) or 'no arguments'}. Name in it those of the call's arguments that it needs."
            )
        if not self._required:
            return values[: len(self._names)], {}
        return values[: len(self._required)], {name: named[name] for name in named if name not in self._required}


def _of_expression(expression: str, option: str) -> Selector:
    try:
        import jmespath
    except ImportError:
        raise ConfigurationError(
            f"{option}={expression!r} is a JMESPath expression, and needs a library: pip install 'twicesafe[jmespath]'."
        ) from None
    from .expressions import NotThereError, OpaqueError, is_constant, search, unknown_function

    try:
        parsed = jmespath.compile(expression).parsed
    except jmespath.exceptions.JMESPathError as error:
        raise ConfigurationError(f"{option}={expression!r} is not a JMESPath expression: {error}") from None
    if (name := unknown_function(parsed)) is not None:
        raise ConfigurationError(f"{option}={expression!r} calls {name}(), which JMESPath does not have.")
    if is_constant(parsed):
        raise ConfigurationError(
            f"{option}={expression!r} is the same for every call: in JMESPath a text in quotes is that text. Leave the "
            "quotes out to look something up."
        )

    def select(arguments: Mapping[str, object], owner: str | None = None) -> object:
        first = next((value for name, value in arguments.items() if name != owner), None)
        try:
            found = search(parsed, first)
        except NotThereError as error:
            raise MissingKey(expression, str(error)) from None
        except OpaqueError as error:
            raise ConfigurationError(
                f"{option}={expression!r} is a JMESPath expression, which cannot look into a {error}. Give a function "
                f"instead, such as {option}=lambda {next(iter(arguments), 'order')}: ..."
            ) from None
        if (missing := _missing_of(parsed, found)) is not None:
            raise MissingKey(expression, missing)
        return found

    return select


def missing_part(value: object, path: str = "") -> str | None:
    """Return the part of a key that is not there; None: it is whole. A hash of null would be one key for all events.

    A dict is looked into where it is the answer itself: deeper, it is a part of the event, where nulls are usual.
    """
    if _is_nothing(value):
        return path or "all"
    parts: list[tuple[object, str]] = []
    if isinstance(value, (list, tuple)):
        parts = [(part, f"{path}[{index}]") for index, part in enumerate(value)]
    elif isinstance(value, dict) and not path:
        parts = [(part, f".{name}") for name, part in value.items()]
    return next((missing for part in parts if (missing := missing_part(*part)) is not None), None)


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

    __slots__ = ("_frozen", "_function", "_named", "_owner", "_signature")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._frozen: tuple[Any, ...] = ()
        self._named: dict[str, Any] = {}
        while isinstance(function, partial):  # its own arguments tell it from another one of the same function
            self._frozen = (*function.args, *self._frozen)
            self._named = {**function.keywords, **self._named}
            function = function.func
        self._function = function
        self._owner = parameters(function)[0] if is_method(function) else None
        self._signature: Signature | None = None

    @property
    def owner(self) -> str | None:
        """The name of the parameter that is `self` or `cls`."""
        return self._owner

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
        """Return all arguments by name, defaults included.

        Raises:
            TypeError: the call does not fit, as Python itself would say.
            ConfigurationError: it is a built-in that does not say what it takes.
        """
        if self._signature is None:
            from inspect import signature  # costs 5 ms to import, and handlers never come here

            try:
                self._signature = signature(self._function)
            except (TypeError, ValueError):
                raise ConfigurationError(
                    f"The parameters of {self._function!r} cannot be read, so it is not known what it was called with. "
                    "Nothing has run. Protect a function of your own that calls it."
                ) from None
        given = (*self._frozen, *args), {**self._named, **kwargs}
        try:
            bound = self._signature.bind(*given[0], **given[1])
        except TypeError:
            if not hasattr(self._function, "__wrapped__"):
                raise
            from inspect import signature

            # A decorator's wrapper may add arguments before it calls the function that it wraps.
            bound = signature(self._function, follow_wrapped=False).bind(*given[0], **given[1])
        bound.apply_defaults()
        return dict(bound.arguments)

    @property
    def held(self) -> dict[str, object]:
        """The arguments that a partial holds, by their places and names."""
        return {**{str(place): value for place, value in enumerate(self._frozen)}, **self._named}

    def are_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Tell if a call has any argument beside its owner: without one, nothing tells it from another."""
        return bool(kwargs or self._frozen or self._named or len(args) > (self._owner is not None))
