"""Calls whose keys and fingerprints must never change: golden.json has those of each.

`python -m tests.keys.golden` adds what is missing there, and changes nothing that is there.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from tests.keys import samples as s
from tests.stand_ins import Context
from twicesafe import TwicesafeError, idempotent
from twicesafe.protocol.commands import List
from twicesafe.stores.memory import MemoryStore

FILE = Path(__file__).with_name("golden.json")


class Size(Enum):
    SMALL = 1


class Level(IntEnum):
    HIGH = 3


class Access(Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    id: str
    lines: tuple[Line, ...] = ()
    note: str = field(default="", compare=False)


class Model(BaseModel):
    id: str
    total: Decimal = Decimal(1)


ARGUMENTS: dict[str, Any] = {
    "null": None,
    "true": True,
    "text": "order-1",
    "text beyond ASCII": "caf\u00e9 \U0001f600",
    "half a surrogate pair": "\ud800",
    "whole number": 7,
    "whole number beyond 2**53": 2**53 + 1,
    "whole number of 30 digits": 10**29 + 1,
    "whole number of 6,000 digits": 10**6000,
    "float": 0.1,
    "float that is whole": 2.0,
    "float with an exponent": 1e-7,
    "Decimal": Decimal("1.10"),
    "Decimal with an exponent": Decimal("1e30"),
    "list": [1, "a", None],
    "tuple": (1, "a", None),
    "named tuple": Point(1, 2),
    "dict": {"b": 1, "a": [2]},
    "dict with names beyond ASCII": {"\u00e9": 1, "\U0001f600": 2, "\ufffd": 3},
    "dict with names of other types": {1: "one", (2, 3): "two"},
    "ordered dict": OrderedDict(b=1, a=2),
    "set": {"a", "b"},
    "frozenset": frozenset({1}),
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"a"),
    "memoryview": memoryview(b"a"),
    "enum": Size.SMALL,
    "IntEnum": Level.HIGH,
    "flags": Access.READ | Access.WRITE,
    "UUID": UUID(int=1),
    "date": date(2026, 1, 1),
    "datetime": datetime(2026, 1, 1, 12),
    "datetime with a zone": datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    "time": time(12, 30),
    "time with a zone": time(12, 30, tzinfo=timezone.utc),
    "timedelta": timedelta(days=1, microseconds=5),
    "dataclass": Order("o-1", (Line("a"), Line("b", 2)), "not compared"),
    "pydantic model": Model(id="o-1"),
    "nested": {"order": Order("o-1"), "at": [date(2026, 1, 1)], "by": {Decimal(1)}},
}

BEARER = {"idempotency-key": "k-1", "authorization": "Bearer one"}
ROLE = "arn:aws:sts::111122223333:assumed-role/app"
SSO = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_1"
POOL = "arn:aws:sts::111122223333:assumed-role/pool/CognitoIdentityCredentials"
CERTIFICATE = {"subjectDN": "CN=ann", "issuerDN": "CN=ca", "serialNumber": "1", "clientCertPem": "pem"}
FORM = {"idempotency-key": "k-1", "content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"idempotency-key": "k-1", "content-type": "multipart/form-data; boundary=x"}
PARTS = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
OF_LATTICE = {"idempotency-key": "k-1", "x-amzn-lattice-identity": f"Principal={ROLE}/session-1;Type=AWS_IAM"}
OF_AN_API_KEY = {"idempotency-key": "k-1", "x-api-key": "da2-a"}


def by(event: Any, **context: Any) -> Any:
    """The request with more in its context."""
    return {**event, "requestContext": {**event["requestContext"], **context}}


CALLERS: dict[str, Any] = {
    "rest with claims": s.rest({"idempotency-key": "k"}, authorizer={"claims": {"sub": "ann"}}),
    "rest with an authorizer": s.rest({"idempotency-key": "k"}, authorizer={"principalId": "ann"}),
    "rest with IAM": s.rest({"idempotency-key": "k"}, identity={"userArn": f"{ROLE}/session-1"}),
    "rest with Cognito": s.rest({"idempotency-key": "k"}, identity={"cognitoIdentityId": "eu-west-1:ann"}),
    "rest with an API key": s.rest({"idempotency-key": "k"}, identity={"apiKeyId": "a"}),
    "rest with a bearer token": s.rest(BEARER),
    "http api with claims": s.http_api(authorizer={"jwt": {"claims": {"sub": "ann"}}}),
    "http api with IAM": s.http_api(authorizer={"iam": {"userArn": "arn:aws:iam::1:user/ann"}}),
    "http api with an authorizer": s.http_api(authorizer={"lambda": {"user": "ann"}}),
    "http api with a bearer token": {**s.http_api(), "headers": BEARER},
    "http api with a query": {**s.http_api(), "rawQueryString": "a=1"},
    "http api with a proxy route": s.http_api() | {"routeKey": "POST /{proxy+}"},
    "http api without body": {**s.http_api(), "body": None},
    "http api in a stage": s.http_api(apiId="api", stage="prod", accountId=s.ACCOUNT),
    "http api with an issuer": s.http_api(authorizer={"jwt": {"claims": {"sub": "ann", "iss": "https://idp"}}}),
    "http api with Cognito": s.http_api(
        authorizer={"iam": {"userArn": POOL, "cognitoIdentity": {"identityId": "ann"}}}
    ),
    "http api with a certificate": s.http_api(authentication={"clientCert": CERTIFICATE}),
    "http api with an API key": {**s.http_api(), "headers": {"idempotency-key": "k-1", "x-api-key": "a"}},
    "http api with a cookie": {**s.http_api(), "cookies": ["sid=1"]},
    "http api with a form": {**s.http_api(), "headers": FORM, "body": "a=1&b=2"},
    "http api with multipart": {**s.http_api(), "headers": MULTIPART, "body": PARTS},
    "http api with base64": {**s.http_api(), "body": "AP8=", "isBase64Encoded": True},
    "rest with a context": s.rest(
        {"idempotency-key": "k"}, authorizer={"principalId": "me", "tenantId": "a", "exp": 1}
    ),
    "rest with Identity Center": s.rest({"idempotency-key": "k"}, identity={"userArn": f"{SSO}/ann"}),
    "alb with OIDC": {**s.SAMPLES["alb"][0], "headers": {"x-amzn-oidc-identity": "ann"}},
    "lattice with IAM": by(s.SAMPLES["lattice"][0], identity={"principal": f"{ROLE}/session-1"}),
    "lattice 1 with IAM": {**s.SAMPLES["lattice 1"][0], "headers": OF_LATTICE},
    "appsync with an issuer": {**s.appsync(), "identity": {"sub": "ann", "issuer": "https://idp"}},
    "appsync with Cognito": {**s.appsync(), "identity": {"userArn": POOL, "cognitoIdentityId": "ann"}},
    "appsync with an API key": {**s.appsync(), "identity": None, "request": {"headers": OF_AN_API_KEY}},
    "appsync with a mutation id": {**s.appsync(key=None), "arguments": {"input": {"clientMutationId": "c-1"}}},
    "appsync with a username": {**s.appsync(), "identity": {"username": "ann"}},
    "appsync with a resolver context": {**s.appsync(), "identity": {"resolverContext": {"tenant": "a"}}},
}


def pay(order: Any, amount: int = 1, *, note: str = "") -> None:
    """A plain function."""


async def pay_async(order: Any, amount: int = 1) -> None:
    """An async one."""


def handle(event: Any, context: Any) -> None:
    """A handler."""


class Shop:
    """With functions of each kind."""

    def refund(self, order: str) -> None:
        """A method."""

    @staticmethod
    def close(order: str) -> None:
        """A static method."""

    @classmethod
    def open(cls, town: str) -> None:
        """A class method."""

    def handle(self, event: Any, context: Any) -> None:
        """A handler that is a method."""


class Branch(Shop):
    """With functions that it inherits."""


@dataclass(frozen=True)
class Tenant:
    """A value with a method."""

    name: str

    def bill(self, order: str) -> None:
        """A method of a value."""


class Sender:
    """A callable object."""

    def __call__(self, user: str) -> None:
        """Send it."""


class MailSender(Sender):
    """One that inherits its call."""


def send(template: str, context: Any) -> None:
    """A function whose second parameter has the name of a handler's."""


