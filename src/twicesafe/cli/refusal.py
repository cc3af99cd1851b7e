"""An error in one line, with its exit status."""

from __future__ import annotations

import click


class Refusal(click.ClickException):
    """What was asked for was not done, for a reason that lies outside of the command's own form."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click declares it for the class, and reads it from the instance
