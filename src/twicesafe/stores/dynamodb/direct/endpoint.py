"""Where DynamoDB is: from the store's URL, else the environment, as AWS's own tools find it. Pure.

Source: DynamoDB's endpoint rule set, as botocore carries it; "AWS SDKs and Tools Reference Guide", "Service-specific
endpoints". By default an account's own endpoint is not used: it would need a request to learn the account.
"""

from __future__ import annotations

import re

from ....errors import ConfigurationError
from ....tuples import NamedTuple
from ..refusals import SET_REGION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..layout import Options

URL = r"(?i)(https?)://(\[[0-9a-f:.%]+\]|[^][/:?#@\s]+)(?::([0-9]{1,5}))?/?"
ARN = r"arn:[^:]*:dynamodb:[^:]*:([0-9]{12}):.*"
ACCOUNT = r"[0-9]{12}"
ISOLATED = ("us-iso", "eu-iso")
SUFFIXES = {
    "cn-": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eusc-": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "": ("amazonaws.com", "api.aws"),
}
"""Of the partitions, by how their regions begin: as usual, and for both versions of IP."""
LOCAL = "local"
"""The region that stands for DynamoDB Local."""


class Place(NamedTuple):
    """Where requests go."""

    is_tls: bool
    host: str
    port: int
    region: str  # that they are signed for
    is_given: bool = False  # the user named it

    @property
    def is_address(self) -> bool:
        """True where the host is an address, and needs no look-up."""
        return ":" in self.host or self.host[-1].isdigit()

    @property
    def authority(self) -> str:
        """As in the `host` header and in URLs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def find(
    options: Options, table: str, environment: Mapping[str, str], profile_region: Callable[[], str | None]
) -> Place:
    """Find it.

    Args:
        table: its name or ARN, which has the account.
        profile_region: asked last.

    Raises:
        ConfigurationError: there is no region, or the settings cannot be.
    """
    store = f"dynamodb://{table}"
    region = options.region or environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION")
    region = region or profile_region()
    if not region:
        raise ConfigurationError(f"The store {store} needs a region. {SET_REGION}")
    if not _is_label(region):  # it becomes a part of a host's name
        raise _unusable(store, f"{region!r} is no region")
    given = options.endpoint or _configured(environment)
    is_fips, is_dual = (_is_set(environment, name) for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"))
    if given or region == LOCAL:
        if is_fips or is_dual:
            wish = "AWS_USE_FIPS_ENDPOINT" if is_fips else "AWS_USE_DUALSTACK_ENDPOINT"
            raise _unusable(store, f"{wish} is set, and so is an endpoint of your own")
        return parse(given or "http://localhost:8000", "us-east-1" if region == LOCAL else region, store)
    return Place(True, _host(store, table, region, environment, is_fips=is_fips, is_dual=is_dual), 443, region)


def parse(url: str, region: str, store: str) -> Place:
    """The place that a URL names.

    Raises:
        ConfigurationError: it is no URL of a server.
    """
    parts = re.fullmatch(URL, url)
    if parts is None or int(parts[3] or 1) not in range(1, 65_536):
        raise _unusable(store, f"the endpoint {url!r} is not like https://host or http://host:port")
    is_tls = parts[1].lower() == "https"
    return Place(is_tls, parts[2].strip("[]"), int(parts[3] or (443 if is_tls else 80)), region, is_given=True)


def _configured(environment: Mapping[str, str]) -> str | None:
    if _is_set(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    return environment.get("AWS_ENDPOINT_URL_DYNAMODB") or environment.get("AWS_ENDPOINT_URL")


def _host(store: str, table: str, region: str, environment: Mapping[str, str], *, is_fips: bool, is_dual: bool) -> str:
    if region.startswith(ISOLATED):
        raise _unusable(store, f"the endpoint of {region} is not known here; name it: ?endpoint=https://…")
    suffix = next(both for start, both in SUFFIXES.items() if region.startswith(start))[is_dual]
    if environment.get("AWS_ACCOUNT_ID_ENDPOINT_MODE", "").lower() == "required":
        if is_fips or region.startswith("eusc-"):
            raise _unusable(store, "AWS_ACCOUNT_ID_ENDPOINT_MODE=required, and there are no such endpoints")
        return f"{_account(store, table, environment)}.ddb.{region}.{suffix}"
    has_its_own = is_fips and (is_dual or not region.startswith("us-gov-"))  # there the usual one is FIPS too
    return f"{'dynamodb-fips' if has_its_own else 'dynamodb'}.{region}.{suffix}"


def _account(store: str, table: str, environment: Mapping[str, str]) -> str:
    arn = re.fullmatch(ARN, table)
    account = arn[1] if arn else environment.get("AWS_ACCOUNT_ID", "")
    if not re.fullmatch(ACCOUNT, account):
        raise _unusable(store, "AWS_ACCOUNT_ID_ENDPOINT_MODE=required, and neither AWS_ACCOUNT_ID nor an ARN names one")
    return account


def _is_label(text: str) -> bool:
    """Letters, digits and hyphens, these not at its ends (RFC 1123, 2.1)."""
    return text.isascii() and text.replace("-", "").isalnum() and len(text) <= 63 and "-" not in (text[0], text[-1])


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() == "true"


def _unusable(store: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"The store {store} cannot be used as it is set up: {reason}.")
