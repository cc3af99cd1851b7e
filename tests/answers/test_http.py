"""What HTTP callers hear: their own reply again, or a status that they can act on, and never a stranger's."""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from datetime import datetime, timezone
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing
from twicesafe import (
    ConfigurationError,
    CredentialsMismatch,
    InProgress,
    KeyAlreadyHeld,
    LeaseLost,
    MissingKey,
    NotRecorded,
    PayloadMismatch,
    StoreUnavailable,
    current_execution,
    deliveries,
    idempotent,
    step,
)
from twicesafe.answers.http import HTTP
from twicesafe.keys.sources.table import rows
from twicesafe.protocol.commands import Claim, Complete, SaveStep
from twicesafe.protocol.records import Millis, Status

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


def told(shop: Shop) -> dict[str, str]:
    """What each replay says of itself: when the execution began whose reply it is."""
    began = datetime.fromtimestamp(shop.store.record.claimed // 1000, timezone.utc)
    return {"idempotency-replayed": "true", "idempotency-executed-at": f"{began:%Y-%m-%dT%H:%M:%SZ}"}


def test_each_proxy_is_tested() -> None:
    assert PROXIES.keys() == {row.name for row in rows() if row.is_http}


# The same reply again


@each_proxy
def test_a_repeated_request_gets_the_first_reply_and_is_told_so(event: Any) -> None:
    shop = Shop()
    assert shop.hears(event) == {"statusCode": 201, "body": "order 1"}
    shop.store.advance(7)
    again = {"statusCode": 201, "body": "order 1", "headers": told(shop)}
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


@pytest.mark.parametrize("status", [500, 502, 503, 599, 429, 401, 403, 408, 409, 423, 425, "503", "409", 503.0])
def test_a_reply_that_asks_to_try_again_is_given_and_not_kept(status: Any) -> None:
    shop = Shop({"statusCode": status}, {"statusCode": 200})
    assert shop.hears(s.http_api()) == {"statusCode": status}
    assert shop.hears(s.http_api()) == {"statusCode": 200}
    assert shop.orders == 2


@pytest.mark.parametrize(
    "headers",
    [{"headers": {"Retry-After": "7"}}, {"headers": {"retry-after": 7}}, {"multiValueHeaders": {"Retry-After": ["7"]}}],
)
@pytest.mark.parametrize("status", [400, 404, 413, 421, 499])
def test_a_client_error_that_says_when_to_come_again_is_not_kept(status: int, headers: Any) -> None:
    shop = Shop({"statusCode": status, **headers}, {"statusCode": 200})
    assert [shop.hears(s.http_api())["statusCode"] for _ in range(2)] == [status, 200]


@pytest.mark.parametrize(
    "reply", [{"headers": {"Retry-After": None}}, {"headers": {"retry-after": ""}}, {"headers": None}]
)
def test_an_empty_retry_after_says_nothing(reply: Any) -> None:
    shop = Shop({"statusCode": 404, **reply})
    assert [shop.hears(s.http_api())["statusCode"] for _ in range(2)] == [404, 404]
    assert shop.orders == 1


def test_a_redirect_with_retry_after_is_an_answer() -> None:
    shop = Shop({"statusCode": 303, "headers": {"retry-after": "1"}})
    assert [shop.hears(s.http_api())["statusCode"] for _ in range(2)] == [303, 303]


@pytest.mark.parametrize("status", [200, 201, 302, 400, 404, 422, "201", None, "odd", [], True])
def test_any_other_reply_is_an_answer(status: Any) -> None:
    shop = Shop({"statusCode": status})
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["statusCode"] == status
    assert shop.orders == 1


@pytest.mark.parametrize(
    "statuses",
    [
        lambda: (409, 503),
        lambda: [409, 503],
        lambda: {409, 503},
        lambda: {HTTPStatus.CONFLICT, 503},
        lambda: iter([409, 503]),
        lambda: map(int, ("409", "503")),
        lambda: (status for status in (409, 503)),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}])
def test_a_status_that_the_user_keeps_is_an_answer(statuses: Any, headers: Any) -> None:
    for status in (409, 503):
        shop = Shop({"statusCode": status, "headers": headers}, keep_statuses=statuses())
        assert [shop.hears(s.http_api())["statusCode"] for _ in range(2)] == [status, status]
        assert shop.orders == 1


def test_a_status_that_the_user_retries_is_not_kept() -> None:
    for status in (404, 200):
        shop = Shop({"statusCode": status}, {"statusCode": 201}, retry_statuses=range(200, 600))
        assert [shop.hears(s.http_api())["statusCode"] for _ in range(2)] == [status, 201]


