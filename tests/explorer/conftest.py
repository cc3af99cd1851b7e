"""What was explored is printed at the end of every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

Report: TypeAlias = Callable[[str], None]


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Report:
    """Say a line at the end of the run."""
    return lambda line: record_property("explored", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the explorations saw."""
    passed = terminalreporter.getreports("passed")
    lines = [
        value for each in passed if each.when == "call" for name, value in each.user_properties if name == "explored"
    ]
    if lines:
        terminalreporter.section("explored, each to the end, with every two faults")
        for line in lines:
            terminalreporter.write_line(str(line))
