"""What cannot be audited: a clear message each, nothing written, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.audit.table import CASES, HANDLERS, job
from twicesafe.audit.audit import audit
from twicesafe.audit.world.declared import parsed
from twicesafe.errors import ConfigurationError
from twicesafe.lab.loading import NotLoadable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LINUX = sys.platform.startswith("linux")


def marked(mark: str) -> list[int]:
    """The processes whose environment has the mark: an audit's own, and all that they started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if (
                    mark.encode() in (entry / "environ").read_bytes()
                    and "Z" not in (entry / "stat").read_text().split()[2]
                ):
                    found.append(int(entry.name))
            except OSError:
                continue  # it has ended meanwhile
    return found


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mark in the environment of all that the test starts; afterwards nothing that has it runs."""
    mark = f"mark-{uuid4().hex}"
    monkeypatch.setenv("AUDIT_TEST_MARK", mark)
    yield mark
    if LINUX:
        assert marked(mark) == []


@pytest.mark.parametrize(
    ("handler", "verdict", "says"),
    [
        ("hangs", "unknown", "the handler does not end on a clean delivery"),
        ("sleeps", "safe", ""),
        ("cleans_up", "safe", ""),
        ("spawns", "unknown", "another process"),
        ("exits", "unknown", "the handler ends its own process on a clean delivery"),
        ("dies", "unknown", "the handler ends its own process on a clean delivery"),
        ("forks", "unknown", "not observed: another process: os.fork (bad.py:"),
        ("starts", "unknown", "not observed: another process: sleep 600 (bad.py:"),
        ("leaves_a_thread", "safe", ""),
        ("moves", "safe", ""),
        ("prints", "safe", ""),
        ("writes", "unknown", f"not observed: a write to the file {HANDLERS}/written.txt (bad.py:"),
        ("returns_a_set", "unknown", "the handler raises on a clean delivery: Runtime.MarshalError"),
        ("asks_for_more", "unknown", "the simulator has no translate.TranslateText, or fails at it: give its answer"),
        ("does_what_is_unknown", "unsafe", ""),
    ],
)
@pytest.mark.usefixtures("mark")
def test_a_handler_that_misbehaves_gets_its_verdict(handler: str, verdict: str, says: str) -> None:
    before = os.getcwd()
    found = audit(job(f"bad:{handler}", patience=4.0))
    assert found.verdict == verdict
    assert says in "\n".join(found.unknowns)
    assert os.getcwd() == before
    assert not (HANDLERS / "written.txt").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere", "There is no module 'nowhere'"),
        ("broken", "RuntimeError: no configuration"),
        ("bad:missing", "has no 'missing'"),
        ("bad:number", "is no function"),
    ],
)
@pytest.mark.usefixtures("mark")
def test_what_is_no_handler_is_refused(name: str, says: str) -> None:
    with pytest.raises(NotLoadable, match=says):
        audit(job(name))


def test_an_answer_that_is_given_takes_the_place_of_the_simulator() -> None:
    declared = parsed({"answers": {"translate.TranslateText": {"TranslatedText": "gut"}}}, "world.json")
    found = audit(job("bad:asks_for_more", declared=declared))
    assert (found.verdict, found.reason) == ("safe", "reads only")
    assert "the answer of translate.TranslateText is the one given" in found.assumptions


def test_no_credentials_of_this_machine_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREALREAL")
    found = audit(job("bad:reads_credentials", schedule="run 1; run 2"))
    assert found.operations[0].summary == "AKIATWICESAFEAUDIT00"


@pytest.mark.parametrize(
    ("world", "says"),
    [
        ([], "no JSON object"),
        ({"table": []}, "'table', which is nothing of a world"),
        ({"tables": {}}, "tables is no list"),
        ({"tables": [{"keys": {"id": "S"}}]}, r'tables\[0\] has no "name"'),
        ({"tables": [{"name": "t", "keys": {}}]}, "are not of the form"),
        ({"tables": [{"name": "t", "keys": {"id": "TEXT"}}]}, "the unknown type 'TEXT'"),
        ({"objects": [{"key": "a"}]}, 'has no "bucket"'),
        ({"calls": [["sns", "create_topic"]]}, r"calls\[0\] is not"),
        ({"http": [{"method": "GET"}]}, 'has no "url"'),
    ],
)
def test_a_world_that_is_none_is_refused_before_anything_runs(world: object, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parsed(world, "world.json")


@pytest.mark.usefixtures("mark")
def test_a_world_that_cannot_be_made_is_refused() -> None:
    declared = parsed(
        {"calls": [["sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:1:none", "Message": "m"}]]}, "w"
    )
    with pytest.raises(ConfigurationError, match=r"The world's call sns.publish failed"):
        audit(job("pure_compute", declared=declared))


def test_where_processes_cannot_fork_the_message_names_wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ConfigurationError, match="WSL"):
        audit(job("pure_compute"))


def command(*words: str, world: str | None = None) -> list[str]:
    return [sys.executable, "-m", "twicesafe", "audit", *words, *(["--world", world] if world else [])]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pure_compute:handler", "broken.json"], "is not JSON"),
        (["pure_compute:handler", "missing.json"], "missing.json"),
        (["pure_compute.handler", "event.json"], "Did you mean pure_compute:handler?"),
        (["pure_compute:handler", "event.json", "--world", "world.json"], "the unknown type 'TEXT'"),
        (["pure_compute:handler", "event.json", "--schedule", "jump 1"], "is none of: run N"),
        (["broken:handler", "event.json"], "RuntimeError: no configuration"),
    ],
)
@pytest.mark.usefixtures("mark")
def test_wrong_input_is_said_in_a_line_with_a_status_of_its_own(words: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("{}")
    (tmp_path / "broken.json").write_text('{"a": ')
    (tmp_path / "world.json").write_text(json.dumps({"tables": [{"name": "t", "keys": {"id": "TEXT"}}]}))
    (tmp_path / "broken.py").write_text('raise RuntimeError("no configuration")\n')
    done = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout == ""


@pytest.mark.skipif(not LINUX, reason="processes are found by /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_audit_that_is_ended_leaves_no_process_behind(number: signal.Signals, mark: str) -> None:
    code = "from tests.audit.table import job; from twicesafe.audit.audit import audit; "
    code += "audit(job('bad:hangs', patience=600.0))"  # by itself it would not end while the test lasts
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: len(marked(mark)) >= 5)  # the command, the nursery, the zygote, a world and the handler
        process.send_signal(number)
        process.wait()
        wait_until(lambda: marked(mark) == [])
    finally:
        process.kill()
        process.wait()


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_cases_write_nothing_beside_themselves() -> None:
    assert not list(CASES.glob("*.db*"))