def test_a_retry_of_what_was_not_kept_repeats_no_step() -> None:
    charges: list[int] = []

    @idempotent(store=Clocked(), name="handler")
    def handler(event: Any, context: Any) -> Any:
        number = step("charge", lambda: charges.append(1) or len(charges))
        return {"statusCode": 409, "body": str(number)}

    assert [handler(s.http_api(), Context())["body"] for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("option", ["keep_statuses", "retry_statuses"])
@pytest.mark.parametrize("value", [409, "409", b"x", {409: 1}, [True], [99], [600], ["409"], [None], None, 4.0, [4.5]])
def test_what_is_no_status_is_an_error_at_decoration(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}= takes HTTP statuses"):
        Shop(**{option: value})


def test_a_status_cannot_be_both_kept_and_not() -> None:
    with pytest.raises(ConfigurationError, match="keep_statuses= and retry_statuses= both have 409"):
        Shop(keep_statuses={409, 404}, retry_statuses={409})


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
        "headers": {"content-type": "text/plain", **told(shop)},
        "multiValueHeaders": {"x-kept": ["1", "2"]},
        "body": "hello",
    }


def test_a_reply_of_multi_value_headers_alone_is_told_there() -> None:
    shop = Shop({"statusCode": 200, "multiValueHeaders": {"x": ["1"]}})
    shop.hears(ALB)
    lists = {name: [value] for name, value in told(shop).items()}
    assert shop.hears(ALB) == {"statusCode": 200, "multiValueHeaders": {"x": ["1"], **lists}}


class Named(NamedTuple):
    statusCode: int  # as API Gateway calls it
    headers: Any = None
    multiValueHeaders: Any = None
    cookies: Any = None
    body: str = "hello"


