"""NamedTuple for what a handler imports, made in a tenth of the time that typing takes for one.

typing reads each annotation, and collections compiles a `__new__` for each class; on Lambda every cold start would pay
for it. Here the annotations stay as they are, and a `__new__` is a copy of the one that was compiled for so many
fields, with the fields' own names.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from collections import _tuplegetter as getter
    from collections import namedtuple
    from types import FunctionType

    new = tuple.__new__

    NEW = (
        lambda _cls: new(_cls, ()),
        lambda _cls, a: new(_cls, (a,)),
        lambda _cls, a, b: new(_cls, (a, b)),
        lambda _cls, a, b, c: new(_cls, (a, b, c)),
        lambda _cls, a, b, c, d: new(_cls, (a, b, c, d)),
        lambda _cls, a, b, c, d, e: new(_cls, (a, b, c, d, e)),
        lambda _cls, a, b, c, d, e, f: new(_cls, (a, b, c, d, e, f)),
        lambda _cls, a, b, c, d, e, f, g: new(_cls, (a, b, c, d, e, f, g)),
        lambda _cls, a, b, c, d, e, f, g, h: new(_cls, (a, b, c, d, e, f, g, h)),
        lambda _cls, a, b, c, d, e, f, g, h, i: new(_cls, (a, b, c, d, e, f, g, h, i)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j: new(_cls, (a, b, c, d, e, f, g, h, i, j)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j, k: new(_cls, (a, b, c, d, e, f, g, h, i, j, k)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j, k, m: new(_cls, (a, b, c, d, e, f, g, h, i, j, k, m)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j, k, m, n: new(_cls, (a, b, c, d, e, f, g, h, i, j, k, m, n)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j, k, m, n, o: new(_cls, (a, b, c, d, e, f, g, h, i, j, k, m, n, o)),
    )
    """By the number of fields. More than that is rare enough to be compiled."""

    class _Maker(type):
        """Makes a named tuple of a class's body."""

        def __new__(cls, name: str, _: tuple[type, ...], body: dict[str, Any]) -> Any:
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}
            own = {
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                "__new__": _new(body["__qualname__"], fields, tuple(defaults.values())),
            }
            getters = GETTERS if len(fields) < len(NEW) else map(_getter, range(len(fields)))
            return type(name, (tuple,), {**SHARED, **own, **body, **dict(zip(fields, getters, strict=False))})

    def _getter(place: int) -> Any:
        return getter(place, f"Alias for field number {place}")

    def _new(name: str, fields: tuple[str, ...], defaults: tuple[Any, ...]) -> Any:
        if len(fields) >= len(NEW):
            return namedtuple(name.rpartition(".")[2], fields, defaults=defaults).__new__
        code = NEW[len(fields)].__code__.replace(co_varnames=("_cls", *fields))
        made = FunctionType(code, globals(), "__new__", defaults)
        made.__qualname__ = f"{name}.__new__"
        return made

    def _make(cls: Any, values: Any) -> Any:
        made = new(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self: Any, /, **changes: Any) -> Any:
        made = new(type(self), map(changes.pop, self._fields, self))
        if changes:
            raise TypeError(f"Got unexpected field names: {list(changes)!r}")
        return made

    def _asdict(self: Any) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def _repr(self: Any) -> str:
        shown = [f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _arguments(self: Any) -> tuple[Any, ...]:
        return tuple(self)

    SHARED = {
        "_make": classmethod(_make),
        "_replace": _replace,
        "__replace__": _replace,
        "_asdict": _asdict,
        "__repr__": _repr,
        "__getnewargs__": _arguments,
    }
    """What all of them have, as those of collections do."""

    GETTERS = tuple(map(_getter, range(len(NEW))))
    """They are the same in all classes."""

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})

__all__ = ["NamedTuple"]
