"""What HTTP callers hear: their own reply again, or a status that they can act on, and never a stranger's."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing
from twicesafe import (
    InProgress,
    KeyAlreadyHeld,
    LeaseLost,
    MissingKey,
    NotRecorded,
    PayloadMismatch,
    StoreUnavailable,
    current_execution,
    idempotent,
    step,
)
from twicesafe.keys.sources.table import rows
from twicesafe.protocol.commands import Claim, Complete, SaveStep
from twicesafe.protocol.records import Status

if TYPE_CHECKING:
    from collections.abc import Callable

ALB = s.SAMPLES["alb"][0]
URL = s.SAMPLES["function url"][0]
LATTICE = s.SAMPLES["lattice"][0]
LATTICE_1 = s.SAMPLES["lattice 1"][0]
PROXIES = {
    "rest-api": s.rest({"Idempotency-Key": "k-1"}),
    "http-api": s.http_api(),
    "function-url": URL,
    "alb": ALB,
    "vpc-lattice": LATTICE,
    "vpc-lattice-v1": LATTICE_1,
}
each_proxy = pytest.mark.parametrize("event", PROXIES.values(), ids=PROXIES)


def with_headers(event: Any, **headers: str) -> Any:
    """The request with other headers, as its proxy writes them."""
    event = copy.deepcopy(event)
    place = "multiValueHeaders" if "multiValueHeaders" in event else "headers"
    for name, value in headers.items():
        lists = place == "multiValueHeaders" or any(isinstance(one, list) for one in event[place].values())
        event[place][name.replace("_", "-")] = [value] if lists else value
    return event


def without_key(event: Any) -> Any:
    event = copy.deepcopy(event)
    for place in ("headers", "multiValueHeaders"):
        for name in [name for name in event.get(place) or {} if name.lower() == "idempotency-key"]:
            del event[place][name]
    return event


class Shop:
    """A handler that counts its orders, and answers as it is told."""

    def __init__(self, *replies: Any, store: Any = None, **options: Any) -> None:
        self.replies = list(replies)
        self.orders = 0
        self.store = store or Clocked()
        self._handler = idempotent(store=self.store, name="shop", **options)(self._handle)

    def _handle(self, event: Any, context: Any) -> Any:
        self.orders += 1
        if self.replies:
            return self.replies.pop(0)
        return {"statusCode": 201, "body": f"order {self.orders}"}

    def hears(self, event: Any, context: Any = None) -> Any:
        return self._handler(copy.deepcopy(event), context or Context())


def test_each_proxy_is_tested() -> None:
    assert PROXIES.keys() == {row.name for row in rows() if row.is_http}


# The same reply again


@each_proxy
def test_a_repeated_request_gets_the_first_reply_and_is_told_so(event: Any) -> None:
    shop = Shop()
    assert shop.hears(event) == {"statusCode": 201, "body": "order 1"}
    again = {"statusCode": 201, "body": "order 1", "headers": {"idempotency-replayed": "true"}}
    assert [shop.hears(event), shop.hears(event)] == [again, again]
    assert shop.orders == 1


@each_proxy
def test_without_a_key_each_request_runs_openly(event: Any) -> None:
    shop = Shop()
    assert [shop.hears(without_key(event))["body"] for _ in range(2)] == ["order 1", "order 2"]


@each_proxy
def test_without_a_key_that_is_required_it_is_400(event: Any) -> None:
    shop = Shop(require_key=True)
    answer = shop.hears(without_key(event))
    assert (answer["statusCode"], json.loads(answer["body"])["title"]) == (400, "Idempotency-Key is missing")
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert shop.orders == 0


@each_proxy
def test_a_key_that_is_none_is_400(event: Any) -> None:
    shop = Shop()
    answer = shop.hears(with_headers(without_key(event), idempotency_key="k" * 256))
    assert (answer["statusCode"], shop.orders) == (400, 0)


@each_proxy
def test_another_request_under_the_key_is_422(event: Any) -> None:
    shop = Shop()
    shop.hears(event)
    answer = shop.hears({**event, "body": "another"})
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (422, 422)
    assert shop.orders == 1


def test_a_running_duplicate_is_409_and_hears_when_to_come_again() -> None:
    store, answers = Clocked(), []

    @idempotent(store=store, name="shop")
    def handler(event: Any, context: Any) -> Any:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as elsewhere:
            answers.append(elsewhere.submit(handler, event, Context()).result())
        return {"statusCode": 200}

    handler(s.http_api(), Context(remaining=10_000))
    assert answers[0]["statusCode"] == 409
    assert 1 <= int(answers[0]["headers"]["retry-after"]) <= 12  # the remaining time and the allowance


def test_a_store_without_an_answer_is_503() -> None:
    shop = Shop(store=Failing(Claim))
    answer = shop.hears(s.http_api())
    assert (answer["statusCode"], answer["headers"]["retry-after"], shop.orders) == (503, "1", 0)


def test_no_time_left_is_503() -> None:
    shop = Shop()
    assert (shop.hears(s.http_api(), Context(remaining=0))["statusCode"], shop.orders) == (503, 0)


def test_the_users_own_key_that_is_not_there_is_400_and_says_nothing_of_a_header() -> None:
    shop = Shop(key="json(body).id")
    for body in ("{}", '{"id": null}', "no json", '{"id": NaN}'):
        answer = shop.hears({**s.http_api(), "body": body})
        assert answer["statusCode"] == 400
        assert "header" not in answer["body"]
    assert shop.orders == 0


def test_a_refusal_shows_neither_the_key_nor_who_has_it() -> None:
    event = s.http_api("secret-key", authorizer={"jwt": {"claims": {"sub": "ann"}}})
    shop = Shop()
    shop.hears(event)
    answer = json.dumps(shop.hears({**event, "body": "another"}))
    assert "secret-key" not in answer
    assert "ann" not in answer
    assert "shop" not in answer


# A reply that says "failed"


@pytest.mark.parametrize("status", [500, 502, 503, 599, 429, 401, 403, "503", 503.0])
def test_a_reply_that_asks_to_try_again_is_given_and_not_kept(status: Any) -> None:
    shop = Shop({"statusCode": status}, {"statusCode": 200})
    assert shop.hears(s.http_api()) == {"statusCode": status}
    assert shop.hears(s.http_api()) == {"statusCode": 200}
    assert shop.orders == 2


@pytest.mark.parametrize("status", [200, 201, 302, 400, 404, 409, 422, "201", None, "odd", [], True])
def test_any_other_reply_is_an_answer(status: Any) -> None:
    shop = Shop({"statusCode": status})
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["statusCode"] == status
    assert shop.orders == 1


@pytest.mark.parametrize("reply", ["text", None, [1], {"message": "API Gateway makes a body of it"}])
def test_a_reply_of_another_shape_is_replayed_as_it_is(reply: Any) -> None:
    shop = Shop(reply)
    assert [shop.hears(s.http_api()), shop.hears(s.http_api())] == [reply, reply]


# What is not for the next one


def test_cookies_and_the_date_are_for_the_first_caller_alone_and_are_not_stored() -> None:
    reply = {
        "statusCode": 200,
        "headers": {"Set-Cookie": "session=secret", "DATE": "today", "content-type": "text/plain"},
        "multiValueHeaders": {"set-cookie": ["a=secret", "b=secret"], "x-kept": ["1", "2"]},
        "cookies": ["c=secret"],
        "body": "hello",
    }
    shop = Shop(reply)
    assert shop.hears(s.http_api()) == reply
    assert "secret" not in str(shop.store.record)
    assert shop.hears(s.http_api()) == {
        "statusCode": 200,
        "headers": {"content-type": "text/plain", "idempotency-replayed": "true"},
        "multiValueHeaders": {"x-kept": ["1", "2"]},
        "body": "hello",
    }


def test_a_reply_of_multi_value_headers_alone_is_told_there() -> None:
    shop = Shop({"statusCode": 200, "multiValueHeaders": {"x": ["1"]}})
    shop.hears(ALB)
    assert shop.hears(ALB) == {"statusCode": 200, "multiValueHeaders": {"x": ["1"], "idempotency-replayed": ["true"]}}


CROSS = {"Access-Control-Allow-Origin": "https://shop.example", "access-control-allow-credentials": "true", "x": "1"}
PLAIN = {"x": "1", "idempotency-replayed": "true"}


@pytest.mark.parametrize(
    ("headers", "origin", "replayed"),
    [
        (CROSS, "https://shop.example", {**CROSS, "idempotency-replayed": "true"}),
        (CROSS, "https://other.example", PLAIN),
        (CROSS, None, {**CROSS, "idempotency-replayed": "true"}),
        (
            {"access-control-allow-origin": "*"},
            "https://other.example",
            {"access-control-allow-origin": "*", "idempotency-replayed": "true"},
        ),
    ],
)
def test_what_depends_on_the_origin_is_replayed_to_that_origin(headers: Any, origin: Any, replayed: Any) -> None:
    shop = Shop({"statusCode": 200, "headers": headers})
    event = with_headers(s.http_api(), origin=origin) if origin else s.http_api()
    shop.hears(event)
    assert shop.hears(event)["headers"] == replayed


# Two strangers with one weak key

ARN = "arn:aws:sts::111122223333:assumed-role/{}/session"


def by(event: Any, **context: Any) -> Any:
    event = copy.deepcopy(event)
    event["requestContext"] = {**event.get("requestContext", {}), **context}
    return event


REST = PROXIES["rest-api"]
CALLERS: dict[str, Callable[[str], Any]] = {
    "cognito on rest": lambda who: by(REST, authorizer={"claims": {"sub": who}}),
    "lambda authorizer on rest": lambda who: by(REST, authorizer={"principalId": who}),
    "identity pool on rest": lambda who: by(REST, identity={"cognitoIdentityId": who}),
    "iam on rest": lambda who: by(REST, identity={"userArn": ARN.format(who)}),
    "api key on rest": lambda who: by(REST, identity={"apiKeyId": who}),
    "jwt on http api": lambda who: by(s.http_api(), authorizer={"jwt": {"claims": {"sub": who}}}),
    "iam on http api": lambda who: by(s.http_api(), authorizer={"iam": {"userArn": ARN.format(who)}}),
    "iam on function url": lambda who: by(URL, authorizer={"iam": {"userArn": ARN.format(who)}}),
    "principal on lattice": lambda who: by(LATTICE, identity={"principal": ARN.format(who)}),
}


@pytest.mark.parametrize("of", CALLERS.values(), ids=CALLERS)
def test_callers_whom_the_platform_has_proven_do_not_share_a_key(of: Callable[[str], Any]) -> None:
    shop = Shop()
    bodies = [shop.hears(of(who))["body"] for who in ("ann", "bob", "ann", "bob")]
    assert bodies == ["order 1", "order 2", "order 1", "order 2"]


def test_another_session_of_the_same_role_is_the_same_caller() -> None:
    shop = Shop()
    for session in ("s-1", "s-2"):
        event = by(s.http_api(), authorizer={"iam": {"userArn": f"arn:aws:sts::1:assumed-role/app/{session}"}})
        assert shop.hears(event)["body"] == "order 1"


@each_proxy
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic"])
def test_a_caller_with_other_credentials_never_gets_a_strangers_reply(event: Any, scheme: str) -> None:
    shop = Shop()
    ann, bob = (with_headers(event, Authorization=f"{scheme} {who}") for who in ("ann", "bob"))
    assert shop.hears(ann)["body"] == "order 1"
    assert [shop.hears(bob)["statusCode"], shop.hears(event)["statusCode"]] == [422, 422]
    assert shop.hears(ann)["body"] == "order 1"
    assert shop.orders == 1


@pytest.mark.parametrize("options", [{"payload": "body"}, {"payload": lambda event: event["body"]}, {"payload": False}])
def test_the_users_own_payload_does_not_open_a_reply_to_strangers(options: Any) -> None:
    shop = Shop(**options)
    ann, bob = (with_headers(s.http_api(), authorization=f"Bearer {who}") for who in ("ann", "bob"))
    assert [shop.hears(ann)["statusCode"], shop.hears(bob)["statusCode"]] == [201, 422]


@each_proxy
def test_the_users_own_key_does_not_open_a_reply_to_strangers(event: Any) -> None:
    shop = Shop(key=lambda event: "k-1")
    ann, bob = (with_headers(without_key(event), Authorization=f"Bearer {who}") for who in ("ann", "bob"))
    assert [shop.hears(ann)["statusCode"], shop.hears(bob)["statusCode"]] == [201, 422]


def test_the_users_own_key_is_each_proven_callers_own() -> None:
    shop = Shop(key=lambda event: "k-1")
    request = without_key(s.http_api())
    ann, bob = (by(request, authorizer={"jwt": {"claims": {"sub": who}}}) for who in ("ann", "bob"))
    assert [shop.hears(each)["body"] for each in (ann, bob, ann)] == ["order 1", "order 2", "order 1"]


def test_what_is_not_protected_is_not_read_for_a_fingerprint() -> None:
    shop = Shop()
    request = without_key(s.http_api())
    request["body"] = object()  # has no text that is always the same
    assert shop._handler(request, Context())["statusCode"] == 201


def test_a_signature_that_each_try_has_anew_is_not_compared() -> None:
    shop = Shop()
    for signature in ("1", "2"):
        assert shop.hears(with_headers(s.http_api(), authorization=f"HMAC {signature}"))["body"] == "order 1"


def test_a_renewed_token_of_a_proven_caller_is_the_same_caller() -> None:
    shop = Shop()
    proven = by(s.http_api(), authorizer={"jwt": {"claims": {"sub": "ann"}}})
    for token in ("1", "2"):
        assert shop.hears(with_headers(proven, authorization=f"Bearer {token}"))["body"] == "order 1"


def test_the_users_own_scope_tells_callers_apart() -> None:
    shop = Shop(scope=lambda event: event["headers"]["x-user"])
    told = [
        shop.hears(with_headers(s.http_api(), x_user=who, authorization=f"Bearer {token}"))["body"]
        for who, token in [("ann", 1), ("bob", 2), ("ann", 3), ("bob", 4)]
    ]
    assert told == ["order 1", "order 2", "order 1", "order 2"]


def test_tenants_of_an_isolated_function_do_not_share_a_key() -> None:
    shop, bodies = Shop(), []
    for tenant in ("a", "b", "a"):
        context = Context()
        context.tenant_id = tenant  # type: ignore[attr-defined]
        bodies.append(shop.hears(s.http_api(), context)["body"])
    assert bodies == ["order 1", "order 2", "order 1"]


def test_mutations_of_two_users_do_not_share_a_key() -> None:
    calls: list[str] = []
    handler = idempotent(store=Clocked(), name="handler")(
        lambda event, context: calls.append(event["identity"]["sub"]) or len(calls)
    )
    replies = [handler({**s.appsync(), "identity": {"sub": who}}, Context()) for who in ("ann", "bob", "ann")]
    assert replies == [1, 2, 1]


# What the handler itself raises is its own


@pytest.mark.parametrize(
    "error",
    [
        InProgress("of another", 1, 1000),
        PayloadMismatch("of another"),
        MissingKey("of another", "all"),
        StoreUnavailable("of another", "silent"),
        KeyAlreadyHeld("of another"),
    ],
)
@pytest.mark.parametrize("key", ["k-1", None])
def test_an_error_of_a_function_inside_is_no_answer_to_the_caller(error: Exception, key: str | None) -> None:
    @idempotent(store=Clocked(), name="handler")
    def handler(event: Any, context: Any) -> None:
        raise error

    with pytest.raises(type(error), match="of another"):
        handler(s.http_api(key), Context())


def test_a_lease_that_is_lost_on_the_way_is_no_refusal() -> None:
    store = Clocked()

    @idempotent(store=store, name="handler")
    def handler(event: Any, context: Any) -> Any:
        store.advance(600)
        step("late", lambda: None)

    with pytest.raises(LeaseLost):
        handler(s.http_api(), Context())


@pytest.mark.parametrize(("kind", "error"), [(SaveStep, StoreUnavailable), (Complete, NotRecorded)])
def test_what_has_run_is_never_answered_as_not_run(kind: type, error: type[Exception]) -> None:
    @idempotent(store=Failing(kind), name="handler")
    def handler(event: Any, context: Any) -> Any:
        step("charge", lambda: "charged")
        return {"statusCode": 200}

    with pytest.raises(error):
        handler(s.http_api(), Context())


def test_fail_open_runs_it_unprotected_and_says_so() -> None:
    store = Failing(Claim)

    @idempotent(store=store, fail_open=True, name="handler")
    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": str(current_execution().fence)}

    assert handler(s.http_api(), Context()) == {"statusCode": 200, "body": "None"}


def test_an_unprotected_route_keeps_no_record() -> None:
    shop = Shop()
    shop.hears(without_key(s.http_api()))
    assert shop.store._records == {}


def test_the_record_of_a_failed_reply_is_released() -> None:
    shop = Shop({"statusCode": 500})
    shop.hears(s.http_api())
    assert (shop.store.record.status, shop.store.record.owner) == (Status.IN_PROGRESS, None)