class AsObject:
    """An object that the runtime sends as what its _asdict returns."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def _asdict(self) -> Any:
        return self.fields


class HeaderName(str, Enum):
    COOKIE = "Set-Cookie"


SECRET = {"set-cookie": "a=secret", "x": "1"}
SENT_AS_OBJECTS: list[Any] = [
    lambda status: Named(status, SECRET, {"SET-COOKIE": ["a=secret"]}, ["a=secret"]),
    lambda status: AsObject(statusCode=status, headers=SECRET, cookies=["a=secret"]),
    lambda status: {"statusCode": status, "headers": AsObject(**SECRET)},
    lambda status: {"statusCode": status, "headers": {HeaderName.COOKIE: "a=secret", "x": "1"}},
    lambda status: {"statusCode": status, "headers": {b"set-cookie": "a=secret", "x": "1"}},
    lambda status: {b"statusCode": status, "headers": SECRET},
]


@pytest.mark.parametrize("reply", SENT_AS_OBJECTS)
def test_a_reply_is_kept_as_the_object_that_the_runtime_sends(reply: Any) -> None:
    shop = Shop(reply(200))
    shop.hears(s.http_api())
    assert "secret" not in str(shop.store.record)
    again = shop.hears(s.http_api())
    assert (again["statusCode"], again["headers"]) == (200, {"x": "1", **told(shop)})


@pytest.mark.parametrize("reply", SENT_AS_OBJECTS)
def test_a_reply_is_judged_as_the_object_that_the_runtime_sends(reply: Any) -> None:
    shop = Shop(reply(503), {"statusCode": 201})
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["statusCode"] == 201


def test_a_header_of_a_reply_is_found_in_the_object_that_the_runtime_sends() -> None:
    shop = Shop(Named(404, {b"Retry-After": "1"}), {"statusCode": 201})
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["statusCode"] == 201


@pytest.mark.parametrize("reply", [{"statusCode": 503, "body": object()}, AsObject(statusCode=503, body=object())])
def test_a_reply_that_cannot_be_sent_is_judged_by_its_status_all_the_same(reply: Any) -> None:
    shop = Shop(reply, {"statusCode": 201})
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["statusCode"] == 201


@pytest.mark.parametrize("headers", [[["x", "1"]], "x: 1", 7, [{"x": "1"}], True])
def test_a_reply_whose_headers_are_no_object_is_replayed_as_it_was_kept(headers: Any) -> None:
    reply = {"statusCode": 200, "headers": headers}
    shop = Shop(reply)
    assert [shop.hears(s.http_api()) for _ in range(2)] == [reply, reply]
    assert shop.orders == 1


def test_a_replay_names_the_execution_that_answered_and_not_one_that_failed() -> None:
    shop = Shop({"statusCode": 500})
    shop.hears(s.http_api())
    failed = told(shop)
    shop.store.advance(100)
    shop.hears(s.http_api())
    assert shop.hears(s.http_api())["headers"] == told(shop) != failed


def test_a_replay_of_a_record_that_says_no_time_says_none() -> None:
    reply = HTTP.replayed(s.http_api(), {"statusCode": 200}, Millis(0))
    assert reply == {"statusCode": 200, "headers": {"idempotency-replayed": "true"}}


CROSS = {"Access-Control-Allow-Origin": "https://shop.example", "access-control-allow-credentials": "true", "x": "1"}
PLAIN = {"x": "1"}


@pytest.mark.parametrize(
    ("headers", "origin", "replayed"),
    [
        (CROSS, "https://shop.example", CROSS),
        (CROSS, "https://other.example", PLAIN),
        (CROSS, None, CROSS),
        (
            {"access-control-allow-origin": "*"},
            "https://other.example",
            {"access-control-allow-origin": "*"},
        ),
    ],
)
def test_what_depends_on_the_origin_is_replayed_to_that_origin(headers: Any, origin: Any, replayed: Any) -> None:
    shop = Shop({"statusCode": 200, "headers": headers})
    event = with_headers(s.http_api(), origin=origin) if origin else s.http_api()
    shop.hears(event)
    assert shop.hears(event)["headers"] == {**replayed, **told(shop)}


# Two strangers with one weak key

ROLE = "arn:aws:sts::111122223333:assumed-role"


def by(event: Any, **context: Any) -> Any:
    event = copy.deepcopy(event)
    event["requestContext"] = {**event.get("requestContext", {}), **context}
    return event


def iam_on_v2(event: Any, arn: str, **iam: Any) -> Any:
    return by(event, authorizer={"iam": {"userArn": arn, **iam}})


REST = PROXIES["rest-api"]
OF_A_POOL = f"{ROLE}/Cognito_AuthRole/CognitoIdentityCredentials"
PROVEN: dict[str, Callable[[str], Any]] = {
    "cognito on rest": lambda who: by(REST, authorizer={"claims": {"sub": who}}),
    "user of a lambda authorizer on rest": lambda who: by(REST, authorizer={"principalId": "user", "userId": who}),
    "user in json of a lambda authorizer": lambda who: by(REST, authorizer={"claims": json.dumps({"sub": who})}),
    "identity pool on rest": lambda who: by(REST, identity={"cognitoIdentityId": who, "userArn": OF_A_POOL}),
    "jwt on http api": lambda who: by(s.http_api(), authorizer={"jwt": {"claims": {"sub": who}}}),
    "jwt of a program": lambda who: by(s.http_api(), authorizer={"jwt": {"claims": {"client_id": who}}}),
    "jwt of an issuer": lambda who: by(s.http_api(), authorizer={"jwt": {"claims": {"sub": "7", "iss": who}}}),
    "identity pool on http api": lambda who: iam_on_v2(
        s.http_api(), OF_A_POOL, cognitoIdentity={"identityId": who, "identityPoolId": "p"}
    ),
    "user of a lambda authorizer on http api": lambda who: by(s.http_api(), authorizer={"lambda": {"userId": who}}),
    "user of iam on rest": lambda who: by(REST, identity={"userArn": f"arn:aws:iam::1:user/{who}"}),
    "user of iam on function url": lambda who: iam_on_v2(URL, f"arn:aws:iam::1:user/path/{who}"),
    "person of identity center": lambda who: iam_on_v2(URL, f"{ROLE}/AWSReservedSSO_Dev_1/{who}"),
    "person of saml": lambda who: iam_on_v2(URL, f"{ROLE}/dev/{who}@example.com"),
}
"""Each proves who is calling."""
TOLD_APART: dict[str, Callable[[str], Any]] = {
    "principal of a lambda authorizer": lambda who: by(REST, authorizer={"principalId": who}),
    "tenant of a lambda authorizer": lambda who: by(REST, authorizer={"principalId": "user", "tenantId": who}),
    "tenant of a lambda authorizer on http api": lambda who: by(s.http_api(), authorizer={"lambda": {"tenant": who}}),
    "api key on rest": lambda who: by(REST, identity={"apiKeyId": who}),
    "api key beside a principal": lambda who: by(REST, authorizer={"principalId": "me"}, identity={"apiKeyId": who}),
    "certificate on rest": lambda who: by(REST, identity={"clientCert": {"subjectDN": f"CN={who}"}}),
    "issuer of a certificate": lambda who: by(REST, identity={"clientCert": {"subjectDN": "CN=a", "issuerDN": who}}),
    "certificate on http api": lambda who: by(
        s.http_api(), authentication={"clientCert": {"subjectDN": f"CN={who}", "serialNumber": "1"}}
    ),
    "certificate on alb": lambda who: with_headers(ALB, x_amzn_mtls_clientcert_subject=f"CN={who}"),
    "oidc on alb": lambda who: with_headers(ALB, x_amzn_oidc_identity=who),
    "iam on rest": lambda who: by(REST, identity={"userArn": f"{ROLE}/{who}/session"}),
    "iam on http api": lambda who: iam_on_v2(s.http_api(), f"{ROLE}/{who}/session"),
    "iam on function url": lambda who: iam_on_v2(URL, f"{ROLE}/{who}/session"),
    "principal on lattice": lambda who: by(LATTICE, identity={"principal": f"{ROLE}/{who}/session"}),
    "certificate on lattice": lambda who: by(LATTICE, identity={"principal": f"{ROLE}/a/s", "x509SubjectCn": who}),
    "principal on lattice 1": lambda who: with_headers(
        LATTICE_1, x_amzn_lattice_identity=f"Principal={ROLE}/{who}/session; SessionName=session; Type=AWS_IAM"
    ),
    "company of a lambda authorizer": lambda who: by(s.http_api(), authorizer={"lambda": {"company": {"email": who}}}),
    "stage": lambda who: by(REST, stage=who),
    "api": lambda who: by(s.http_api(), apiId=who),
    "account": lambda who: by(URL, accountId=who),
    "account of alb": lambda who: by(
        ALB, elb={"targetGroupArn": f"arn:aws:elasticloadbalancing:eu-west-1:{who}:targetgroup/a/1"}
    ),
    "service of lattice": lambda who: by(LATTICE, serviceArn=f"arn:{who}"),
    "service of lattice 1": lambda who: with_headers(
        LATTICE_1, x_amzn_lattice_target=f"ServiceArn=arn:{who};ServiceNetworkArn=arn:n;TargetGroupArn=arn:t"
    ),
}
"""Each tells callers apart, and may stand for several."""
CALLERS = {**PROVEN, **TOLD_APART}


@pytest.mark.parametrize("of", CALLERS.values(), ids=CALLERS)
def test_callers_whom_the_platform_tells_apart_do_not_share_a_key(of: Callable[[str], Any]) -> None:
    shop = Shop()
    bodies = [shop.hears(of(who))["body"] for who in ("ann", "bob", "ann", "bob")]
    assert bodies == ["order 1", "order 2", "order 1", "order 2"]


@pytest.mark.parametrize("of", CALLERS.values(), ids=CALLERS)
def test_the_users_own_key_does_not_merge_callers(of: Callable[[str], Any]) -> None:
    shop = Shop(key=lambda event: "k-1")
    shop.hears(without_key(of("ann")))
    answer = shop.hears(without_key(of("bob")))
    assert answer["statusCode"] == 422 or answer["body"] == "order 2"


@pytest.mark.parametrize("of", PROVEN.values(), ids=PROVEN)
@pytest.mark.parametrize("header", ["authorization", "x-api-key", "cookie"])
def test_a_proven_callers_credentials_may_be_renewed(of: Callable[[str], Any], header: str) -> None:
    shop = Shop()
    for token in ("1", "2"):
        assert shop.hears(with_headers(of("ann"), **{header: f"Bearer {token}"}))["body"] == "order 1"


@pytest.mark.parametrize("of", TOLD_APART.values(), ids=TOLD_APART)
@pytest.mark.parametrize("header", ["Authorization", "x-auth-token"])
def test_what_may_stand_for_several_opens_no_reply_to_another_token(of: Callable[[str], Any], header: str) -> None:
    shop = Shop()
    ann, bob = (with_headers(of("the same"), **{header: f"Bearer {who}"}) for who in ("ann", "bob"))
    assert [shop.hears(event)["statusCode"] for event in (ann, bob, of("the same"))] == [201, 422, 422]
    assert shop.orders == 1


AUTHORIZER_NOISE = {
    "integrationLatency": (3, 40),
    "requestTime": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"),
    "exp": (1, 2),
    "iat": ("1", "2"),
    "jti": ("a", "b"),
    "request_id": ("a", "b"),
    "xrayTraceId": ("a", "b"),
    "issuedAt": (1, 2),
    "clientIp": ("192.0.2.1", "192.0.2.2"),
    "claims": ('{"iat": 1, "auth_time": 2}', '{"iat": 3, "auth_time": 4}'),
    "accessToken": ("a", "b"),
}


@pytest.mark.parametrize("name", AUTHORIZER_NOISE)
@pytest.mark.parametrize(
    "of",
    [
        lambda context: by(REST, authorizer={"principalId": "user", "userId": "ann", **context}),
        lambda context: by(s.http_api(), authorizer={"lambda": {"user": {"id": "ann", **context}}}),
    ],
    ids=["rest", "http api"],
)
def test_what_an_authorizer_says_of_each_request_makes_no_other_caller(of: Any, name: str) -> None:
    shop = Shop()
    for value in AUTHORIZER_NOISE[name]:
        assert shop.hears(of({name: value}))["body"] == "order 1"


@pytest.mark.parametrize("context", [{}, {"userId": "ann"}])
def test_an_authorizers_field_that_nobody_knows_neither_runs_again_nor_opens_a_reply(context: Any) -> None:
    shop = Shop()
    first, second = (by(s.http_api(), authorizer={"lambda": {**context, "color": color}}) for color in ("red", "blue"))
    assert [shop.hears(event)["statusCode"] for event in (first, second, first)] == [201, 422, 201]
    told = Shop(scope=lambda event: "ann")
    assert [told.hears(event)["body"] for event in (first, second)] == ["order 1", "order 1"]


def certified(event: Any, serial: str) -> Any:
    return by(event, identity={"clientCert": {"subjectDN": "CN=a", "issuerDN": "CN=ca", "serialNumber": serial}})


SESSIONS: dict[str, Callable[[str], Any]] = {
    "certificate": lambda serial: certified(REST, serial),
    "pem": lambda pem: by(s.http_api(), authentication={"clientCert": {"subjectDN": "CN=a", "clientCertPem": pem}}),
    "certificate on alb": lambda serial: with_headers(
        ALB, x_amzn_mtls_clientcert_subject="CN=a", x_amzn_mtls_clientcert_serial_number=serial
    ),
    "certificate that alb passes on": lambda chain: with_headers(ALB, x_amzn_mtls_clientcert=chain),
    "access token of alb": lambda token: with_headers(ALB, x_amzn_oidc_identity="ann", x_amzn_oidc_accesstoken=token),
    "identity pool on a function url": lambda key: iam_on_v2(URL, OF_A_POOL, accessKey=key),
    "identity pool on lattice": lambda key: with_headers(
        by(LATTICE, identity={"principal": OF_A_POOL}), authorization=f"AWS4-HMAC-SHA256 Credential={key}/20260101/a"
    ),
    "identity pool on lattice 1": lambda key: with_headers(
        LATTICE_1,
        x_amzn_lattice_identity=f"Principal={OF_A_POOL};Type=AWS_IAM",
        authorization=f"AWS4-HMAC-SHA256 Credential={key}/20260101/a",
    ),
    "session of a lambda authorizer": lambda session: by(REST, authorizer={"principalId": "me", "sessionId": session}),
}


@pytest.mark.parametrize("of", SESSIONS.values(), ids=SESSIONS)
def test_what_cannot_be_told_from_a_renewal_neither_runs_again_nor_opens_a_reply(of: Callable[[str], Any]) -> None:
    shop = Shop()
    assert [shop.hears(of(which))["statusCode"] for which in ("1", "2", "1")] == [201, 422, 201]
    assert shop.orders == 1


def test_a_user_of_an_identity_pool_may_sign_each_request(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    for turn in ("1", "2"):
        event = iam_on_v2(URL, OF_A_POOL, accessKey="ASIA1")
        assert shop.hears(with_headers(event, authorization=SIGNING[0].format(turn)))["body"] == "order 1"
    assert not caplog.records


def test_a_forged_identity_of_an_alb_opens_no_reply() -> None:
    shop = Shop()
    shop.hears(with_headers(ALB, x_amzn_oidc_identity="ann", x_amzn_oidc_accesstoken="secret", x_amzn_oidc_data="a"))
    forged = with_headers(ALB, x_amzn_oidc_identity="ann", x_amzn_oidc_data="made up")
    assert shop.hears(forged)["statusCode"] == 422


def test_a_users_claims_and_cookies_behind_an_alb_may_be_renewed() -> None:
    shop = Shop()
    user = with_headers(ALB, x_amzn_oidc_identity="ann", x_amzn_oidc_accesstoken="secret")
    for turn in ("1", "2"):
        event = with_headers(user, x_amzn_oidc_data=turn, cookie=f"AWSELBAuthSessionCookie-0={turn}")
        assert shop.hears(event)["body"] == "order 1"


def test_a_header_of_an_alb_says_nothing_elsewhere() -> None:
    shop = Shop()
    for who in ("ann", "bob"):
        assert shop.hears(with_headers(s.http_api(), x_amzn_oidc_identity=who))["body"] == "order 1"


def test_another_session_of_the_same_role_is_the_same_caller() -> None:
    shop = Shop()
    for session in ("s-1", "s-2"):
        event = by(s.http_api(), authorizer={"iam": {"userArn": f"arn:aws:sts::1:assumed-role/app/{session}"}})
        assert shop.hears(event)["body"] == "order 1"


SCHEMES = ["Bearer {}", "bearer {}", "Basic {}", "Token {}", "ApiKey {}", "{}", "eyJhbGciOiJI.{}", 'Custom key="{}"']


@each_proxy
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_caller_with_other_credentials_never_gets_a_strangers_reply(event: Any, scheme: str) -> None:
    shop = Shop()
    ann, bob = (with_headers(event, Authorization=scheme.format(who)) for who in ("ann", "bob"))
    assert shop.hears(ann)["body"] == "order 1"
    assert [shop.hears(bob)["statusCode"], shop.hears(event)["statusCode"]] == [422, 422]
    assert shop.hears(ann)["body"] == "order 1"
    assert shop.orders == 1


@each_proxy
@pytest.mark.parametrize("name", ["X-Api-Key", "api-key", "X-Auth-Token", "x-access-token", "Cookie"])
def test_another_way_to_show_who_is_calling_is_compared(event: Any, name: str) -> None:
    shop = Shop()
    ann, bob = (with_headers(event, **{name: f"sid={who}"}) for who in ("ann", "bob"))
    assert [shop.hears(each)["statusCode"] for each in (ann, bob, event, ann)] == [201, 422, 422, 201]


@each_proxy
def test_credentials_where_there_were_none_are_other_credentials(event: Any) -> None:
    shop = Shop(payload=False)
    assert [shop.hears(each)["statusCode"] for each in (event, with_headers(event, Authorization="Bearer a"))] == [
        201,
        422,
    ]


def test_an_authorization_without_content_is_none() -> None:
    shop = Shop()
    for value in ("", "  "):
        assert shop.hears(with_headers(s.http_api(), authorization=value))["body"] == "order 1"
    assert shop.hears(s.http_api())["body"] == "order 1"


def test_the_spelling_of_a_scheme_says_nothing() -> None:
    shop = Shop()
    for value in ("Bearer a", "bearer a", " BEARER   a "):
        assert shop.hears(with_headers(s.http_api(), authorization=value))["body"] == "order 1"
    assert shop.hears(with_headers(s.http_api(), authorization="Bearer A"))["statusCode"] == 422


def test_a_second_authorization_is_compared_too() -> None:
    shop = Shop()
    events = [{**REST, "multiValueHeaders": {"Authorization": ["Bearer a", f"Bearer {who}"]}} for who in ("ann", "bob")]
    assert [shop.hears(event)["statusCode"] for event in events] == [201, 422]


def test_a_cookie_is_compared_where_it_is_the_only_sign_of_a_user() -> None:
    cookies = [{**s.http_api(), "cookies": ["theme=dark", f"sid={who}"]} for who in ("ann", "bob")]
    for beside, statuses in (
        ({}, [201, 422]),
        ({"x-api-key": "app"}, [201, 422]),
        ({"authorization": "Bearer a"}, [201, 201]),
    ):
        shop = Shop()
        assert [shop.hears(with_headers(event, **beside))["statusCode"] for event in cookies] == statuses


@pytest.mark.parametrize(
    "again",
    ["b=2; sid=1", "sid=1;b=2", "sid=1; b=2; AWSALB=x; AWSALBCORS=y; _ga=z; _ga_X1=z; __utma=z", "b=2; sid=1; b=2"],
)
def test_cookies_of_balancers_and_statistics_and_their_order_say_nothing(again: str) -> None:
    shop = Shop()
    shop.hears(with_headers(ALB, cookie="sid=1; b=2; AWSALB=a; _ga=b"))
    assert shop.hears(with_headers(ALB, cookie=again))["body"] == "order 1"
    assert shop.hears(with_headers(ALB, cookie=again + "; _gateway=1"))["statusCode"] == 422


@each_proxy
def test_other_credentials_are_a_problem_of_their_own_and_the_log_says_what_to_do(
    event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    ann, bob = (with_headers(event, Authorization=f"Bearer {who}") for who in ("ann", "bob"))
    shop.hears(ann)
    mismatch = json.loads(shop.hears({**ann, "body": "another"})["body"])
    assert "type" not in mismatch
    assert not caplog.records
    other = json.loads(shop.hears(bob)["body"])
    assert other["type"] == "urn:problem-type:twicesafe:other-credentials"
    assert "other credentials" in other["title"]
    assert other["status"] == 422
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "scope=" in record.getMessage()
    assert "ann" not in record.getMessage()


def test_a_stranger_does_not_hear_whether_they_guessed_the_payload() -> None:
    shop = Shop()
    shop.hears(with_headers(s.http_api(), authorization="Bearer ann"))
    stranger = with_headers(s.http_api(), authorization="Bearer bob")
    assert shop.hears(stranger) == shop.hears({**stranger, "body": "another"})


SIGNING = [
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature={}",
    "AWS4-ECDSA-P256-SHA256 Credential=AKID, Signature={}",
    'Digest username="ann", nonce="{}", response="x"',
    'OAuth oauth_nonce="{}", oauth_signature="x"',
    'Signature keyId="a", signature="{}"',
    "hmac {}",
    "HMAC-SHA256 {}",
    "Negotiate {}",
]


@each_proxy
@pytest.mark.parametrize("scheme", SIGNING)
def test_a_scheme_that_signs_each_request_needs_scope_and_is_warned_of_once(
    event: Any, scheme: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_warned", set())
    shop = Shop()
    tries = [with_headers(event, Authorization=scheme.format(turn)) for turn in range(3)]
    assert shop.hears(tries[0])["body"] == "order 1"
    (record,) = caplog.records
    assert (record.levelname, "scope=" in record.getMessage()) == ("WARNING", True)
    assert [shop.hears(again)["statusCode"] for again in tries[1:]] == [422, 422]
    assert len([record for record in caplog.records if "signs each request anew" in record.getMessage()]) == 1
    caplog.clear()
    told = Shop(scope=lambda event: "ann")
    assert [told.hears(again)["body"] for again in tries] == ["order 1"] * 3
    assert not caplog.records


def test_a_bound_token_without_its_proof_opens_no_reply() -> None:
    shop = Shop()
    tries = [with_headers(s.http_api(), authorization="DPoP token", dpop=proof) for proof in ("1", "2")]
    assert [shop.hears(again)["statusCode"] for again in tries] == [201, 422]


def test_a_signature_that_the_platform_verified_is_no_matter(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    for turn in ("1", "2"):
        signed = {"authorization": SIGNING[0].format(turn), "x-amz-security-token": turn}
        event = with_headers(TOLD_APART["iam on http api"]("ann"), **signed)
        assert shop.hears(event)["body"] == "order 1"
    assert not caplog.records


OF_CLOUDFRONT = f"{ROLE}/OriginAccessControlRole/OriginAccessSession"


@pytest.mark.parametrize("arn", [OF_CLOUDFRONT, f"{ROLE}/app/session", "arn:aws:iam::1:root", f"{ROLE}/app", ""])
@pytest.mark.parametrize("name", ["cookie", "x-auth-token", "x-api-key", "x-session-id"])
def test_a_role_that_signs_for_many_opens_no_reply_to_another_of_them(arn: str, name: str) -> None:
    shop = Shop()
    tries = [
        with_headers(iam_on_v2(URL, arn, accessKey=f"ASIA{turn}" if arn else "AKIA"), **headers)
        for turn, who in enumerate(("ann", "bob", "ann"))
        for headers in [{name: f"sid={who}", "authorization": SIGNING[0].format(turn)}]
    ]
    assert [shop.hears(each)["statusCode"] for each in tries] == [201, 422, 201]
    assert shop.orders == 1


def test_what_is_stored_of_credentials_is_another_under_each_key() -> None:
    """A stolen table must not be tried with a list of weak credentials: the caller's own key is not in it."""
    stored = set()
    for key in ("k-1", "k-2"):
        shop = Shop()
        shop.hears(with_headers(s.http_api(key), authorization="Basic 1234"))
        stored.add(shop.store.record.fingerprint.split(":")[2])
    assert len(stored) == 2


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


