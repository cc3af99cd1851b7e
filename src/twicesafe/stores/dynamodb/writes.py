"""The user's own writes of a transaction, as TransactWriteItems takes them."""

from __future__ import annotations

from ...errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ACTIONS = ("Put", "Update", "Delete", "ConditionCheck")
MOST_WRITES = 99
"""Of the 100 actions that a transaction may have, one is the record's."""


def low_level(writes: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The writes in DynamoDB's own form, whether they have its own values ({"S": "a"}) or a resource's ("a").

    Which of the two a write has is told by its key: there DynamoDB's own values are dicts, and a resource's never.

    Raises:
        ConfigurationError: they are not what TransactWriteItems takes.
    """
    if not isinstance(writes, (list, tuple)) or not 0 < len(writes) <= MOST_WRITES:
        raise ConfigurationError(f"writes= takes a list of 1 to {MOST_WRITES} actions, as TransactWriteItems does.")
    return tuple(_write(place, write) for place, write in enumerate(writes))


def _write(place: int, write: Any) -> dict[str, Any]:
    action = next(iter(write)) if isinstance(write, dict) and len(write) == 1 else None
    body = write[action] if action in ACTIONS else None
    key = (body.get("Item") or body.get("Key")) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(key, dict) or "TableName" not in body:
        raise ConfigurationError(
            f"writes[{place}] is not an action of TransactWriteItems: one of {', '.join(ACTIONS)}, with its TableName "
            "and its Item or Key."
        )
    if all(isinstance(value, dict) for value in key.values()):
        return dict(write)
    values = {part: _serialized(place, body[part]) for part in ("Item", "Key", VALUES) if part in body}
    return {str(action): {**body, **values}}


VALUES = "ExpressionAttributeValues"


def _serialized(place: int, values: dict[str, Any]) -> dict[str, Any]:
    try:
        from boto3.dynamodb.types import TypeSerializer
    except ImportError as error:
        raise ConfigurationError(
            f"writes[{place}] has plain values, and only boto3 can turn them into DynamoDB's own form: "
            'pip install \'twicesafe[dynamodb]\', or write them so: {"S": "text"}.'
        ) from error
    try:
        serialize = TypeSerializer().serialize
        return {name: serialize(value) for name, value in values.items()}
    except TypeError as error:
        raise ConfigurationError(f"writes[{place}] has a value that DynamoDB does not take: {error}") from None
