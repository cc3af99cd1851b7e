"""What the audit's tests share: one process that makes audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twicesafe.audit.audit import Auditor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def auditor() -> Iterator[Auditor]:
    with Auditor() as made:
        yield made
