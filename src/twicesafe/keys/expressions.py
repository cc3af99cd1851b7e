"""JMESPath with functions for what events carry as text; imports the library, so import it where it is used."""

from __future__ import annotations

import base64
import binascii
import json
from functools import lru_cache
from typing import Any

from jmespath import Options
from jmespath.exceptions import JMESPathTypeError
from jmespath.functions import Functions, signature


class EventFunctions(Functions):
    """`json(@)`: what a text of JSON says; `base64(@)`: the text that it encodes."""

    @signature({"types": ["string"]})
    def _func_json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            raise JMESPathTypeError("json", text[:20], "string", ["JSON"]) from None

    @signature({"types": ["string"]})
    def _func_base64(self, text: str) -> str:
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError):
            raise JMESPathTypeError("base64", text[:20], "string", ["base64 of UTF-8"]) from None


@lru_cache(maxsize=1)
def options() -> Options:
    """The options of every search."""
    return Options(custom_functions=EventFunctions())
