"""Which line of the user's own code it is."""

from __future__ import annotations

import os
from typing import Any

import pytest

from twicesafe.audit.observe.link import OURS, Link

NOBODY: Any = None
PROJECT = os.path.dirname(OURS)


@pytest.mark.parametrize(
    ("file", "folder", "place"),
    [
        (f"{PROJECT}/app.py", PROJECT, "app.py"),
        (f"{PROJECT}/shop/orders.py", PROJECT, os.path.join("shop", "orders.py")),
        (f"{PROJECT}/venv/lib/site-packages/requests/api.py", PROJECT, None),
        (f"{PROJECT}/.venv-3.12/lib/other.py", PROJECT, None),
        (f"{OURS}/lab/child.py", PROJECT, None),
        (f"{OURS}/lab/checkout/app.py", f"{OURS}/lab/checkout", "app.py"),
        (f"{PROJECT}-of-others/app.py", PROJECT, None),
        ("<string>", PROJECT, None),
    ],
)
def test_a_line_is_the_users_if_its_file_is(file: str, folder: str, place: str | None) -> None:
    with pytest.raises(ValueError, match="wrong") as raised:
        exec(compile("raise ValueError('wrong')", file, "exec"))
    found = Link(NOBODY, [folder]).line_of(raised.value)
    assert (found and found.file) == place
