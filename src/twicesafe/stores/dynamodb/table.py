"""The table, made here; templates.py has it as text, for those who make it with tools of their own."""

from __future__ import annotations

from botocore.exceptions import ClientError, WaiterError

from ...errors import ConfigurationError, StoreUnavailable
from .client import FAILURES, explain
from .templates import definition, time_to_live

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .layout import Layout

PATIENCE = {"Delay": 1, "MaxAttempts": 120}  # seconds; a new table takes about ten


def create_table(client: Any, layout: Layout) -> None:
    """Make the table with its TTL, and wait until it can be used; one that is there and right is left as it is.

    Raises:
        ConfigurationError: it may not be made, or it is there with another key or TTL attribute.
        StoreUnavailable: DynamoDB did not answer.
    """
    try:
        _make(client, layout)
        _check(client.describe_table(TableName=layout.table)["Table"], layout)
        client.get_waiter("table_exists").wait(TableName=layout.table, WaiterConfig=PATIENCE)
        _switch_ttl_on(client, layout)
    except WaiterError as error:
        raise StoreUnavailable(layout.store, f"the table is not ready yet ({error})") from error
    except FAILURES as error:
        raise explain(error, layout.store) from error


def _make(client: Any, layout: Layout) -> None:
    try:
        client.create_table(TableName=layout.table, **definition(layout))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":  # it is there
            raise


def _check(found: Any, layout: Layout) -> None:
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in found["AttributeDefinitions"]}
    key = [(part["AttributeName"], part["KeyType"], types[part["AttributeName"]]) for part in found["KeySchema"]]
    wanted = [(part["AttributeName"], part["KeyType"], "S") for part in definition(layout)["KeySchema"]]
    if key != wanted:
        raise ConfigurationError(
            f"The table of the store {layout.store} is there already with another key, {_said(key)}, and needs "
            f"{_said(wanted)}. Take another name, or name its keys in the store's URL: ?attribute.id=PK&sort_key=SK."
        )


def _said(key: list[tuple[str, str, str]]) -> str:
    return " and ".join(f"{name} ({kind}, {letter})" for name, kind, letter in key)


def _switch_ttl_on(client: Any, layout: Layout) -> None:
    found = client.describe_time_to_live(TableName=layout.table)["TimeToLiveDescription"]
    wanted = time_to_live(layout)
    if found["TimeToLiveStatus"] in ("DISABLED", "DISABLING"):
        client.update_time_to_live(TableName=layout.table, TimeToLiveSpecification=wanted)
    elif found["AttributeName"] != wanted["AttributeName"]:
        raise ConfigurationError(
            f"The table of the store {layout.store} expires items by {found['AttributeName']!r} already, and records "
            f"expire by {wanted['AttributeName']!r}. Name it so: ?attribute.expiration={found['AttributeName']}."
        )
