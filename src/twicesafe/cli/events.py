"""An event out of a file."""

from __future__ import annotations

import json
from typing import IO, Any, NoReturn

import click

from .refusal import Refusal

EVENT = click.File(encoding="utf-8-sig")
"""Some editors put a mark before UTF-8."""


def read_event(file: IO[str]) -> Any:
    """Read JSON.

    Raises:
        Refusal: it is none; the message says where it goes wrong.
    """
    try:
        return json.load(file, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refusal(f"{file.name} is not JSON: {error.msg} ({where}).") from None
    except UnicodeDecodeError:
        raise Refusal(f"{file.name} is not JSON: it is not UTF-8.") from None
    except RecursionError:
        raise Refusal(f"{file.name} is nested too deeply.") from None
    except ValueError as error:
        raise Refusal(f"{file.name} has a number that cannot be read: {error}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is none in JSON.")