def test_the_users_own_scope_tells_callers_apart() -> None:
    shop = Shop(scope=lambda event: event["headers"]["x-user"])
    told = [
        shop.hears(with_headers(s.http_api(), x_user=who, authorization=f"Bearer {token}"))["body"]
        for who, token in [("ann", 1), ("bob", 2), ("ann", 3), ("bob", 4)]
    ]
    assert told == ["order 1", "order 2", "order 1", "order 2"]


@pytest.mark.parametrize("nobody", [None, "", "   "])
def test_a_scope_that_knows_nobody_changes_nothing(nobody: Any) -> None:
    shop = Shop(scope=lambda event: nobody)
    ann, bob = (with_headers(s.http_api(), authorization=f"Bearer {who}") for who in ("ann", "bob"))
    assert [shop.hears(each)["statusCode"] for each in (ann, bob, ann)] == [201, 422, 201]
    proven = PROVEN["jwt on http api"]
    assert [shop.hears(proven(who))["body"] for who in ("ann", "bob", "ann")] == ["order 2", "order 3", "order 2"]


@pytest.mark.parametrize("who", [7, True, {"sub": "ann"}, b"ann", object()])
def test_a_scope_that_is_no_text_is_an_error_before_any_effect(who: Any) -> None:
    shop = Shop(scope=lambda event: who)
    with pytest.raises(ConfigurationError, match="scope= returned a"):
        shop.hears(s.http_api())
    assert shop.orders == 0


