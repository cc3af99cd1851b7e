"""Where DynamoDB is, held against the rules that botocore carries."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twicesafe.errors import ConfigurationError
from twicesafe.stores.dynamodb.direct.endpoint import Place, find
from twicesafe.stores.dynamodb.layout import Options

SESSION = botocore.session.Session()
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
REGIONS = [region for partition in PARTITIONS for region in SESSION.get_available_regions("dynamodb", partition)] + [
    "eusc-de-east-1",
    "eu-west-99",
    "local",
]
ISOLATED = ["us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"]


def ruled(region: str, fips: bool, dual: bool, mode: str | None, account: str | None) -> str | None:
    """What the rules say; None: an error."""
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import EndpointProviderError

    loader = SESSION.get_component("data_loader")
    provider = EndpointProvider(
        loader.load_service_model("dynamodb", "endpoint-rule-set-1"), loader.load_data("partitions")
    )
    given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
    given |= {"AccountIdEndpointMode": mode} if mode else {}
    given |= {"AccountId": account} if account else {}
    try:
        return str(provider.resolve_endpoint(**given).url)
    except EndpointProviderError:
        return None


def found(options: Options, environment: dict[str, str], table: str = "records") -> Place:
    return find(options, table, environment, lambda: None)


def url(place: Place) -> str:
    return f"http{'s' if place.is_tls else ''}://{place.authority}"


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_is_where_the_rules_say(region: str) -> None:
    for fips in (False, True):
        for dual in (False, True):
            for mode in (None, "required"):
                environment = {"AWS_USE_FIPS_ENDPOINT": str(fips), "AWS_USE_DUALSTACK_ENDPOINT": str(dual)}
                environment |= {"AWS_ACCOUNT_ID_ENDPOINT_MODE": mode, "AWS_ACCOUNT_ID": "123456789012"} if mode else {}
                expected = ruled(region, fips, dual, mode, "123456789012" if mode else None)
                try:
                    place = found(Options(region), environment)
                except ConfigurationError:
                    assert expected is None
                else:
                    assert url(place) == expected
                    assert place.region == ("us-east-1" if region == "local" else region)


@pytest.mark.parametrize("region", ISOLATED)
def test_where_it_is_not_known_an_endpoint_is_asked_for(region: str) -> None:
    with pytest.raises(ConfigurationError, match="name it"):
        found(Options(region), {})
    assert found(Options(region, "https://dynamodb.somewhere"), {}).host == "dynamodb.somewhere"


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        (Options("a-1"), {"AWS_DEFAULT_REGION": "b-1", "AWS_REGION": "c-1"}, "a-1"),
        (Options(), {"AWS_DEFAULT_REGION": "b-1", "AWS_REGION": "c-1"}, "b-1"),
        (Options(), {"AWS_REGION": "c-1"}, "c-1"),
        (Options(), {"AWS_DEFAULT_REGION": "", "AWS_REGION": "c-1"}, "c-1"),
        (Options(), {}, "of-a-profile-1"),
    ],
)
def test_the_nearest_region_counts(options: Options, environment: dict[str, str], expected: str) -> None:
    assert find(options, "records", environment, lambda: "of-a-profile-1").region == expected


def test_without_a_region_it_says_where_to_set_it() -> None:
    with pytest.raises(ConfigurationError, match=r"needs a region.*AWS_DEFAULT_REGION"):
        found(Options(), {})


@pytest.mark.parametrize("region", ["evil.example.com#", "a b", "a/b", "-a", "a-", "a" * 64, "é"])
def test_a_region_that_is_no_part_of_a_hosts_name_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="is no region"):
        found(Options(region), {})


HERE = "http://localhost:1"


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        (Options("a-1", HERE), {"AWS_ENDPOINT_URL_DYNAMODB": "http://x"}, HERE),
        (Options("a-1"), {"AWS_ENDPOINT_URL_DYNAMODB": HERE, "AWS_ENDPOINT_URL": "http://x"}, HERE),
        (Options("a-1"), {"AWS_ENDPOINT_URL": HERE}, HERE),
        (Options("a-1"), {"AWS_ENDPOINT_URL": HERE, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        (Options("a-1", HERE), {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, HERE),
    ],
)
def test_the_nearest_endpoint_counts(options: Options, environment: dict[str, str], expected: str | None) -> None:
    assert url(found(options, environment)) == (expected or "https://dynamodb.a-1.amazonaws.com")


@pytest.mark.parametrize("name", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_an_endpoint_of_ones_own_and_a_kind_of_awss_exclude_each_other(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        found(Options("a-1", HERE), {name: "true"})


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("http://localhost:8000", Place(False, "localhost", 8000, "a-1", True)),
        ("https://x.example.com", Place(True, "x.example.com", 443, "a-1", True)),
        ("http://x/", Place(False, "x", 80, "a-1", True)),
        ("HTTPS://x:444", Place(True, "x", 444, "a-1", True)),
        ("http://[::1]:8000", Place(False, "::1", 8000, "a-1", True)),
    ],
)
def test_an_endpoint_is_taken_apart(endpoint: str, place: Place) -> None:
    assert found(Options("a-1", endpoint), {}) == place
    assert place.authority in endpoint.lower()


@pytest.mark.parametrize(
    "endpoint",
    ["nowhere", "ftp://x", "http://", "http://x/path", "http://x?y", "http://a:b@x", "http://x:0", "http://x:70000"],
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="is not like"):
        found(Options("a-1", endpoint), {})


def test_an_accounts_endpoint_takes_the_account_from_the_tables_arn() -> None:
    environment = {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"}
    arn = "arn:aws:dynamodb:eu-west-1:210987654321:table/records"
    assert found(Options("eu-west-1"), environment, arn).host == "210987654321.ddb.eu-west-1.amazonaws.com"
    with pytest.raises(ConfigurationError, match="AWS_ACCOUNT_ID"):
        found(Options("eu-west-1"), environment)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_makes_a_host_that_is_none(region: str, endpoint: str) -> None:
    assume(region)
    try:
        place: Any = found(Options(region, endpoint or None), {})
    except ConfigurationError:
        return
    assert not set("/#?@ \r\n") & set(place.authority)
