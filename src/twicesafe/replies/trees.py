"""Values as trees of plain JSON types, and back.

A value that JSON does not have is an object with one name that begins with `$`. An object of the
user's that looks like that is escaped by one more `$`; every other one is kept as it is.
"""

from __future__ import annotations

from .scalars import READERS, row_of
from .structures import STRUCTURES, structure_of
from .text import PLAIN, Unkeepable, Unreadable, is_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .known import KnownTypes

COLLECTIONS: dict[type, str] = {tuple: "$tuple", set: "$set", frozenset: "$frozenset"}
MAKERS: dict[str, Callable[[Any], Any]] = {tag: kind for kind, tag in COLLECTIONS.items()}


def pack(value: Any, types: KnownTypes) -> Any:
    """The value as a tree.

    Raises:
        Unkeepable: it has a part of which no exact text can be made.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is list:
        return [pack(item, types) for item in value]
    if kind is dict:
        return _pack_dict(value, types)
    if kind in COLLECTIONS:
        return {COLLECTIONS[kind]: [pack(item, types) for item in value]}
    row = row_of(kind)
    return {row.tag: row.write(value)} if row is not None else _pack_structure(value, kind, types)


def unpack(types: KnownTypes) -> Callable[[dict[str, Any]], Any]:
    """The hook that makes values of a tree's objects, the innermost first.

    It raises:
        Unreadable: no value is written like this.
    """

    def value_of(tree: dict[str, Any]) -> Any:
        if len(tree) != 1 or not is_tag(tag := next(iter(tree))):
            return tree
        if tag.startswith("$$"):
            return {tag[1:]: tree[tag]}
        try:
            return _untag(tag, tree[tag], types)
        except Unreadable:
            raise
        except Exception as error:  # noqa: BLE001 - the type's own code refuses what a poisoned record says, in any way it likes
            raise Unreadable(f"its {tag[:20]} cannot be read ({type(error).__name__})") from None

    return value_of


def _pack_dict(value: dict[Any, Any], types: KnownTypes) -> Any:
    if not all(type(name) is str for name in value):
        return {"$dict": [[pack(name, types), pack(item, types)] for name, item in value.items()]}
    packed = {name: pack(item, types) for name, item in value.items()}
    return {f"${name}": item for name, item in packed.items()} if len(packed) == 1 and is_tag(*packed) else packed


def _pack_structure(value: Any, kind: type, types: KnownTypes) -> Any:
    structure = structure_of(kind)
    if structure is None:
        raise Unkeepable(f"it has a {kind.__module__}.{kind.__qualname__}, which has no exact text")
    name = types.name(kind)
    return {structure.tag: [name, pack(structure.take_apart(value), types)]}


def _untag(tag: str, content: Any, types: KnownTypes) -> Any:
    if tag in READERS:
        return READERS[tag](content)
    if tag in MAKERS and type(content) is list:
        return MAKERS[tag](content)
    if tag == "$dict" and type(content) is list:
        return dict(content)
    if tag not in STRUCTURES:
        raise Unreadable(f"it has a {tag[:20]!r}, which this version cannot read")
    name, parts = content
    kind = types.find(name)
    if kind is None or structure_of(kind) is not STRUCTURES[tag]:
        raise Unreadable(f"it has a {str(name)[:100]!r}, which the return annotation does not name")
    return STRUCTURES[tag].make(kind, parts)