def handle_with(event: Any, context: Any, database: Any = None) -> None:
    """A handler with a third parameter."""


def process(message: Any, _: Any = None) -> None:
    """A function that is a handler by what it is called with."""


def _plain(*args: Any, function: Any = pay, named: dict[str, Any] | None = None, **options: Any) -> Any:
    return lambda store: idempotent(store=store, **options)(function)(*args, **(named or {}))


def _event(event: Any, context: Any = None, function: Any = handle, **options: Any) -> Any:
    return lambda store: idempotent(store=store, **options)(function)(event, context or Context())


def _async(store: MemoryStore) -> None:
    asyncio.run(idempotent(store=store)(pay_async)("o-1"))


def _method(store: MemoryStore, **options: Any) -> None:
    idempotent(store=store, **options)(Shop.refund)(Shop(), "o-1")


def _method_handler(store: MemoryStore, owner: Shop) -> None:
    idempotent(store=store)(Shop.handle)(owner, s.SAMPLES["sqs"][0], Context())


def _class_method(store: MemoryStore, owner: type[Shop]) -> None:
    idempotent(store=store)(Shop.__dict__["open"].__func__)(owner, "Bern")


def _injected(store: MemoryStore) -> None:
    idempotent(store=store)(handle_with)(s.SAMPLES["sqs"][0], Context(), object())