def test_a_caller_who_is_told_by_scope_may_renew_their_token_and_lose_it() -> None:
    shop = Shop(scope=lambda event: "ann")
    events = [s.http_api(), with_headers(s.http_api(), authorization="Bearer 1", x_api_key="a")]
    assert [shop.hears(event)["body"] for event in (*events, *events)] == ["order 1"] * 4


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


MUTATIONS: dict[str, Callable[[str], Any]] = {
    "sub": lambda who: {"sub": who, "issuer": "i", "claims": {}},
    "issuer": lambda who: {"sub": "7", "issuer": who},
    "issuer in the claims": lambda who: {"sub": "7", "claims": {"iss": who}},
    "iam": lambda who: {"userArn": f"arn:aws:iam::1:user/{who}", "username": who},
    "identity pool": lambda who: {"userArn": OF_A_POOL, "cognitoIdentityId": who, "username": "AROA:Cognito"},
    "lambda authorizer": lambda who: {"resolverContext": {"userId": who, "exp": 1}},
}


@pytest.mark.parametrize("of", MUTATIONS.values(), ids=MUTATIONS)
def test_mutations_of_two_callers_do_not_share_a_key(of: Callable[[str], Any]) -> None:
    mutations = Mutations()
    for turn, (who, reply) in enumerate([("ann", 1), ("bob", 2), ("ann", 1)]):
        headers = {"idempotency-key": "k-1", "authorization": f"token {turn}", "x-api-key": str(turn)}
        assert mutations.hears({"identity": of(who), "request": {"headers": headers}}) == reply


