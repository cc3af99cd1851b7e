"""The command line as a whole: how it starts, and how it says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Ended, finished, start
from twicesafe.cli import main
from twicesafe.cli.commands import commands

Run = Callable[..., Ended]
GROUPS = [(), *((name,) for name, command in commands.commands.items() if isinstance(command, click.Group))]


def names_in(group: tuple[str, ...]) -> list[str]:
    found: click.Command = commands
    for name in group:
        found = found.commands[name]  # type: ignore[attr-defined]
    return sorted(found.commands)  # type: ignore[attr-defined]


def test_it_tells_its_version(run: Run) -> None:
    ended = run("--version")
    assert (ended.status, ended.out) == (0, f"twicesafe {version('twicesafe')}\n")


@pytest.mark.parametrize("group", GROUPS)
def test_each_command_is_named_with_a_whole_sentence(run: Run, group: tuple[str, ...]) -> None:
    ended = run(*group, "--help")
    listed = [line.split(maxsplit=1) for line in ended.out.partition("Commands:\n")[2].splitlines()]
    assert ended.status == 0
    assert [name for name, _ in listed] == names_in(group)
    assert all(text.endswith(".") and not text.endswith("...") for _, text in listed)


def test_no_line_of_help_is_wider_than_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in [[*group, name] for group in GROUPS for name in names_in(group)]:
        assert max(map(len, run(*command, "--help").out.splitlines())) <= 80, command


def test_an_unknown_command_is_refused(run: Run) -> None:
    ended = run("deliverr")
    assert (ended.status, ended.out) == (2, "")
    assert "deliverr" in ended.err


@pytest.mark.parametrize("start_by", [["-m", "twicesafe"], ["-c", "from twicesafe.cli import main; main()"]])
def test_it_starts_as_a_module_and_as_a_script(start_by: list[str]) -> None:
    ended = subprocess.run([sys.executable, *start_by, "--version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"twicesafe {version('twicesafe')}\n")


def test_without_what_it_needs_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("twicesafe.cli.NEEDED", ("click", "not_installed_a", "not_installed_b"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "The command line needs not_installed_a and not_installed_b: pip install 'twicesafe[cli]'\n"
    )


def test_what_reads_only_the_beginning_is_no_trouble(lab: Path) -> None:
    process = start("table")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ended = finished(process)
    assert "Traceback" not in ended.err


def test_letters_that_a_locale_lacks_are_written_out(lab: Path, write: Callable[..., Path]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    event = write("event.json", {"name": "Ødegård"})
    ended = finished(start("deliver", "handlers:echo", event, "--times", 1, env=environment))
    assert ended.status == 0
    assert r'{"name": "\xd8deg\xe5rd"}' in ended.out