class _Isolated(Context):
    tenant_id = "tenant-1"


ORDER = {"id": "o-1", "amount": 5}
CALLS: dict[str, Callable[[MemoryStore], object]] = {
    **{f"event: {name}": _event(event) for name, (event, *_) in s.SAMPLES.items()},
    **{f"caller: {name}": _event(event) for name, event in CALLERS.items()},
    **{f"argument: {name}": _plain(value) for name, value in ARGUMENTS.items()},
    "event: whole batch": _event({"Records": [s.sqs(), s.sqs(message_id="m-2")]}, unit="event"),
    "event: whole batch of one": _event({"Records": [s.sqs()]}, unit="event"),
    "event: of an isolated tenant": _event(s.SAMPLES["sqs"][0], _Isolated()),
    "event: scoped": _event(s.http_api(), scope=lambda event: "tenant-1"),
    "event: key by a function": _event(ORDER, key=lambda event: event["id"]),
    "event: key by an expression": _event(ORDER, key="[id, amount]"),
    "event: key and payload": _event(ORDER, key="id", payload="amount"),
    "event: key and no payload": _event(ORDER, key="id", payload=False),
    "event: key out of a body": _event(s.SAMPLES["sqs"][0], key="Records[0].body"),
    "event: name": _event(s.SAMPLES["sqs"][0], name="orders"),
    "event: to a method": partial(_method_handler, owner=Shop()),
    "event: to a method that is inherited": partial(_method_handler, owner=Branch()),
    "event: with a third argument": _injected,
    "event: to a function of other names": _event(s.SAMPLES["sqs"][0], None, process),
    "event: without a context": lambda store: idempotent(store=store)(process)(s.SAMPLES["sqs"][0]),
    "call: positional": _plain("o-1", 5),
    "call: by keyword": _plain(named={"amount": 5, "order": "o-1"}),
    "call: keyword-only": _plain("o-1", named={"note": "n"}),
    "call: key by a function": _plain("o-1", 5, key=lambda order, amount: order),
    "call: key by an expression": _plain(ORDER, key="id"),
    "call: key and payload": _plain("o-1", 5, key=lambda order, amount: order, payload=lambda order, amount: amount),
    "call: name": _plain("o-1", name="payments"),
    "call: async": _async,
    "call: static method": _plain("o-1", function=Shop.close),
    "call: method": _method,
    "call: method with a key": partial(_method, key=lambda order: order),
    "call: method of a value": lambda store: idempotent(store=store)(Tenant.bill)(Tenant("red"), "o-1"),
    "call: class method": partial(_class_method, owner=Shop),
    "call: class method that is inherited": partial(_class_method, owner=Branch),
    "call: callable object": _plain("ann", function=Sender()),
    "call: callable object that inherits its call": _plain("ann", function=MailSender()),
    "call: second parameter called context": _plain("welcome", {"user": 1}, function=send),
    "call: partial": _plain("o-1", function=partial(pay, amount=5)),
    "call: partial with a name": _plain("o-1", function=partial(pay, amount=5), name="payments"),
    "call: on Lambda": _plain("o-1"),
}
"""Each by what it is."""


def made(name: str) -> list[list[str]]:
    """Return the key and the fingerprint of each record that a call makes; none, where it is refused."""
    store = MemoryStore()
    host = {"AWS_LAMBDA_FUNCTION_NAME": "shop-production"} if name == "call: on Lambda" else {}
    os.environ.update(host)
    try:
        with suppress(TwicesafeError):
            CALLS[name](store)
    finally:
        for variable in host:
            del os.environ[variable]
    return [[record.key, record.fingerprint] for record in store.apply(List()).records]


def main() -> None:
    """Add what is missing."""
    golden = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in CALLS:
        golden.setdefault(name, {"records": made(name)})
    FILE.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    from tests.keys.golden import main as of_this_module  # whose functions are not called __main__.pay

    of_this_module()
