"""What all tests share: the servers, and an environment of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.servers.dynamodb import Unavailable, dynamodb_local
from tests.servers.postgres import postgres
from twicesafe import unprotected

if TYPE_CHECKING:
    from collections.abc import Iterator

CI = bool(os.environ.get("CI"))

# No deadline: a shared machine is slow at times. In CI the same examples each time, at home new ones.
hypothesis.settings.register_profile("quick", deadline=None, derandomize=CI, print_blob=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


@pytest.fixture(autouse=True, scope="session")
def own_environment() -> Iterator[None]:
    """No credentials or settings of the person who runs the tests, no look of Lambda, no proxy on the way to here.

    Nor the 80 columns that readline writes into the environment where no terminal is.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "LAMBDA_", "TWICESAFE_"))]:
            patch.delenv(name)
        patch.delenv("COLUMNS", raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def nothing_was_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test hear the warnings that a process logs once."""
    monkeypatch.setattr(unprotected, "_warned", set())


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    """A real DynamoDB Local. Where it can't be had, its tests are skipped at home, and fail in CI."""
    try:
        with dynamodb_local() as endpoint:
            yield endpoint
    except Unavailable as reason:
        if CI:
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A real PostgreSQL, for psycopg; as above."""
    try:
        with postgres() as address:
            yield address
    except Unavailable as reason:
        if CI:
            raise
        pytest.skip(str(reason))
