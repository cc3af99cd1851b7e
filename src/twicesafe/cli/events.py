"""An event out of a file."""

from __future__ import annotations

import json
from typing import IO, Any

import click


def read_event(file: IO[str]) -> Any:
    """Read JSON.

    Raises:
        UsageError: it is none; the message says where it goes wrong.
    """
    try:
        return json.load(file)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise click.UsageError(f"{file.name} is not JSON: {error.msg} ({where}).") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file.name} is not JSON: it is not UTF-8.") from None
    except RecursionError:
        raise click.UsageError(f"{file.name} is nested too deeply.") from None
