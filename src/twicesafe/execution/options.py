"""What the user may choose for a step, checked before anything runs."""

from __future__ import annotations

from ..errors import ConfigurationError, UnusableKey
from ..keys.canonical import RULE, canonical, digest
from ..protocol.records import Millis
from ..protocol.steps import SETTLES_AFTER, Plan
from ..signatures import accepts
from ..tuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Any

LONGEST_NAME = 255
"""Bytes: what DynamoDB takes as a name in an expression."""
FINGERPRINT_DIGITS = 32
"""Of the hash: enough to notice a change, and each step's record pays for them."""


class _NotDone:
    """What a recover function returns when it is sure that the effect was not had."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_DONE"


NOT_DONE = _NotDone()
"""What a recover function returns when it is sure that the effect was not had: then the effect is run."""


class Options(NamedTuple):
    """The user's choices; `Steps` describes them."""

    each: Any = None
    fingerprint: bool = True
    needs: Millis = Millis(0)
    recover: Callable[..., Any] | None = None
    at_most_once: bool = False
    not_done: tuple[type[BaseException], ...] = ()
    settles_after: Millis = SETTLES_AFTER
    horizon: Millis | None = None

    def plan(self, print_of: str) -> Plan:
        """The same, for the protocol."""
        return Plan(
            print_of,
            self.needs,
            self.recover is not None,
            self.at_most_once,
            self.not_done,
            self.settles_after,
            self.horizon,
        )


NO_OPTIONS = Options()
NAMES = frozenset(Options._fields)


def take_options(function: Callable[..., Any], kwargs: dict[str, Any]) -> Options:
    """Take the options of a step out of the keyword arguments; what is left belongs to the function.

    Raises:
        ConfigurationError: one of them is wrong, or is also a parameter of the function.
    """
    chosen = kwargs.keys() & NAMES
    for name in chosen:
        if accepts(function, name):
            shown = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(
                f"{name}= is an option of step(), and also a parameter of {shown}: it is not clear whose it is here. "
                f"Give the function its own with functools.partial({shown}, {name}=...), and the step the other."
            )
    return checked(**{name: kwargs.pop(name) for name in chosen}) if chosen else NO_OPTIONS


def checked(
    *,
    each: object = None,
    fingerprint: object = True,
    needs: timedelta | float = 0,
    recover: Callable[..., Any] | None = None,
    at_most_once: bool = False,
    not_done: Any = (),
    settles_after: timedelta | float | None = None,
    horizon: timedelta | float | str | None = None,
    **unknown: object,
) -> Options:
    """The options, of the types that they must have.

    Raises:
        ConfigurationError: one of them is not, or contradicts another.
    """
    if unknown:
        raise ConfigurationError(f"step() has no option {min(unknown)}=. Its options are {', '.join(Options._fields)}.")
    for option, value in (("fingerprint", fingerprint), ("at_most_once", at_most_once)):
        if not isinstance(value, bool):
            raise ConfigurationError(f"{option}= of a step takes True or False, not {value!r}.")
    if recover is not None and not callable(recover):
        raise ConfigurationError(
            f"recover= takes a function that finds out what became of the effect, not {recover!r}."
        )
    if recover is not None and at_most_once:
        raise ConfigurationError(
            "A step has either recover= or at_most_once=True: what can be found out may be repeated."
        )
    errors = not_done if isinstance(not_done, tuple) else (not_done,)
    if not all(isinstance(error, type) and issubclass(error, BaseException) for error in errors):
        raise ConfigurationError(
            f"not_done= takes exception classes that prove that nothing was sent, not {not_done!r}."
        )
    if recover is None and not at_most_once and (errors or settles_after is not None):
        raise ConfigurationError(
            "not_done= and settles_after= go with recover= or at_most_once=True, and nothing else."
        )
    return Options(
        each,
        bool(fingerprint),
        _millis("needs", needs),
        recover,
        at_most_once,
        errors,
        SETTLES_AFTER if settles_after is None else _millis("settles_after", settles_after),
        _horizon(horizon),
    )


def full_name(name: object, each: object) -> str:
    """Return a step's name with its discriminator.

    Raises:
        ConfigurationError: it is empty, too long, no Unicode, or would be another in the next attempt.
    """
    if not issubclass(type(name), str) or not name:
        raise ConfigurationError(f"A step's name is a text that says what it does, not {name!r}.")
    text = str.__str__(name)
    if (size := _size(text)) is None:
        raise ConfigurationError(f"The step name {text!r} has half of a surrogate pair, which no store keeps.")
    if each is not None:
        text = f"{text}[{_discriminator(text, each)}]"
        size = _size(text)
    if size is None or size > LONGEST_NAME:
        raise ConfigurationError(
            f"The step name {text[:40]!r}… is over {LONGEST_NAME} bytes. Tell turns apart by an id: each=item.id."
        )
    return text


def _discriminator(name: str, each: object) -> str:
    """Return the text of each=; half of a surrogate pair, as in a file's name, is escaped as in canonical texts."""
    try:
        return each if isinstance(each, str) and _size(each) is not None else canonical(each)
    except Exception as error:  # a proxy may raise anything
        reason = error.reason if isinstance(error, UnusableKey) else f"cannot be read ({type(error).__name__})"
        raise ConfigurationError(
            f"each= of the step {name!r} {reason}. Tell turns apart by what is the same in each attempt: each=item.id."
        ) from error


def _size(text: str) -> int | None:
    """Return the bytes of a text; None: it has no UTF-8."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def print_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the fingerprint of a step's arguments; empty where they have no text that is always the same."""
    try:
        return f"{RULE}:{digest(canonical([args, kwargs]))[:FINGERPRINT_DIGITS]}"
    except Exception:  # noqa: BLE001 - UnusableKey mostly; an argument may be a proxy, and raise anything
        return ""


def _horizon(value: timedelta | float | str | None) -> Millis | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return _millis("horizon", value)
    from ..providers import PROVIDERS

    if value not in PROVIDERS:
        raise ConfigurationError(
            f"horizon= knows no provider {value!r}. Give a timedelta, or one of {', '.join(sorted(PROVIDERS))}."
        )
    return PROVIDERS[value].horizon


def _millis(option: str, value: timedelta | float) -> Millis:
    seconds = value if isinstance(value, (int, float)) else getattr(value, "total_seconds", lambda: -1)()
    if isinstance(value, bool) or not 0 <= seconds < 1e9:
        raise ConfigurationError(f"{option}= of a step takes a timedelta or seconds, not {value!r}.")
    return Millis(round(seconds * 1000))
