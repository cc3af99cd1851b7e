"""DynamoDB Local in the place of the simulator in this process: there, each world has data of its own.

DynamoDB Local keeps the data of each access key apart, unless it was started with -sharedDb:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.UsageNotes.html
"""

from __future__ import annotations

import json
import os
import uuid
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ..messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "DynamoDB_20120810."
READS = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")
PATIENCE = 20.0
"""Seconds for one answer."""


class Elsewhere:
    """One set of data in a DynamoDB Local."""

    def __init__(self, url: str) -> None:
        """Begin an empty one.

        Args:
            url: where it listens, on this machine.
        """
        self._url = url
        self._owner = uuid.uuid4().hex  # an access key has letters and digits only
        self._made: list[tuple[str, bytes]] = []

    def check(self) -> None:
        """See that it is there, and keeps apart what is whose.

        Raises:
            ConfigurationError: it is not, or does not.
        """
        name = f"audit-{self._owner}"
        self._ask(
            "CreateTable",
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        seen = Elsewhere(self._url).tables()
        self._ask("DeleteTable", TableName=name)
        if name in seen:
            raise ConfigurationError(
                f"The DynamoDB Local at {self._url} shows everybody's data to everybody, so that one schedule would "
                "see another's. Start it without -sharedDb."
            )

    def serves(self, headers: Mapping[str, str]) -> bool:
        """Whether a request is for it."""
        return _target(headers).startswith(PREFIX)

    def send(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Do what is asked.

        Raises:
            ConfigurationError: nobody answers.
        """
        target = _target(headers)
        answer = self._send(target, body)
        if answer.status == 200 and not target.removeprefix(PREFIX).startswith(READS):
            self._made.append((target, body))
        return answer

    def split(self) -> None:
        """Go on, in a fork, in a set of its own, which begins with what was made in this one."""
        self._owner += f"p{os.getpid()}"  # a world's chance is controlled: its UUIDs are every world's
        for target, body in self._made:
            self._send(target, body)

    def tables(self) -> list[str]:
        """The names of those that are in it."""
        names: list[str] = self._ask("ListTables")["TableNames"]
        return names

    def clear(self) -> None:
        """Remove what is in it."""
        for name in self.tables():
            self._ask("DeleteTable", TableName=name)

    def _ask(self, name: str, **parameters: Any) -> Any:
        answer = self._send(PREFIX + name, json.dumps(parameters).encode())
        if answer.status != 200:
            said = answer.body.decode("utf-8", "replace")[:200]
            raise ConfigurationError(f"What is at {self._url} is no DynamoDB Local: {name} got {answer.status}, {said}")
        return json.loads(answer.body)

    def _send(self, target: str, body: bytes) -> Answer:
        scope = f"{self._owner}/20261230/us-east-1/dynamodb/aws4_request"
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        parts = urlsplit(self._url)
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        except (OSError, HTTPException) as error:
            raise ConfigurationError(f"The DynamoDB Local at {self._url} does not answer: {error!r}") from error
        finally:
            connection.close()


def _target(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
