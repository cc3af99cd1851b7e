"""Files: /tmp is the sandbox's own, everything else is read-only, as on Lambda.

The handler's /tmp is a folder of its own for each sandbox, or a marker that a dead one left there would
look like protection. What it would write elsewhere is refused as Lambda's file system refuses it, and noted.
"""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import sys
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .link import Link

ONE = (
    "open",
    "stat",
    "lstat",
    "mkdir",
    "rmdir",
    "remove",
    "unlink",
    "readlink",
    "listdir",
    "scandir",
    "access",
    "chmod",
    "utime",
    "truncate",
    "chdir",
    "statvfs",
    "mkfifo",
)
NAMES = ("path", "file", "database")
"""What the first argument is called, where it is given by name."""
TWO = ("rename", "replace", "link", "symlink")
CHANGES: dict[str, tuple[int, int | None]] = {
    "os.remove": (0, 1),
    "os.rename": (1, 3),
    "os.mkdir": (0, 2),
    "os.rmdir": (0, 1),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
    "os.truncate": (0, None),
    "os.chmod": (0, 2),
    "os.chown": (0, 3),
}
"""Audit events, which of their arguments is the path that changes, and which the descriptor of the folder it is in."""
NONE_GIVEN = -1
"""In the place of a descriptor."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REAL = frozenset([io.open, sqlite3.connect, *(getattr(os, name) for name in (*ONE, *TWO) if hasattr(os, name))])
"""The functions that are taken, as they are."""
STANDARD = ("builtins", "io", "os", "sqlite3")
"""Python's modules in which they are taken; the others use them through these."""
_places: dict[str, list[tuple[Any, str, Any]]] = {}


def places() -> list[tuple[Any, str, Any]]:
    """Where modules have one of the functions by a name, as s3transfer does: the module, the name, the function.

    Each module is looked at once; what the zygote has looked at, its forks need not.
    """
    for name in [name for name in sys.modules if name not in _places]:
        module = sys.modules[name]
        is_looked_at = name in STANDARD or name.partition(".")[0] not in sys.stdlib_module_names
        _places[name] = [
            (module, own, value)
            for own, value in (list(getattr(module, "__dict__", {}).items()) if is_looked_at else ())
            if type(value) is BuiltinFunctionType and value in REAL
        ]
    return [place for found in _places.values() for place in found]


class Files:
    """Takes the place of the file system's changeable part."""

    def __init__(self, link: Link, temporary: str, kept: Sequence[str], writable: Sequence[str]) -> None:
        """Give the sandbox a /tmp.

        Args:
            temporary: the folder that is its /tmp.
            kept: folders in /tmp that are seen as they are: the user's code may live there.
            writable: folders that may be written to.
        """
        self._link = link
        self._temporary = temporary
        self._kept = tuple(f"{folder}{os.sep}" for folder in kept)
        self._writable = (temporary, *writable)

    def install(self) -> None:
        """From now on paths mean what they mean in the sandbox."""
        two = [getattr(os, name) for name in TWO]
        taken = {real: self._of_two(real) if real in two else self._of_one(real) for real in REAL}
        for module, name, real in places():
            setattr(module, name, taken[real])
        sys.dont_write_bytecode = True

    def path(self, path: Any) -> Any:
        """Where a path leads in the sandbox."""
        if isinstance(path, int):
            return path
        try:
            text = os.fspath(path)
        except TypeError:
            return path
        is_bytes = isinstance(text, bytes)
        name = os.fsdecode(text)
        if name == "/tmp" or (name.startswith("/tmp/") and not f"{name}/".startswith(self._kept)):  # noqa: S108 - Lambda's
            name = self._temporary + name[len("/tmp") :]  # noqa: S108 - as above
            return os.fsencode(name) if is_bytes else name
        return path

    def _of_one(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def function(*arguments: Any, **options: Any) -> Any:
            options = {name: self.path(value) if name in NAMES else value for name, value in options.items()}
            return real(*map(self.path, arguments[:1]), *arguments[1:], **options)

        return function

    def _of_two(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def function(src: Any, dst: Any, *arguments: Any, **options: Any) -> Any:
            return real(self.path(src), self.path(dst), *arguments, **options)

        return function

    def hear(self, event: str, arguments: Sequence[Any]) -> None:
        """Refuse a change outside of the sandbox's own, as an audit hook."""
        if event == "open":
            path, mode, flags = arguments
            if not (isinstance(flags, int) and flags & WRITES) and not (
                isinstance(mode, str) and set(mode) & set("wax+")
            ):
                return
        elif event in CHANGES:
            place, folder = CHANGES[event]
            path = arguments[place]
            if folder is not None and arguments[folder] != NONE_GIVEN and isinstance(path, (str, bytes)):
                path = os.path.join(_folder_of(arguments[folder]), os.fsdecode(path))
        elif event == "sqlite3.connect":
            path = arguments[0]
            if path == ":memory:" or str(path).startswith("file:") or path == "":
                return
        else:
            return
        self._refuse(path)

    def _refuse(self, path: Any) -> None:
        if path is None or isinstance(path, int):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.startswith(("/dev/", *(f"{folder}{os.sep}" for folder in self._writable))) or name in self._writable:
            return
        self._link.note(f"a write to the file {name}")
        raise OSError(errno.EROFS, "Read-only file system (the audit lets a handler write to /tmp only)", name)


def _folder_of(descriptor: int) -> str:
    """The folder that a descriptor stands for."""
    if sys.platform == "darwin":
        import fcntl

        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")
