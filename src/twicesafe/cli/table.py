"""`twicesafe table`: the DynamoDB table, its function's policy, and making it."""

from __future__ import annotations

import re
import shlex
from typing import Any
from urllib.parse import urlencode

import click

from ..errors import ConfigurationError
from ..execution.sql import TABLE as SQL_TABLE

FORMATS = ("cloudformation", "sam", "policy", "sql")
PATIENCE = 30.0
"""Seconds: nobody pays for the time in which a table is made."""
FUNCTION = re.compile(r"[A-Za-z0-9_.:-]{1,140}")
"""No "*" and no "?": in a policy they would let it at other functions' records."""


def _function(ctx: click.Context, parameter: click.Parameter, name: str) -> str:  # noqa: ARG001 - as click calls it
    if not FUNCTION.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name of a Lambda function.")
    return name


@click.group(invoke_without_command=True, short_help="Print the DynamoDB table and its IAM policy, or create it.")
@click.option("--name", default="twicesafe", show_default=True, help="The table's name.")
@click.option(
    "--function",
    default="my-function",
    show_default=True,
    callback=_function,
    help="The Lambda function that uses it, with whose name its keys begin.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="sam", show_default=True, help="What to print.")
@click.option("--sort-key", help="The sort key's name, where the table is to have one.")
@click.pass_context
def table(ctx: click.Context, name: str, function: str, form: str, sort_key: str | None) -> None:
    """Print the DynamoDB table, or the IAM policy for it; or create it.

    \b
    sam             a template of the table, and of a function that uses it
    cloudformation  a template of the table
    policy          the IAM policy of a function that uses the table
    sql             the table of step.transaction(), for a database of your own
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = (name, sort_key)
        return
    if form == "sql":
        click.echo(f"{SQL_TABLE};")
        return
    templates, layout = _layout(name, sort_key)
    texts = {
        "cloudformation": lambda: templates.cloudformation(layout),
        "sam": lambda: templates.sam(layout, function),
        "policy": lambda: templates.iam_policy(layout, function),
    }
    click.echo(texts[form]().rstrip())


@table.command(short_help="Create the table, with its TTL on.")
@click.option("--name", help="The table's name.  [default: twicesafe]")
@click.option("--sort-key", help="The sort key's name, where the table is to have one.")
@click.option("--region", help="[default: that of the AWS environment]")
@click.option("--endpoint", metavar="URL", help="Another DynamoDB, for example http://127.0.0.1:8000.")
@click.pass_obj
def create(
    before: tuple[str, str | None], name: str | None, sort_key: str | None, region: str | None, endpoint: str | None
) -> None:
    """Create the table, its TTL on, and wait until it can be used; one that is there and right is left as it is."""
    templates, layout = _layout(name or before[0], sort_key or before[1])
    from ..stores.dynamodb import DynamoDBStore

    options: dict[str, Any] = {"region": region, "endpoint": endpoint}
    store = DynamoDBStore(layout.table, sort_key=layout.sort_key, read_timeout=PATIENCE, **options)
    try:
        store.create_table()
    finally:
        store.close()
    url = _with_options(templates.url(layout), **options)
    click.echo(f"The table {layout.table} is there. Use it with TWICESAFE_STORE={shlex.quote(url)}")


def _layout(name: str, sort_key: str | None) -> tuple[Any, Any]:
    try:
        from ..stores.dynamodb import is_table, templates
        from ..stores.dynamodb.layout import Layout
    except ImportError as error:
        raise ConfigurationError(f"{error.name} is missing: pip install 'twicesafe[dynamodb]'.") from error
    if not is_table(name):
        raise click.UsageError(f"{name!r} is no name of a table: 3 to 255 letters, digits, and _ . -")
    return templates, Layout(name, sort_key=sort_key)


def _with_options(url: str, **options: str | None) -> str:
    """The store's URL, with those options that were given here."""
    given = urlencode({name: value for name, value in options.items() if value is not None}, safe=":/")
    return f"{url}{'&' if '?' in url else '?'}{given}" if given else url
