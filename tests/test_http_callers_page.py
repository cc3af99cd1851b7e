"""docs/http-callers.md: each block of its Python runs, and does what the page says."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.keys import samples as s
from tests.stand_ins import Context
from twicesafe.answers.http import COME_AGAIN, EXECUTED, PROBLEMS, REPLAYED
from twicesafe.errors import CredentialsMismatch

PAGE = (Path(__file__).parents[1] / "docs" / "http-callers.md").read_text()
OF_A_TOKEN, OF_STATUSES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path / 'records.db'}")


def defined(block: str, **names: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "page", **names}
    exec(compile(block, "http-callers.md", "exec"), found)
    return found


class Idp:
    """An identity provider: whom it knows, and its key at its address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        monkeypatch.setattr(jwt.PyJWKClient, "get_signing_key_from_jwt", lambda client, token: self.key.public_key())

    def token(self, sub: str, number: int, **claims: Any) -> str:
        told = {"iss": "https://idp.example.com/", "aud": "orders", "sub": sub, "jti": str(number), **claims}
        return jwt.encode(told, self.key, algorithm="RS256")


def test_the_subject_of_a_verified_token_tells_callers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    idp = Idp(monkeypatch)
    handler = defined(OF_A_TOKEN)["handler"]

    def hears(token: str | None) -> tuple[int, bool]:
        event = copy.deepcopy(s.http_api())
        if token is not None:
            event["headers"]["authorization"] = f"Bearer {token}"
        reply = handler(event, Context())
        return reply["statusCode"], REPLAYED in reply.get("headers", {})

    assert hears(idp.token("ann", 1)) == (201, False)
    assert hears(idp.token("ann", 2)) == (201, True)
    assert hears(idp.token("bob", 3)) == (201, False)
    assert hears(None) == (401, False)
    forged = jwt.encode({"iss": "https://idp.example.com/", "aud": "orders", "sub": "ann"}, "x" * 32, algorithm="HS256")
    for token in (forged, idp.token("ann", 4, aud="other"), "no token"):
        assert hears(token)[1] is False


def test_a_status_is_kept_or_not_as_the_page_says() -> None:
    charges: list[str] = []
    stock = iter([False, True])
    names = {"charge_card": lambda order: charges.append(order) or "ch_1", "in_stock": lambda order: next(stock)}
    handler = defined(OF_STATUSES, **names)["handler"]
    statuses = [handler(s.http_api(), Context())["statusCode"] for _ in range(3)]
    assert (statuses, len(charges)) == ([503, 201, 201], 1)


def test_the_page_names_what_is_there() -> None:
    assert PROBLEMS[CredentialsMismatch].type in PAGE
    assert PROBLEMS[CredentialsMismatch].title in PAGE
    assert f"`{EXECUTED}`" in PAGE
    listed = PAGE.partition('Replies that say "come again"\n')[2].partition("any 5xx")[0]
    assert {int(status) for status in re.findall(r"\d{3}", listed)} == COME_AGAIN
