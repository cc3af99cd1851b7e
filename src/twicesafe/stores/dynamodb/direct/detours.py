"""What a direct connection cannot do, so that botocore is asked to."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Options

PROXIES = {"http_proxy", "https_proxy"}
SETTINGS = rb"(?m)^\s*(endpoint_url|use_fips_endpoint|use_dualstack_endpoint|ca_bundle)\s*="
"""What an AWS profile can say of how DynamoDB is reached."""


def reason(options: Options, table: str) -> str | None:
    """Why the way to DynamoDB is botocore's; None: it is direct."""
    if any(name.lower() in PROXIES for name in os.environ) and _has_proxy(options, table):
        return "a proxy is set, and NO_PROXY does not name DynamoDB"
    setting = _profile_setting(options)
    return None if setting is None else f"an AWS profile has {setting}"


def _has_proxy(options: Options, table: str) -> bool:
    from urllib.request import getproxies_environment, proxy_bypass

    from .endpoint import find

    place = find(options, table, os.environ, lambda: "region")
    proxies = getproxies_environment()
    if not proxies.get("https" if place.is_tls else "http"):
        return False
    return not proxy_bypass(place.authority)


def _profile_setting(options: Options) -> str | None:
    path = os.environ.get("AWS_CONFIG_FILE") or os.path.expanduser("~/.aws/config")
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            settings = {name.decode() for name in re.findall(SETTINGS, file.read())}
    except OSError:
        return None  # botocore could not read it either
    return next(iter(sorted(settings - _overruled(options))), None)


def _overruled(options: Options) -> set[str]:
    """What is said more loudly elsewhere."""
    given = options.endpoint or os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ.get("AWS_ENDPOINT_URL")
    is_ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    overruled = {"endpoint_url"} if given or is_ignored else set()
    return overruled | ({"ca_bundle"} if options.ca_bundle or os.environ.get("AWS_CA_BUNDLE") else set())
