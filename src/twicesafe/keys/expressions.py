"""JMESPath with functions for what events carry as text; imports the library, so import it where it is used."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from jmespath import Options
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions, signature
from jmespath.visitor import TreeInterpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VALUES = ["object", "array", "number", "string", "boolean"]


class NotThereError(Exception):
    """A part of what was asked for is not there; it says which, and nothing of the event."""


class OpaqueError(Exception):
    """A value on the way has fields that are not known; it says of which type."""


JSON_TYPES = (dict, list, str, int, float, bool, type(None))
FIELDS = ("__dataclass_fields__", "__attrs_attrs__", "model_fields", "__fields__")
"""Where classes of dataclasses, attrs and pydantic (2 and 1) say what their fields are."""


class EventFunctions(Functions):
    """`json(@)`: what a text of JSON says; `base64(@)`: the text that it encodes."""

    @signature({"types": ["string"]})
    def _func_json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            raise NotThereError("all: json() was given a text that is no JSON") from None

    @signature({"types": ["string"]})
    def _func_base64(self, text: str) -> str:
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError):
            raise NotThereError("all: base64() was given a text that is no base64 of UTF-8") from None

    @signature({"types": VALUES})
    def _func_to_string(self, value: object) -> str:
        """As the library's own, but that nothing is not "null"."""
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


class Whole(TreeInterpreter):
    """JMESPath that also looks into dataclasses, models and Powertools' data classes, and leaves nothing out.

    The library leaves what is not there out of a list, and two keys would be one.
    """

    def visit(self, node: Any, value: Any) -> Any:
        found = super().visit(node, value if type(value) in JSON_TYPES else _opened(value))
        return list(found) if type(found) is tuple else found

    def visit_field(self, node: Any, value: Any) -> Any:
        if not isinstance(value, JSON_TYPES):
            raise OpaqueError(type(value).__qualname__)
        return super().visit_field(node, value)

    def visit_projection(self, node: Any, value: Any) -> Any:
        return self._all_of(super().visit_projection, node, value)

    def visit_value_projection(self, node: Any, value: Any) -> Any:
        return self._all_of(super().visit_value_projection, node, value)

    def visit_filter_projection(self, node: Any, value: Any) -> Any:
        return self._all_of(super().visit_filter_projection, node, value)

    def visit_or_expression(self, node: Any, value: Any) -> Any:
        """What is missing on its left stands on its right."""
        first, second = node["children"]
        try:
            found = self.visit(first, value)
        except NotThereError:
            found = None
        is_false = found is None or found is False or (isinstance(found, (str, list, dict)) and not found)
        return self.visit(second, value) if is_false else found

    def _all_of(self, project: Callable[[Any, Any], Any], node: Any, value: Any) -> Any:
        """What each element gives. The base is evaluated once: projections nest, and it may be a text to parse."""
        base, part, *rest = node["children"]
        base = {"type": "literal", "value": _opened(self.visit(base, value)), "children": []}
        found = project({**node, "children": [base, part, *rest]}, value)
        if found is None:
            return None
        elements = project({**node, "children": [base, EACH, *rest]}, value)
        if len(found) < len(elements):
            raise NotThereError(f"{len(elements) - len(found)} of {len(elements)} elements")
        return found


def _opened(value: Any) -> Any:
    """Return an object's fields, a tuple's elements, and any other value as it is."""
    kind = type(value)
    if isinstance(value, JSON_TYPES):
        return value
    if isinstance(raw := getattr(value, "raw_event", None), dict):
        return raw
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", None)  # of a named one
        return list(value) if names is None else dict(zip(names, value, strict=True))
    if isinstance(value, Mapping):
        return dict(value)
    for place in FIELDS:
        if (fields := getattr(kind, place, None)) is not None:
            names = [field.name for field in fields] if place == "__attrs_attrs__" else list(fields)
            extra = getattr(value, "__pydantic_extra__", None) or {}
            return {**{name: getattr(value, name) for name in names if hasattr(value, name)}, **extra}
    return value


def search(parsed: Any, value: object) -> Any:
    """What a parsed expression finds.

    Raises:
        NotThereError: a part of it is not there.
        OpaqueError: it leads into an object whose fields are not known.
    """
    try:
        return Whole(OPTIONS).visit(parsed, value)
    except JMESPathTypeError as error:
        raise NotThereError(f"all: {error.function_name}() was given a {error.actual_type}") from None
    except JMESPathError as error:
        raise NotThereError(f"all: {type(error).__name__}") from None


def is_constant(parsed: Any) -> bool:
    """Tell if a parsed expression looks at nothing: it is the same for all events."""
    if parsed["type"] in ("literal", "key_val_pair", "multi_select_list", "multi_select_dict", "function_expression"):
        return all(is_constant(child) for child in parsed["children"])
    return False


def unknown_function(parsed: Any) -> str | None:
    """The name of a function in a parsed expression that there is not."""
    if not isinstance(parsed, dict):
        return None
    if parsed["type"] == "function_expression" and parsed["value"] not in EventFunctions.FUNCTION_TABLE:
        return str(parsed["value"])
    return next((name for child in parsed["children"] if (name := unknown_function(child)) is not None), None)


EACH = {"type": "literal", "value": True, "children": []}
OPTIONS = Options(custom_functions=EventFunctions())
