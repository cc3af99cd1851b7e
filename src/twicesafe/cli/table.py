"""`twicesafe table`: the DynamoDB table, its function's policy, and making it."""

from __future__ import annotations

from typing import Any

import click

from ..errors import ConfigurationError
from ..execution.sql import TABLE

FORMATS = ("cloudformation", "sam", "policy", "sql")


@click.group(invoke_without_command=True)
@click.option("--name", default="twicesafe", show_default=True, help="The table's name.")
@click.option("--function", default="my-function", show_default=True, help="The Lambda function that uses it.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="sam", show_default=True, help="What to print.")
@click.option("--sort-key", help="The sort key's name, where the table is to have one.")
@click.pass_context
def table(ctx: click.Context, name: str, function: str, form: str, sort_key: str | None) -> None:
    """Print the DynamoDB table, or the IAM policy for it; or create it.

    The format sql is the table of step.transaction(), for a database of your own.
    """
    if form == "sql" and ctx.invoked_subcommand is None:
        click.echo(f"{TABLE};")
        return
    templates, layout = _layout(name, sort_key)
    ctx.obj = layout
    if ctx.invoked_subcommand is None:
        texts = {
            "cloudformation": lambda: templates.cloudformation(layout),
            "sam": lambda: templates.sam(layout, function),
            "policy": lambda: templates.iam_policy(layout, function),
        }
        click.echo(texts[form]().rstrip())


@table.command()
@click.option("--region", help="[default: that of the AWS environment]")
@click.option("--endpoint", help="Another DynamoDB, for example http://127.0.0.1:8000.")
@click.pass_obj
def create(layout: Any, region: str | None, endpoint: str | None) -> None:
    """Create the table, its TTL on, and wait until it can be used; one that is right is left as it is."""
    import boto3
    from botocore.exceptions import BotoCoreError

    from ..stores.dynamodb.table import create_table

    try:
        client = boto3.client("dynamodb", region_name=region, endpoint_url=endpoint)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"{error} Give --region, or set AWS_REGION.") from error
    create_table(client, layout)
    click.echo(f"The table {layout.table} is there. Use it with TWICESAFE_STORE={layout.store}")


def _layout(name: str, sort_key: str | None) -> tuple[Any, Any]:
    try:
        from ..stores.dynamodb import templates
        from ..stores.dynamodb.layout import Layout
    except ImportError as error:
        raise ConfigurationError(f"{error.name} is missing: pip install 'twicesafe[dynamodb]'.") from error
    return templates, Layout(name, sort_key=sort_key)
