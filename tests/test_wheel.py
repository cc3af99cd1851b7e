"""The wheel: it holds the package and the demo's handler and nothing else, and works where nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ("app.py", "event.json", "event.world.json")
PLAY = """\
import sys, twicesafe
from twicesafe.lab.demo import Demo, Scene, checkout
assert twicesafe.__file__.startswith(sys.prefix) and checkout().startswith(sys.prefix)
with Demo() as stage:
    stage.play(Scene("once"))
    print(*stage.protected.world())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (built,) = folder.iterdir()
    return built


def test_it_holds_the_package_and_the_demos_handler_and_nothing_else(wheel: Path) -> None:
    source = ROOT / "src"
    package = {str(path.relative_to(source)) for path in (source / "twicesafe").rglob("*") if path.is_file()}
    expected = {name for name in package if "__pycache__" not in name} | {f"twicesafe/lab/checkout/{n}" for n in DEMO}
    expected.add("pytest_twicesafe.py")
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert found == expected
    assert "twicesafe/py.typed" in found


def test_it_says_who_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    texts = {
        name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name
    }
    assert set(texts) == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert "Name: twicesafe\n" in texts["METADATA"]
    assert "Requires-Dist: click>=8.1; extra == 'cli'\n" in texts["METADATA"]
    assert "twicesafe = twicesafe.cli:main" in texts["entry_points.txt"]
    assert "[pytest11]\ntwicesafe = pytest_twicesafe" in texts["entry_points.txt"]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment, which borrows only what the command line needs."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    click = find_spec("click")
    assert click is not None
    assert click.origin is not None
    (site / "borrowed.pth").write_text(f"{Path(click.origin).parents[1]}\n")
    return folder / "bin"


def run(*command: object) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_its_command_works_in_a_fresh_environment(installed: Path) -> None:
    event = ROOT / "examples" / "checkout" / "event.json"
    (unit,) = json.loads(run(installed / "twicesafe", "key", event, "--json"))
    assert unit["source"] == "sqs"


def test_its_demo_finds_its_handler_in_a_fresh_environment(installed: Path) -> None:
    assert run(installed / "python", "-c", PLAY).split() == ["1", "1", "1", "1"]