class Mutations:
    """A resolver that counts."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[Any] = []
        self._handler = idempotent(store=Clocked(), name="mutations", **options)(self._handle)

    def _handle(self, event: Any, context: Any) -> int:
        self.calls.append(event)
        return len(self.calls)

    def hears(self, changed: Any) -> Any:
        return self._handler({**s.appsync(), **changed}, Context())


@pytest.mark.parametrize("name", ["authorization", "cookie"])
def test_a_mutation_with_an_api_key_is_compared_by_what_else_it_shows(name: str) -> None:
    mutations = Mutations()

    def hears(**headers: str) -> Any:
        headers = {"idempotency-key": "k-1", **headers}
        return mutations.hears({"identity": None, "request": {"headers": headers}})

    assert [hears(**{"x-api-key": key}) for key in ("a", "b", "a")] == [1, 2, 1]
    assert hears(**{"x-api-key": "c", name: "ann"}) == 3
    with pytest.raises(CredentialsMismatch):
        hears(**{"x-api-key": "c", name: "bob"})


def test_a_mutation_of_another_domain_is_refused() -> None:
    mutations = Mutations()
    hosts = [{"idempotency-key": "k-1", "host": f"{name}.appsync-api.eu-west-1.amazonaws.com"} for name in ("a", "b")]
    mutations.hears({"request": {"headers": hosts[0]}})
    with pytest.raises(PayloadMismatch):
        mutations.hears({"request": {"headers": hosts[1]}})


FRAMES: dict[str, Callable[[str], Any]] = {
    "connection": lambda who: by(s.websocket("MESSAGE"), connectionId=who),
    "principal": lambda who: by(s.websocket("MESSAGE"), authorizer={"principalId": who}),
    "user": lambda who: by(s.websocket("MESSAGE"), authorizer={"principalId": "me", "userId": who}),
}


@pytest.mark.parametrize("of", FRAMES.values(), ids=FRAMES)
def test_frames_of_two_callers_with_one_key_of_the_users_share_no_reply(of: Callable[[str], Any]) -> None:
    calls: list[int] = []
    handler = idempotent(store=Clocked(), name="handler", key=lambda event: "k-1")(
        lambda event, context: calls.append(1) or len(calls)
    )
    assert handler(of("ann"), Context()) == 1
    try:
        assert handler(of("bob"), Context()) == 2
    except CredentialsMismatch:
        assert calls == [1]
    assert handler(of("ann"), Context()) == 1


# The same request in other bytes


@each_proxy
def test_a_request_that_is_built_anew_is_the_same_request(event: Any) -> None:
    shop = Shop()
    base64_flag = "is_base64_encoded" if "is_base64_encoded" in event else "isBase64Encoded"
    tries = [
        ("application/json", '{"a": 1, "b": 2}', False),
        ("Application/JSON; charset=UTF-8", '{"b":2,"a":1.0}', False),
        ("application/json", b64encode(b'{ "b": 2, "a": 1 }').decode(), True),
    ]
    for kind, body, is_base64 in tries:
        again = with_headers({**event, "body": body, base64_flag: is_base64}, content_type=kind)
        assert shop.hears(again)["body"] == "order 1"
    assert shop.hears(with_headers({**event, "body": '{"a": 1}'}, content_type="application/json"))["statusCode"] == 422


@each_proxy
def test_another_domain_is_another_request(event: Any) -> None:
    shop = Shop()

    def at(domain: str) -> Any:
        event_there = with_headers(event, host=domain)
        return by(event_there, domainName=domain) if "domainName" in event.get("requestContext", {}) else event_there

    shop.hears(at("a.example.com"))
    if "domainName" not in event.get("requestContext", {}) and "resource" in event:
        return  # a REST API's event that does not say its domain
    assert shop.hears(at("b.example.com"))["statusCode"] == 422


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
