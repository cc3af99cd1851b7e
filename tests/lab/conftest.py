"""What the tests of the lab share: a place for marks, and deliveries of one event."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.lab.waiting import until
from twicesafe.lab.loading import Target
from twicesafe.lab.rounds import Round, call
from twicesafe.lab.sandbox import Delivered, Function

FUNCTIONS = Path(__file__).parent / "functions"


class Lab:
    """Delivers events to tests/lab/functions/handlers.py, in real processes."""

    def __init__(self, folder: Path) -> None:
        self.marks_file = folder / "marks"
        self.environment = {"MARKS": str(self.marks_file), "TWICESAFE_STORE": f"sqlite:///{folder / 'records.db'}"}

    def function(self, handler: str, timeout: float = 60.0) -> Function:
        module, _, name = handler.rpartition(":")
        return Function(Target(module or "handlers", name, (str(FUNCTIONS),)), timeout, self.environment)

    def deliver(self, handler: str, event: Any = None, *, times: int = 1, **choices: Any) -> list[Delivered]:
        """As many at the same moment."""
        timeout = choices.pop("timeout", 60.0)
        calls = [call(json.dumps(event)) for _ in range(times)]
        with Round(self.function(handler, timeout), calls) as processes:
            return processes.run(**choices)

    def one(self, handler: str, event: Any = None, **choices: Any) -> Delivered:
        (delivered,) = self.deliver(handler, event, **choices)
        return delivered

    def killed(self, handler: str, *, when: Callable[[], object]) -> Delivered:
        """Deliver once, and kill it as soon as something is so."""
        with Round(self.function(handler), [call("null")]) as processes, ThreadPoolExecutor(1) as pool:
            killed = pool.submit(lambda: (until(when, "it can be killed"), processes.kill()))
            (delivered,) = processes.run()
            killed.result()
            return delivered

    @property
    def marks(self) -> list[str]:
        return self.marks_file.read_text().splitlines() if self.marks_file.exists() else []

    @property
    def pids(self) -> list[int]:
        """Of the processes that said that they began."""
        return [int(mark.split()[1]) for mark in self.marks if mark.startswith("began ")]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
