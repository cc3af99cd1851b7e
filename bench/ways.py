"""One handler, protected in each of the ways that are measured. What a way needs is imported when it is made.

Nor is anything imported here that Lambda's runtime has not: a fresh process would not pay for it where it should.
"""

from __future__ import annotations

import json
import os
import time
from importlib.util import find_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[Any, Any], Any]

OURS = "twicesafe"
POWERTOOLS = "Powertools"
BY_HAND = "boto3 by hand"
IDEMKIT = "idemkit"
BARE = "bare requests"
BYTES = "bare bytes"

TABLE = "bench"
HAS_IDEMKIT = bool(find_spec("idemkit") and find_spec("aioboto3"))
AN_HOUR = 3600


class Context:
    """As Lambda gives it."""

    function_name = "bench"
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


CONTEXT = Context()


class Subject:
    """What is measured: something new, a first execution of it, and a replay of it, or of something older."""

    def __init__(
        self,
        new: Callable[[], Any],
        first: Callable[[Any], object],
        replay: Callable[[Any], object],
        old: Callable[[], Any] | None = None,
    ) -> None:
        self.new = new
        self.first = first
        self.replay = replay
        self.old = old


def handled(handler: Handler, old: Callable[[], Any] | None = None) -> Subject:
    """By a handler, which knows by itself which of the two it is."""

    def call(one: Any) -> object:
        return handler(one, CONTEXT)

    return Subject(event, call, call, old)


def event() -> dict[str, Any]:
    """An order that is new."""
    return {"order": {"id": os.urandom(16).hex(), "amount": "49.00", "currency": "EUR"}}


def charge(event: Any) -> Any:
    """What is protected: next to nothing."""
    return {"charge": event["order"]["id"], "amount": event["order"]["amount"], "paid": True}


def twicesafe(store: Any = None, work: Callable[[Any], Any] = charge) -> Handler:
    """With a store or its URL; by default what the environment says."""
    from twicesafe import idempotent

    @idempotent(key=lambda event: event["order"]["id"], store=store, name="bench")
    def handler(event: Any, context: Any) -> Any:
        return work(event)

    return handler


def twicesafe_async(store: Any) -> Callable[[Any, Any], Any]:
    """The same for event loops."""
    from twicesafe import idempotent

    @idempotent(key=lambda event: event["order"]["id"], store=store, name="bench")
    async def handler(event: Any, context: Any) -> Any:
        return charge(event)

    return handler


def powertools(client: Any = None, work: Callable[[Any], Any] = charge, layer: Any = None) -> Handler:
    """With a layer of its own, or a client; by default the client that it makes itself."""
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

    layer = layer or DynamoDBPersistenceLayer(TABLE, boto3_client=client)

    @idempotent(persistence_store=layer, config=IdempotencyConfig(event_key_jmespath="order.id"))
    def handler(event: Any, context: Any) -> Any:
        return work(event)

    return handler


def by_hand(client: Any = None) -> Handler:
    """As one writes it in an hour: a conditional write before, another one after."""
    import boto3

    client = client or boto3.client("dynamodb")
    taken = client.exceptions.ConditionalCheckFailedException

    def handler(event: Any, context: Any) -> Any:
        key, now = {"S": f"by hand {event['order']['id']}"}, time.time()
        until = int(now * 1000) + context.get_remaining_time_in_millis()
        expiration = {"N": str(int(now) + AN_HOUR)}
        try:
            client.put_item(
                TableName=TABLE,
                Item={
                    "id": key,
                    "status": {"S": "INPROGRESS"},
                    "expiration": expiration,
                    "in_progress_expiration": {"N": str(until)},
                },
                ConditionExpression="attribute_not_exists(#id) OR #status = :running AND #until < :now",
                ExpressionAttributeNames={"#id": "id", "#status": "status", "#until": "in_progress_expiration"},
                ExpressionAttributeValues={":running": {"S": "INPROGRESS"}, ":now": {"N": str(int(now * 1000))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except taken as error:
            return json.loads(error.response["Item"]["data"]["S"])
        reply = charge(event)
        client.update_item(
            TableName=TABLE,
            Key={"id": key},
            UpdateExpression="SET #status = :done, #data = :data, #expiration = :expiration",
            ExpressionAttributeNames={"#status": "status", "#data": "data", "#expiration": "expiration"},
            ExpressionAttributeValues={
                ":done": {"S": "COMPLETED"},
                ":data": {"S": json.dumps(reply)},
                ":expiration": expiration,
            },
        )
        return reply

    return handler


def idemkit(endpoint: str | None = None) -> Handler:
    """Its decorator for functions that are not async."""
    from idemkit import DynamoBackend, MethodConfig
    from idemkit.adapters.ai import idempotent_sync

    backend = DynamoBackend(
        endpoint_url=endpoint or os.environ["AWS_ENDPOINT_URL_DYNAMODB"], region_name=os.environ["AWS_DEFAULT_REGION"]
    )

    @idempotent_sync(backend=backend, config=MethodConfig(scope=lambda: "bench"))
    def handler(event: Any) -> Any:
        return charge(event)

    return lambda event, context: handler(event)


def in_a_dict() -> Any:
    """A layer of Powertools on a dict, with a lock around it, as our store in memory has."""
    import threading

    from aws_lambda_powertools.utilities.idempotency.exceptions import (
        IdempotencyItemAlreadyExistsError,
        IdempotencyItemNotFoundError,
    )
    from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer

    class Layer(BasePersistenceLayer):
        def __init__(self) -> None:
            super().__init__()
            self._records: dict[str, Any] = {}
            self._lock = threading.Lock()

        def _get_record(self, idempotency_key: str) -> Any:
            with self._lock:
                try:
                    return self._records[idempotency_key]
                except KeyError:
                    raise IdempotencyItemNotFoundError from None

        def _put_record(self, data_record: Any) -> None:
            with self._lock:
                found = self._records.get(data_record.idempotency_key)
                if found is not None and not found.is_expired and not self._is_abandoned(found):
                    raise IdempotencyItemAlreadyExistsError(old_data_record=found)
                self._records[data_record.idempotency_key] = data_record

        def _update_record(self, data_record: Any) -> None:
            with self._lock:
                self._records[data_record.idempotency_key] = data_record

        def _delete_record(self, data_record: Any) -> None:
            with self._lock:
                self._records.pop(data_record.idempotency_key, None)

        @staticmethod
        def _is_abandoned(found: Any) -> bool:
            until = found.in_progress_expiry_timestamp
            return found.status == "INPROGRESS" and until is not None and until < time.time() * 1000

    return Layer()
