"""The same request in a third less bytes, which are hashed and signed: an expression's words become numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

EXPRESSIONS = ("ConditionExpression", "UpdateExpression", "FilterExpression")
TABLES = ("ExpressionAttributeNames", "ExpressionAttributeValues")
WORD = re.compile(r"[#:]\w+")


def brief(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a request of ours, shorter; the user's own writes in a transaction stay as they are."""
    items = parameters.get("TransactItems")
    if items is not None:
        return {**parameters, "TransactItems": [{"Update": brief(items[0]["Update"])}, *items[1:]]}
    expressions = {name: parameters[name] for name in EXPRESSIONS if name in parameters}
    shorter, words = _shortened(tuple(expressions.values()))
    shortened: dict[str, Any] = dict(zip(expressions, shorter, strict=True))
    for table in TABLES:
        if table in parameters:
            shortened[table] = {words[word]: value for word, value in parameters[table].items()}
    return {**parameters, **shortened}


@lru_cache(maxsize=256)
def _shortened(expressions: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The expressions, and what became of each word in them."""
    words: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return words.setdefault(match[0], f"{match[0][0]}{len(words):x}")

    return tuple(WORD.sub(number, expression) for expression in expressions), words
