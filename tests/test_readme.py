"""README.md: its Python runs, its commands run, and what they are said to print is what they print."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from twicesafe.cli import project
from twicesafe.cli.commands import commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


class Block(NamedTuple):
    """A block of code, and the heading that it stands under."""

    heading: str
    language: str
    text: str


def blocks(language: str) -> list[Block]:
    found, heading = [], ""
    for match in re.finditer(r"^(#+) ([^\n]*)$|^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        heading = match[2] or heading
        if match[3] == language:
            found.append(Block(heading, language, match[4]))
    return found


def named(found: list[Block]) -> Any:
    return pytest.mark.parametrize("block", found, ids=[re.sub(r"\W+", "-", block.heading) for block in found])


@named(blocks("toml"))
def test_what_pyproject_lists_is_there(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "pyproject.toml").write_text(block.text)
    monkeypatch.chdir(tmp_path)
    with commands.commands["audit"].make_context("audit", []) as context:
        (found,) = project.listed(context)
        assert found["handler"] == "app:handler"
        assert found["event"].name == "examples/checkout/event.json"


class Order(NamedTuple):
    id: str


class CardDeclined(Exception):
    pass


class World:
    """What the README's reader has: functions of their own, which say that they were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.names: dict[str, Any] = {
            "json": json,
            "timedelta": __import__("datetime").timedelta,
            "Order": Order,
            "Receipt": object,
            "CardDeclined": CardDeclined,
            "charge_card": self.called("charge_card", {"id": "ch_1"}),
            "send_receipt": self.called("send_receipt"),
            "stripe": SimpleNamespace(PaymentIntent=SimpleNamespace(create=self.called("stripe", {"id": "pi_1"}))),
        }

    def called(self, name: str, reply: object = None) -> Callable[..., object]:
        def call(*_: object, **keywords: object) -> object:
            self.calls.append(" ".join([name, *map(str, keywords)]))
            return reply

        return call


class Context:
    aws_request_id = "r-1"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def sqs(body: object) -> dict[str, Any]:
    record = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "messageId": "m-1"}
    return {"Records": [{**record, "body": json.dumps(body)}]}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path / 'records.db'}")
    return World()


def defined(block: Block, world: World) -> dict[str, Any]:
    """Run the block; annotations are read when they are used, as in a module with the reader's own imports."""
    names: dict[str, Any] = {"__name__": "readme", **world.names}
    imports = "from __future__ import annotations\nfrom twicesafe import idempotent, step\n"
    exec(compile(imports + block.text, "README.md", "exec"), names)
    return names


@named(blocks("python"))
def test_its_python_runs(block: Block, world: World) -> None:
    names = defined(block, world)
    functions = [
        node.name for node in ast.walk(ast.parse(block.text)) if hasattr(node, "args") and hasattr(node, "name")
    ]
    assert functions
    assert all(callable(names[name]) for name in functions)


def test_its_first_example_charges_once(world: World) -> None:
    handler = defined(blocks("python")[0], world)["handler"]
    for _ in range(2):
        assert handler(sqs({"id": "o-1"}), Context()) is None
    assert world.calls == ["charge_card"]


def test_its_steps_are_not_run_again_after_a_crash(world: World) -> None:
    (block,) = [block for block in blocks("python") if block.heading == "A crash half-way"]
    names = defined(block, world)
    mails = iter([None, OSError("the mail server is away"), None, None])

    def send_receipt(user: dict[str, str], charge: dict[str, str]) -> None:
        world.calls.append(f"{user['id']} {charge['id']}")
        if error := next(mails):
            raise error

    names["send_receipt"] = send_receipt
    event = sqs({"id": "o-1", "users": [{"id": "ann"}, {"id": "bob"}]})
    with pytest.raises(OSError, match="away"):
        names["handler"](event, Context())
    names["handler"](event, Context())
    assert world.calls == ["stripe idempotency_key", "ann pi_1", "bob pi_1", "bob pi_1"]


def test_its_function_gives_the_first_reply_again(world: World) -> None:
    (block,) = [block for block in blocks("python") if block.heading == "Any function"]
    fulfil = defined(block, world)["fulfil"]
    assert [asyncio.run(fulfil(Order(key))) for key in ("a", "a", "b")] == [None] * 3


class Command(NamedTuple):
    """A line after a "$", and what it is said to print; nothing: that is not said."""

    text: str
    printed: list[str]


def commands_of(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:].partition("  #")[0].strip(), []))
        else:
            found[-1].printed.append(line)
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """A shell in a folder with the examples, where a command finds what it is told of before."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".twicesafe"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("COLUMNS", None)
    before: list[str] = []

    def run(command: str) -> str:
        if command.startswith("export "):
            before.append(command)
        script = "\n".join(["set -e", *before, stand_in(command)])
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == (1 if ended.stdout.startswith("unsafe ") else 0), ended.stderr
        return ended.stdout

    return run


def stand_in(command: str) -> str:
    """What is run for a command that would make an environment, or fetch this package from an index."""
    if command == "make demo":
        return "twicesafe demo"
    if command.startswith("pip install "):
        extras = re.search(r"twicesafe\[(.*)\]", command)
        assert extras is not None
        assert set(extras[1].split(",")) <= set(metadata("twicesafe").get_all("Provides-Extra") or ())
        return "true"
    return command


def without_times(lines: list[str]) -> list[str]:
    """Durations differ from run to run, and so do the blanks after them."""
    return [re.sub(r" +", " ", re.sub(r"\d+ ms|\d+\.\d s", "N s", line)) for line in lines]


@named(blocks("console"))
def test_its_commands_run_and_print_what_they_are_said_to(block: Block, shell: Callable[[str], str]) -> None:
    for command in commands_of(block):
        printed = shell(command.text).splitlines()
        said = command.printed
        if said[-1:] == ["…"]:
            said = said[:-1]
            printed = printed[: len(said)]
        if said:
            assert without_times(printed) == without_times(said)


def test_make_demo_is_the_demo() -> None:
    recipe = subprocess.run(
        ["make", "--no-print-directory", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert recipe.splitlines()[-1] == ".venv/bin/twicesafe demo"


def test_each_target_and_command_that_it_names_is_there() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)`", README)) <= set(targets)
    assert set(re.findall(r"`twicesafe (\w+)", README)) <= set(commands.commands)


def test_each_file_that_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_each_example_is_named() -> None:
    assert {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()} == set(
        re.findall(r"^\| \[`(\w+)`\]\(examples/", README, re.MULTILINE)
    )
