"""Identity of the object that a method belongs to."""

from __future__ import annotations

from enum import Enum

from ..errors import ConfigurationError, MissingKey, UnusableKey
from ..signatures import module_name
from .canonical import canonical
from .selectors import missing_part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

METHOD = "__idempotency_key__"
"""Defined by a class whose instances say themselves what tells them apart."""


def class_name(owner: object) -> str:
    """Return the qualified name of a class, or of an object's class."""
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{module_name(kind.__module__)}.{kind.__qualname__}"


def owner_text(owner: Any, method: str, parameters: tuple[str, ...]) -> str:
    """Return the text that tells an object from others of its class; it is empty for a class.

    Args:
        method: its name, and parameters: those that its caller gives, for the message.

    Raises:
        ConfigurationError: nothing tells the object from another.
        MissingKey: it says itself what tells it from another, and a part of that is missing.
    """
    if isinstance(owner, type):
        return ""
    kind = type(owner)
    if hasattr(kind, METHOD):
        identity = getattr(owner, METHOD)
        identity = identity() if callable(identity) else identity
        reason = ""
        if (missing := missing_part(identity)) is not None:
            raise MissingKey(f"that {kind.__qualname__}.{METHOD}() returns", missing)
    else:
        identity = owner
        reason = "" if _is_value(owner, kind) else f"nothing tells one {kind.__qualname__} from another"
    try:
        return canonical(identity) if not reason else _refuse(kind, reason, method, parameters)
    except UnusableKey as error:
        return _refuse(kind, f"its {error.path.lstrip('$.') or 'identity'} {error.reason}", method, parameters)


def _refuse(kind: type, reason: str, method: str, parameters: tuple[str, ...]) -> str:
    name = kind.__qualname__
    raise ConfigurationError(
        f"{method!r} is a method of {name}, and {reason}, so that two objects would share their replies. Nothing has "
        f"run. Say what identifies a call: @idempotent(key=lambda {', '.join(('self', *parameters))}: "
        f"[{', '.join(('self.id', *parameters))}]). Or make {name} a frozen dataclass of plain values, or give it a "
        f"method {METHOD}(self)."
    )


def is_identified(owner: object) -> bool:
    """Tell if an object says what it is, or is a value."""
    return not isinstance(owner, type) and (hasattr(type(owner), METHOD) or _is_value(owner, type(owner)))


def _is_value(owner: object, kind: type[Any]) -> bool:
    """Tell if an object never changes and is equal to another by all that it holds."""
    if issubclass(kind, Enum):
        return True
    if issubclass(kind, tuple):
        return not getattr(owner, "__dict__", None)  # a subclass may hold more than its elements
    # Looked up in the class itself: a subclass that is no frozen dataclass may hold more than the fields.
    if (parameters := kind.__dict__.get("__dataclass_params__")) is not None:
        return bool(parameters.frozen)
    if isinstance(getattr(kind, "model_fields", None), dict):  # pydantic 2
        return bool(getattr(kind, "model_config", {}).get("frozen")) and not getattr(
            owner, "__pydantic_private__", None
        )
    config = getattr(kind, "__config__", None)  # pydantic 1
    return bool(getattr(config, "frozen", False) or not getattr(config, "allow_mutation", True))
