"""`twicesafe demo`: what it shows, and that its status is the truth."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, finished, start
from tests.lab.test_demo import defeat
from tests.lab.waiting import until, until_gone
from twicesafe.lab import demo
from twicesafe.lab.demo import Scene

Run = Callable[..., Ended]
QUICK = (Scene("once"), Scene("twice at the same moment", deliveries=2))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer scenes, without waiting."""
    monkeypatch.setattr("twicesafe.cli.demo.SCENES", QUICK)


def test_the_demo_is_exact_in_a_process_of_its_own_and_says_so(tmp_path: Path) -> None:
    ended = finished(start("demo", "--json", cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)}))
    assert ended.status == 0
    found = ended.json
    assert found["exact"] is True
    assert found["unprotected"] == {"charge_requests": 6, "charges": 6, "orders": 4, "mails": 4}
    assert found["protected"] == {"charge_requests": 2, "charges": 1, "orders": 1, "mails": 1}
    results = [[each["result"] for each in scene["protected"]] for scene in found["deliveries"]]
    assert results[:2] == [["killed"], ["killed"]]
    assert results[2].count("ran") == 1
    assert results[3:] == [["replayed"], ["replayed"]]
    assert {side: each["verdict"] for side, each in found["audits"].items()} == {
        "unprotected": "unsafe",
        "protected": "safe",
    }
    assert list(tmp_path.iterdir()) == []


def test_what_people_see_is_two_tables_a_verdict_and_two_audits(run: Run, quick: None) -> None:
    ended = run("demo")
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("One SQS message: order-1001, 49.00 EUR.")
    assert lines[2].split() == ["#", "the", "message", "is", "without", "twicesafe", "with", "twicesafe"]
    assert "charges, in the payment server's ledger  3                  1" in lines
    verdicts = [line.partition("   ")[0] for line in lines if line.startswith(("3 charges", "unsafe ", "safe "))]
    assert verdicts[0].startswith("3 charges against 1.")
    assert verdicts[1:] == ["unsafe", "safe"]
    assert any(line.split()[:3] == ["2", "delivery", "2"] for line in lines)
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_status_is_not_0_when_the_protected_side_is_not_exact(
    run: Run, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    defeat(tmp_path)
    monkeypatch.setattr(demo, "checkout", lambda: str(tmp_path))
    ended = run("demo", *options)
    assert ended.status == 1
    assert ended.json["exact"] is False if options else "The protected side is not exact." in ended.out


def test_the_status_is_not_0_when_the_unprotected_side_took_no_harm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twicesafe.cli.demo.SCENES", QUICK[:1])
    ended = run("demo")
    assert ended.status == 1
    assert "this proves nothing" in ended.out


@pytest.mark.usefixtures("quick")
def test_the_status_is_not_0_when_the_audit_does_not_tell_the_two_apart(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo.checkout(), tmp_path, dirs_exist_ok=True)
    (tmp_path / "event.world.json").write_text('{"env": {"SHOP_FOLDER": "/tmp/shop"}}')  # and nobody honours a key
    monkeypatch.setattr(demo, "checkout", lambda: str(tmp_path))
    ended = run("demo")
    assert ended.status == 1
    assert ended.out.splitlines()[-1] == "The audit does not tell the two apart. Please report this."


def test_an_interrupted_demo_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    process = start("demo", env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        until(lambda: len(children_of(process.pid)) == 2, "both sides run")
        children = children_of(process.pid)
        os.kill(process.pid, signal.SIGINT)
    finally:
        ended = finished(process)
    until_gone(children)
    assert ended.status == 130
    assert list(tmp_path.iterdir()) == []


def children_of(pid: int) -> list[int]:
    """The processes that a process started, as Linux tells it."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.glob("*/children") for child in task.read_text().split()]
