"""A function has one name, whether its module is imported, run as a script, with -m, or in a spawned process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import twicesafe

WORKER = """
import multiprocessing
import sys

from twicesafe import current_execution, idempotent

class Base:
    @classmethod
    @idempotent(store="memory://")
    def open(cls, order): return current_execution().key

class Sub(Base): pass

class Sender:
    def __call__(self, order): return current_execution().key

@idempotent(store="memory://")
def pay(order): return current_execution().key

send = idempotent(store="memory://")(Sender())

def show(_=None):
    print(pay("o-1"), Base.open("o-1"), Sub.open("o-1"), send("o-1"), flush=True)

if __name__ == "__main__":
    if "spawn" in sys.argv:
        child = multiprocessing.get_context("spawn").Process(target=show)
        child.start()
        child.join()
    else:
        show()
"""


def keys(folder: Path, *arguments: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(twicesafe.__file__).parents[1]), str(folder)])}
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=True)
    return ended.stdout.split()


@pytest.mark.parametrize(
    "arguments",
    [("worker.py",), ("./worker.py",), ("-m", "worker"), ("worker.py", "spawn"), ("-m", "worker", "spawn")],
    ids=" ".join,
)
def test_a_function_has_the_same_keys_however_its_module_is_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    imported = keys(tmp_path, "-c", "import worker; worker.show()")
    assert len(set(imported)) == 4
    assert all(key.startswith("worker.") for key in imported)
    assert keys(tmp_path, *arguments) == imported


def test_functions_of_two_scripts_with_one_name_are_two(tmp_path: Path) -> None:
    for name in ("mail", "bill"):
        (tmp_path / f"{name}.py").write_text(WORKER)
    assert not set(keys(tmp_path, "mail.py")) & set(keys(tmp_path, "bill.py"))


def test_where_there_is_no_file_the_name_is_mains(tmp_path: Path) -> None:
    assert keys(tmp_path, "-c", WORKER)[0].startswith("__main__.pay#")
