"""The pytest plugin: a fixture that audits handlers. It lies outside of the package, so that a run pays for no import.

def test_orders_may_be_delivered_twice(audit):
    audit("shop.orders:handler", event, tables={"done": "id"}).assert_safe()
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twicesafe.audit.assertions import Audited


@pytest.fixture(scope="session")
def audit() -> Iterator[Callable[..., Audited]]:
    """Audit a handler, and get what was found: `twicesafe.audit.assertions.audited`, in one process for all."""
    from twicesafe.audit.assertions import audited
    from twicesafe.audit.audit import Auditor

    with Auditor() as auditor:
        yield partial(audited, auditor=auditor)
