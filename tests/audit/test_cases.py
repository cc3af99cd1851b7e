"""Handlers with a known verdict, each audited as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.audit.table import CASES, TABLE, Case, faults, job
from twicesafe.audit.audit import Auditor, audit
from twicesafe.audit.report.as_json import as_json
from twicesafe.audit.report.text import lines

PLAYED = TABLE if os.environ.get("TWICESAFE_AUDIT_CASES") == "all" else TABLE[::3]
"""Each takes some seconds: an ordinary run has every third one, and `make audit-cases` has all."""


@pytest.mark.parametrize("case", PLAYED, ids=[case.name for case in PLAYED])
def test_a_case_gets_its_verdict(case: Case, auditor: Auditor) -> None:
    found = auditor.audit(job(case.name))
    assert faults(case, found, "\n".join(lines(found))) == []


def test_every_case_is_in_the_table() -> None:
    assert {case.name.rpartition(".")[2] for case in TABLE} == {
        path.name.removesuffix(".event.json") for path in CASES.glob("*.event.json")
    }


@pytest.mark.parametrize("name", ["check_then_act", "stores_whole_answer"])
def test_the_same_audit_says_the_same(name: str) -> None:
    one, other = (json.dumps({**as_json(audit(job(name))), "seconds": {}}) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("name", "status"), [("put_same_data", 0), ("counter_add", 1), ("raw_socket", 2)])
def test_the_exit_status_is_the_verdict(name: str, status: int) -> None:
    command = [
        sys.executable,
        "-m",
        "twicesafe",
        "audit",
        f"{name}:handler",
        str(CASES / f"{name}.event.json"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CASES, env=os.environ, check=False)
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["verdict"] == {0: "safe", 1: "unsafe", 2: "unknown"}[status]
