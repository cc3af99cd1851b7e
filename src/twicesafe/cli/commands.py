"""All commands, and how their errors are said."""

from __future__ import annotations

from typing import Any

import click

from ..errors import ConfigurationError, MalformedEvent, TwicesafeError
from ..lab.loading import NotLoadable
from .audit import audit
from .deliver import deliver
from .demo import demo
from .key import key
from .records import records
from .refusal import Refusal
from .table import table


class Commands(click.Group):
    """Says our errors in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (ConfigurationError, MalformedEvent, NotLoadable) as error:
            raise Refusal(str(error)) from error
        except TwicesafeError as error:
            raise Refusal(str(error), 1) from error
        except KeyboardInterrupt as error:
            raise Refusal("Interrupted; nothing was left running.", 130) from error


def _version(ctx: click.Context, parameter: click.Parameter, is_asked: bool) -> None:  # noqa: ARG001 - as click calls it
    if is_asked:
        from importlib.metadata import version

        click.echo(f"twicesafe {version('twicesafe')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def commands() -> None:
    """Make any AWS Lambda function safe to run twice.

    Exit status: 0 it is so; 1 the answer is no, or a delivery failed; 2 the input or the set-up is wrong.
    """


for command in (demo, audit, deliver, key, records, table):
    commands.add_command(command)
