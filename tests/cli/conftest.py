"""What the tests of the command line share: commands run in this process, and in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from twicesafe.cli.commands import commands

FUNCTIONS = Path(__file__).parents[1] / "lab" / "functions"


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process, where no terminal is."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            commands([str(argument) for argument in arguments], prog_name="twicesafe")
        return Ended(int(end.value.code or 0), *capsys.readouterr())

    return run


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    argv = [sys.executable, "-m", "twicesafe", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True, **options)


def finished(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command's end."""
    with process:
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], Path]:
    """Write a file into a folder that is the current one: text as it is, anything else as JSON."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: object) -> Path:
        file = tmp_path / name
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


@pytest.fixture
def lab(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the handlers of tests/lab/functions, marks of their own, and a store."""
    for path in FUNCTIONS.glob("*"):
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path / 'records.db'}")
    return tmp_path


def marks(folder: Path) -> list[str]:
    """What the handlers said there."""
    file = folder / "marks"
    return file.read_text().splitlines() if file.exists() else []


def pids(folder: Path) -> list[int]:
    """Of the processes that said there that they began."""
    return [int(mark.split()[1]) for mark in marks(folder) if mark.startswith("began ")]


def sqs(*bodies: object, queue: str = "orders") -> dict[str, Any]:
    """An SQS event of one message a body."""
    return {
        "Records": [
            {
                "messageId": f"m-{place}",
                "receiptHandle": os.urandom(8).hex(),
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{queue}",
            }
            for place, body in enumerate(bodies, 1)
        ]
    }
