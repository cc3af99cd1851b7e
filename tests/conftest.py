"""What all tests share: the servers, and an environment of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.servers.dynamodb import Unavailable, dynamodb_local

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_PROXY = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True, scope="session")
def own_environment() -> Iterator[None]:
    """No proxies, no credentials, no settings of the person who runs the tests; nothing that looks like Lambda."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*NO_PROXY, *(n for n in os.environ if n.startswith(("AWS_", "TWICESAFE_")))):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def dynamodb_endpoint(own_environment: None) -> Iterator[str]:
    """A real DynamoDB Local. Where it can't be had, its tests are skipped at home, and fail in CI."""
    try:
        with dynamodb_local() as endpoint:
            yield endpoint
    except Unavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))
