"""`python -m bench [NAME …]`: what protection costs, as ratios against a named other in the same run."""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import sqlite3
import ssl
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.beside import Figure, as_markdown, as_text
from bench.place import ROOT, Bench
from tests.conftest import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBJECTS = ("cold", "warm", "traffic", "many", "replies", "growth", "sqlite", "share", "audit")
RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """Where and when it is measured."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), model)
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    others = ", ".join(f"{name} {version(name)}" for name in ("aws-lambda-powertools", "boto3"))
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC; {os.cpu_count()} cores, {model}, {platform.system()} "
        f"{platform.release()}, load average {load}; Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, "
        f"SQLite {sqlite3.sqlite_version}, {others}"
    )


def measure(name: str, bench: Bench) -> str:
    """Measure a subject and print it; the same as Markdown."""
    subject = import_module(f"bench.{name}")
    title, began = (subject.__doc__ or "").splitlines()[0], time.monotonic()
    print(f"\n{name}: {title}", flush=True)
    said = list(subject.figures(bench))
    notes = [one for one in said if isinstance(one, str)]
    rows = [one.cells() for one in said if isinstance(one, Figure)]
    print(*notes, as_text(rows), f"({time.monotonic() - began:.0f} s)", sep="\n", flush=True)
    return "\n\n".join([f"## {name}", title, *notes, as_markdown(rows)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="for a look: few rounds, and no ratio to trust")
    parser.add_argument("--results", action="store_true", help=f"write {RESULTS.name}, of all subjects")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(SUBJECTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    if asked.results and (asked.names or asked.quick):
        parser.error("--results are those of all subjects, and not quick")
    for name in [name for name in os.environ if name.startswith(("AWS_", "LAMBDA_", "TWICESAFE_"))]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled, and so it is here
    compileall.compile_dir(ROOT / "src", quiet=1)
    here = machine()
    print(here)
    with Bench(is_quick=asked.quick) as bench:
        parts = [measure(name, bench) for name in asked.names or SUBJECTS]
    if asked.results:
        head = "# What protection costs\n\nWritten by `python -m bench --results`. Ratios carry over, times do not."
        RESULTS.write_text("\n\n".join([head, here, *parts]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
