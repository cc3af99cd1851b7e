"""What pyproject.toml lists for `twicesafe audit`, as command lines.

    [tool.twicesafe.audit]             options of all
    fail-on = "unsafe"

    [[tool.twicesafe.audit.handlers]]  one audit; its own options win, and the command line wins over both
    handler = "shop.orders:handler"
    event = "events/order.json"
    world = "events/shop.world.json"

Files are named from the folder of pyproject.toml on, and modules are looked for there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import ConfigurationError
from ..lab.loading import NotLoadable, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "pyproject.toml"
TABLE = "tool.twicesafe.audit"
ARGUMENTS = "twicesafe.arguments"
"""Under which a context keeps the words that it was made of."""
OF_THE_COMMAND_LINE = ("json", "json-schema", "write-baseline", "schedule", "help")
OF_ALL = ("baseline", "html", "sarif")
"""Options that are not of one handler."""


def listed(ctx: click.Context) -> Iterator[dict[str, Any]]:
    """The parameters of each audit that is listed, as the command itself reads them.

    Raises:
        ConfigurationError: nothing is listed, or not as it must be; the message names file and key.
    """
    said = list(ctx.meta[ARGUMENTS])
    options = _options(ctx.command)
    sources = {key: ctx.get_parameter_source(str(option.name)) for key, option in options.items()}
    file, table = _found(os.getcwd())
    shared = {key: value for key, value in table.items() if key != "handlers"}
    _check(f"{file}: {TABLE}", shared, options)
    for place, entry in enumerate(_entries(file, table)):
        where = f"{file}: {TABLE}.handlers[{place}]"
        own = {key: value for key, value in entry.items() if key not in ("handler", "event")}
        _check(where, own, {key: option for key, option in options.items() if key not in OF_ALL})
        handler, event = (_text(f"{where}.{key}", entry.get(key)) for key in ("handler", "event"))
        try:
            parse(handler, ())
        except NotLoadable as error:
            raise ConfigurationError(f"{where}.handler: {error}") from error
        words = [
            word
            for key, value in {"path": ".", **shared, **own}.items()
            if sources[key] != ParameterSource.COMMANDLINE
            for word in _words(file, key, value, options[key])
        ]
        try:
            inner = ctx.command.make_context(
                ctx.info_name, [*words, *said, "--", handler, _near(file, event)], ctx.parent
            )
        except click.UsageError as error:
            key = _key(error)
            there = f"{file}: {TABLE}" if key in shared and key not in own else where
            raise ConfigurationError(f"{there}{key and '.'}{key}: {error.format_message()}") from None
        ctx.call_on_close(inner.close)
        yield inner.params


def _entries(file: str, table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = table.get("handlers")
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        raise ConfigurationError(
            f"{file}: {TABLE}.handlers is no list of tables. Write [[{TABLE}.handlers]], and below it "
            'handler = "MODULE:HANDLER" and event = "EVENT.json".'
        )
    return found


def _key(error: click.UsageError) -> str:
    """Of the option that is wrong, or the argument."""
    parameter = getattr(error, "param", None)
    return max(parameter.opts, key=len).lstrip("-") if parameter is not None else ""


def _found(folder: str) -> tuple[str, Mapping[str, Any]]:
    """The nearest file that has the table, upwards."""
    here = folder
    while True:
        path = os.path.join(here, FILE)
        if os.path.isfile(path):
            file = os.path.relpath(path, folder)
            table = _table(file)
            if table is not None:
                return file, table
        if here == os.path.dirname(here):
            raise ConfigurationError(
                f"No {FILE} in {folder} or above lists handlers under [{TABLE}]. Name one and its event: "
                "twicesafe audit MODULE:HANDLER EVENT.json"
            )
        here = os.path.dirname(here)


def _table(file: str) -> Mapping[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        with open(file, "rb") as opened:
            found: Any = tomllib.load(opened)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    way = ""
    for name in TABLE.split("."):
        if name not in found:
            return None
        found, way = found[name], f"{way}.{name}".lstrip(".")
        if not isinstance(found, dict):
            raise ConfigurationError(f"{file}: {way} is no table.")
    return found  # type: ignore[no-any-return]  # it is a dict by now


def _options(command: click.Command) -> dict[str, click.Option]:
    """The options that may stand in the file, by their long names."""
    found = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            name = max(parameter.opts, key=len).lstrip("-")
            if name not in OF_THE_COMMAND_LINE:
                found[name] = parameter
    return found


def _check(where: str, table: Mapping[str, Any], options: Mapping[str, click.Option]) -> None:
    for key, value in table.items():
        if key in OF_THE_COMMAND_LINE:
            raise ConfigurationError(f"{where}.{key} is an option of the command line only.")
        if key in OF_ALL and key not in options:
            raise ConfigurationError(f"{where}.{key} is not of one handler: write it into [{TABLE}].")
        if key not in options:
            raise ConfigurationError(f"{where}.{key} is nothing of an audit. Options are {', '.join(options)}.")
        if not _is_of_type(value, options[key]):
            form = "true or false" if options[key].is_flag else "a text or a number"
            form += ", or a list of them" if options[key].multiple else ""
            raise ConfigurationError(f"{where}.{key} must be {form}.")


def _is_of_type(value: Any, option: click.Option) -> bool:
    if option.is_flag:
        return isinstance(value, bool)
    values = value if option.multiple and isinstance(value, list) else [value]
    return all(isinstance(each, (str, int, float)) and not isinstance(each, bool) for each in values)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} is missing." if value is None else f"{where} is no text.")
    return value


def _words(file: str, key: str, value: Any, option: click.Option) -> list[str]:
    """An option as the command line has it."""
    if option.is_flag:
        return [f"--{key}"] if value else []
    values = value if isinstance(value, list) else [value]
    is_file = isinstance(option.type, (click.File, click.Path))
    return [f"--{key}={_near(file, str(each)) if is_file else each}" for each in values]


def _near(file: str, path: str) -> str:
    """A path that is meant from the file's folder on, from the current one on."""
    return os.path.relpath(os.path.join(os.path.dirname(file), path))
