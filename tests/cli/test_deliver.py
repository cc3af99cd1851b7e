"""`twicesafe deliver`, with handlers in real processes."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, finished, marks, pids, sqs, start
from tests.lab.waiting import until, until_gone

Run = Callable[..., Ended]
Write = Callable[[str, object], Path]
DIRECT: dict[str, Any] = {"order": 7}


@pytest.fixture
def event(lab: Path, write: Write) -> Path:
    return write("event.json", sqs("one"))


def test_a_duplicate_does_not_run_again(run: Run, lab: Path, event: Path) -> None:
    ended = run("deliver", "handlers:protected_batch", event, "--times", 3, "--json")
    assert ended.status == 0
    assert [each["result"] for each in ended.json["deliveries"]] == ["ran", "replayed", "replayed"]
    assert marks(lab) == ["m-1"]


def test_what_programs_get_is_said_in_full(run: Run, event: Path) -> None:
    found = run("deliver", "handlers:protected_batch", event, "--times", 1, "--timeout", 2, "--json").json
    assert {name: found[name] for name in ("handler", "function_name", "timeout")} == {
        "handler": "handlers:protected_batch",
        "function_name": "handlers",
        "timeout": 2.0,
    }
    (delivery,) = found["deliveries"]
    (decision,) = delivery["decisions"]
    assert list(delivery) == [
        *("number", "round", "request_id", "result", "ending", "attempt", "duration_ms", "reply", "decisions", "log")
    ]
    assert list(decision) == ["decision", "key", "source", "attempt", "duration_ms", "error"]
    assert (delivery["ending"], delivery["attempt"], delivery["reply"]) == ("returned", 1, None)
    assert (decision["decision"], decision["source"], decision["error"]) == ("ran", "sqs", None)


def test_people_get_a_row_a_delivery_and_programs_nothing_of_what_goes_on(run: Run, event: Path) -> None:
    ended = run("deliver", "handlers:protected_batch", event)
    head, *rows = ended.out.splitlines()
    assert head.split() == ["#", "result", "attempt", "duration", "reply"]
    assert [row.split()[:3] for row in rows] == [["1", "ran", "1"], ["2", "replayed", "1"]]
    assert [line.split(":")[0] for line in ended.err.splitlines()] == [
        *("Starting delivery 1 of 2", "Running delivery 1 of 2", "Delivery 1"),
        *("Starting delivery 2 of 2", "Running delivery 2 of 2", "Delivery 2"),
    ]


def test_each_record_of_a_batch_has_a_row_of_its_own(run: Run, lab: Path, write: Write) -> None:
    ended = run("deliver", "handlers:protected_batch", write("event.json", sqs("one", "two")), "--times", 1)
    rows = [row.split() for row in ended.out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["1", "ran", "ran"]
    assert [row[-1][:41] for row in rows[1:]] == [f"handlers#handlers.protected_batch#sqs#m-{n}" for n in (1, 2)]


def test_at_the_same_moment_only_one_runs(run: Run, lab: Path, write: Write) -> None:
    ended = run(
        "deliver", "handlers:protected", write("event.json", DIRECT), "--at-once", 3, "--same-request-id", "--json"
    )
    results = [each["result"] for each in ended.json["deliveries"]]
    assert ended.status == 0
    assert len(results) == 3
    assert results.count("ran") == marks(lab).count("ran") == 1
    assert set(results) <= {"ran", "replayed", "conflict"}


def test_a_killed_delivery_is_no_failure_and_the_next_one_runs(run: Run, lab: Path, write: Write) -> None:
    event = write("event.json", 60)
    ended = run("deliver", "handlers:waits", event, "--times", 1, "--kill-after", 0.5, "--json")
    assert (ended.status, ended.json["deliveries"][0]["result"]) == (0, "killed")
    assert "finally" not in marks(lab)


@pytest.mark.parametrize(
    ("handler", "event", "result", "said"),
    [
        ("raises", DIRECT, "error", "ValueError: no money at all"),
        ("unsendable", DIRECT, "error", "Runtime.MarshalError: Unable to marshal response: it has a set"),
        ("exits", 3, "exited", "Runtime.ExitError: Runtime exited with error: exit status 3"),
        ("protected_failing", DIRECT, "error", "ValueError: not yet"),
    ],
)
def test_a_failure_is_said_in_its_row_and_by_the_status(
    run: Run, lab: Path, write: Write, handler: str, event: object, result: str, said: str
) -> None:
    ended = run("deliver", f"handlers:{handler}", write("event.json", event), "--times", 1)
    (row,) = [line for line in ended.out.splitlines() if line.startswith("1 ")]
    assert ended.status == 1
    assert row.startswith(f"1  {result} ")
    assert said in row


def test_a_delivery_at_its_time_limit_is_a_failure(run: Run, lab: Path, write: Write) -> None:
    ended = run("deliver", "handlers:waits", write("event.json", 60), "--times", 1, "--timeout", 0.5)
    assert ended.status == 1
    assert "timed out" in ended.out
    assert "Sandbox.Timedout: Task timed out after 0.50 seconds" in ended.out


def test_logs_are_shown_when_they_are_asked_for(run: Run, lab: Path, write: Write) -> None:
    event = write("event.json", DIRECT)
    assert "written to descriptor 1" not in run("deliver", "handlers:says", event, "--times", 1).out
    assert "\nwritten to descriptor 1\n" in run("deliver", "handlers:says", event, "--times", 1, "--logs").out
    assert "(nothing)" in run("deliver", "handlers:echo", event, "--times", 1, "--logs").out


def test_a_long_reply_is_cut_in_its_row_and_whole_for_programs(run: Run, lab: Path, write: Write) -> None:
    event = write("event.json", {"lines": 2})
    assert max(map(len, run("deliver", "handlers:talkative", event, "--times", 1).out.splitlines())) < 300
    (delivery,) = run("deliver", "handlers:talkative", event, "--times", 1, "--json").json["deliveries"]
    assert (len(delivery["reply"]), len(delivery["log"])) == (2048, 2048)


def test_half_a_character_is_shown_and_not_stumbled_over(run: Run, lab: Path, write: Write) -> None:
    event = write("event.json", '{"half": "\\ud800", "bold": "[bold]\\u001b[1m"}')
    assert r"\ud800" in run("deliver", "handlers:echo", event, "--times", 1).out
    (delivery,) = run("deliver", "handlers:echo", event, "--times", 1, "--json").json["deliveries"]
    assert delivery["reply"] == {"half": "\ud800", "bold": "[bold]\x1b[1m"}


def test_the_module_may_be_beside_the_event(
    run: Run, lab: Path, tmp_path: Path, write: Write, monkeypatch: Any
) -> None:
    write("event.json", DIRECT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("deliver", "handlers:echo", "../event.json", "--times", 1).status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["handlers:nothing"], "has no 'nothing'. It has about, "),
        (["handlers:not_callable"], "is no function, but of type int"),
        (["nowhere:handler"], "There is no module 'nowhere' in "),
        (["handlers"], "is not MODULE:HANDLER"),
        (["handlers:echo", "--store", "memory://"], "memory:// lives in one process"),
        (["handlers:echo", "--store", "nothing://here"], "There is no store for 'nothing':// URLs"),
        (["handlers:echo", "--store", "sqlite:///event.json"], "is not an SQLite database"),
        (["handlers:echo", "--kill-after", "3"], "--kill-after 3 is not before the time limit: --timeout is 3"),
        (["handlers:echo", "--times", "0"], "'--times'"),
        (["handlers:echo", "--timeout", "5401"], "'--timeout'"),
        (["handlers:echo", "--at-once", "65"], "'--at-once'"),
        (["handlers:echo", "--timeout", "nan"], "nan is no time"),
        (["handlers:echo", "--pause", "inf"], "inf is no time"),
        (["handlers:echo", "--kill-after", "nan"], "nan is no time"),
    ],
)
def test_a_wrong_command_is_refused_before_any_delivery(
    run: Run, lab: Path, event: Path, options: list[str], said: str
) -> None:
    ended = run("deliver", options[0], event, *options[1:])
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert marks(lab) == []


def test_records_go_where_they_are_told_to(run: Run, lab: Path, event: Path) -> None:
    run("deliver", "handlers:protected_batch", event, "--times", 1, "--store", "sqlite:///other.db")
    assert len(run("records", "list", "--store", "sqlite:///other.db", "--json").json) == 1
    assert not (lab / "records.db").exists()


def test_records_may_go_into_a_table(run: Run, lab: Path, event: Path, dynamodb_endpoint: str) -> None:
    name = f"deliver-{os.urandom(4).hex()}"
    made = run("table", "create", "--name", name, "--endpoint", dynamodb_endpoint)
    (url,) = shlex.split(made.out.partition("TWICESAFE_STORE=")[2])
    ended = run("deliver", "handlers:protected_batch", event, "--store", url, "--timeout", 60, "--json")
    assert [each["result"] for each in ended.json["deliveries"]] == ["ran", "replayed"]
    assert marks(lab) == ["m-1"]
    assert [record["state"] for record in run("records", "list", "--store", url, "--json").json] == ["completed"]


def test_a_table_that_is_not_there_is_said_by_the_delivery(
    run: Run, lab: Path, event: Path, dynamodb_endpoint: str
) -> None:
    url = f"dynamodb://nowhere?endpoint={dynamodb_endpoint}"
    ended = run("deliver", "handlers:protected_batch", event, "--store", url, "--timeout", 60, "--times", 1)
    assert ended.status == 1
    assert "twicesafe table" in ended.out
    assert marks(lab) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_command_leaves_no_process(lab: Path, write: Write, number: signal.Signals) -> None:
    event = write("event.json", DIRECT)
    process = start("deliver", "handlers:starts_another", event, "--timeout", 60, "--at-once", 2)
    try:
        until(lambda: len(pids(lab)) == 4, "both deliveries began")
        os.kill(process.pid, number)
    finally:
        ended = finished(process)
    until_gone(pids(lab))
    statuses = {signal.SIGINT: 130, signal.SIGKILL: -9}
    assert ended.status == statuses.get(number, 128 + number)
    assert "Traceback" not in ended.err
    if number == signal.SIGINT:
        assert ended.err.endswith("Error: Interrupted; nothing was left running.\n")


def test_what_goes_on_is_said_while_it_goes_on(lab: Path, write: Write) -> None:
    process = start("deliver", "handlers:waits", write("event.json", 60), "--times", 1, "--timeout", 60)
    try:
        assert process.stderr is not None
        assert [process.stderr.readline() for _ in range(2)] == [
            "Starting delivery 1 of 1\n",
            "Running delivery 1 of 1\n",
        ]
    finally:
        process.terminate()
        finished(process)
