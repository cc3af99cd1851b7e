"""Records in a DynamoDB table: the dialect is pure, the connections (direct, botocore, aiobotocore) are thin."""

from __future__ import annotations

import re

from ...errors import ConfigurationError
from .store import DynamoDBStore

__all__ = ["DynamoDBStore", "is_table", "open_url"]

NAME = "[A-Za-z0-9_.-]{3,255}"
ARN = f"arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:[0-9]{{12}}:table/{NAME}"
TEXTS = ("region", "endpoint", "sort_key", "sort_value", "connection", "ca_bundle")
NUMBERS = {"connect_timeout": float, "read_timeout": float, "tries": int}


def open_url(url: str) -> DynamoDBStore:
    """Open `dynamodb://table`, with options as in `?region=eu-west-1&read_timeout=2&attribute.id=pk`.

    Args:
        url: percent-encoded where a value has a "&", "#" or "%".

    Raises:
        ConfigurationError: it names no table, or an option that is not known.
    """
    table, _, query = url.partition("://")[2].partition("?")
    if not is_table(table):
        raise ConfigurationError(f"{url!r} names no table. Write dynamodb://my-table, or its ARN after the slashes.")
    options: dict[str, object] = {}
    attributes: dict[str, str] = {}
    for name, value in _options(query):
        if name.startswith("attribute."):
            attributes[name.partition(".")[2]] = value
        else:
            options[name] = _option(url, name, value)
    return DynamoDBStore(table, attributes=attributes, **options)  # type: ignore[arg-type] # checked by _option


def is_table(text: str) -> bool:
    """Whether it is the name of a table, or its ARN."""
    return bool(re.fullmatch(NAME, text) or re.fullmatch(ARN, text))


def _options(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    from urllib.parse import parse_qsl  # for a cold start it is not cheap

    return parse_qsl(query, keep_blank_values=True)


def _option(url: str, name: str, value: str) -> object:
    try:
        if name in TEXTS and value:
            return value
        number = NUMBERS[name](value)
        if 0 < number < 1000:
            return number
    except (KeyError, ValueError):
        pass  # said below
    known = ", ".join((*TEXTS, *NUMBERS, "attribute.<name>"))
    raise ConfigurationError(f"{url!r} has {name}={value}, which is not understood. There are {known}.")
