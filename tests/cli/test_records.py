"""`twicesafe records`: what is shown, and what a person may change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, finished, marks, sqs, start
from tests.lab.waiting import until
from twicesafe.protocol.commands import Claim, Complete, Release, SaveStep
from twicesafe.protocol.entries import Intent
from twicesafe.protocol.records import Millis, Seconds, Status, Step
from twicesafe.stores.base import Store, open_store

Run = Callable[..., Ended]
Write = Callable[[str, object], Path]
NOW = Millis(time.time_ns() // 1_000_000)
LATER = Seconds(NOW // 1000 + 86_400)
STATES = {
    "running": "in progress",
    "silent": "unknown",
    "released": "released",
    "done": "completed",
    "refused": "failed",
    "old": "expired",
}


@pytest.fixture
def store(lab: Path) -> Any:
    """With a record of each state, named so."""
    opened = open_store(f"sqlite:///{lab / 'records.db'}")
    for name in STATES:
        begin(opened, name, lease=600_000 if name == "running" else -1_000)
    opened.apply(Release("released", "owner", NOW, LATER))
    opened.apply(Complete("done", "owner", Status.COMPLETED, '{"total":3}', LATER))
    opened.apply(Complete("refused", "owner", Status.FAILED, '{"type":"Declined","args":[]}', LATER))
    opened.apply(Complete("old", "owner", Status.COMPLETED, None, Seconds(NOW // 1000 - 60)))
    yield opened
    opened.close()


def begin(store: Store, key: str, *, lease: int = -1_000) -> None:
    """Claim it, a while ago where the lease is over, with a step that was done."""
    claimed = Millis(NOW - 10_000 if lease < 0 else NOW)
    store.apply(Claim(key, "owner", claimed, Millis(NOW + lease), LATER, "print"))
    store.apply(SaveStep(key, "owner", {"charge": Step(True, '"ch_1"')}))


def test_all_records_are_listed_with_their_states(run: Run, store: Store) -> None:
    ended = run("records", "list", "--json")
    assert ended.status == 0
    assert {record["key"]: record["state"] for record in ended.json} == STATES


def test_a_record_is_one_line_with_its_key_at_the_end(run: Run, store: Store) -> None:
    head, *rows = run("records", "list").out.splitlines()
    assert head.split() == ["state", "attempt", "claimed", "expires", "key"]
    assert {row.split()[-1]: row[: len("in progress")].strip() for row in rows} == STATES


def test_a_list_is_narrowed_by_prefix_state_and_limit(run: Run, store: Store) -> None:
    keys = [record["key"] for record in run("records", "list", "--prefix", "re", "--json").json]
    assert keys == ["refused", "released"]
    assert [record["key"] for record in run("records", "list", "--state", "unknown", "--json").json] == ["silent"]
    ended = run("records", "list", "--limit", 2, "--json")
    assert (len(ended.json), ended.err) == (2, "There are more than 2: --limit shows them.\n")


def test_a_list_that_is_longer_than_a_page_goes_on(run: Run, lab: Path) -> None:
    opened = open_store(f"sqlite:///{lab / 'records.db'}")
    for number in range(250):
        begin(opened, f"key-{number:03}")
    opened.close()
    found = run("records", "list", "--limit", 1000, "--json").json
    assert [record["key"] for record in found] == [f"key-{number:03}" for number in range(250)]


def test_that_there_are_none_is_said(run: Run, store: Store) -> None:
    ended = run("records", "list", "--prefix", "nothing")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err.startswith("There are no such records in sqlite:///")


@pytest.mark.parametrize("key", STATES)
def test_a_record_is_shown_without_its_secrets(run: Run, store: Store, key: str) -> None:
    ended = run("records", "show", key)
    assert ended.status == 0
    assert ended.out.startswith(f"{key}\nstate ")
    assert STATES[key] in ended.out
    for secret in ("total", "ch_1"):
        assert secret not in ended.out
        assert secret not in run("records", "show", key, "--json").out


def test_replies_and_results_are_shown_when_they_are_asked_for(run: Run, store: Store) -> None:
    assert '{"total": 3}' in run("records", "show", "done", "--reply").out
    assert '"ch_1"' in run("records", "show", "silent", "--reply").out
    assert run("records", "show", "done", "--reply", "--json").json["reply"] == '{"total":3}'
    assert run("records", "show", "silent", "--reply", "--json").json["steps"]["charge"]["data"] == '"ch_1"'


def test_programs_get_all_other_fields(run: Run, store: Store) -> None:
    assert list(run("records", "show", "silent", "--json").json) == [
        *("key", "state", "status", "attempt", "generation", "started", "claimed", "lease_until", "expires_at"),
        *("fingerprint", "has_reply", "steps"),
    ]


def test_of_what_fell_silent_is_said_what_to_do(run: Run, store: Store) -> None:
    assert "twicesafe records resolve" in run("records", "show", "silent").out
    assert "resolve" not in run("records", "show", "done").out


@pytest.mark.parametrize("command", [["show"], ["resolve", "--done"], ["redo"], ["forget"]])
def test_a_key_that_is_not_there_is_said(run: Run, store: Store, command: list[str]) -> None:
    ended = run("records", *command, "nowhere")
    assert (ended.status, ended.out) == (1, "")
    assert "There is no record of 'nowhere' in sqlite:///" in ended.err


def test_what_is_done_is_answered_with_the_reply_that_a_person_gave(run: Run, store: Store) -> None:
    ended = run("records", "resolve", "silent", "--done", "--reply", '{"total": 9}')
    assert (ended.status, ended.out) == (0, "silent is done: later deliveries get the reply.\n")
    assert '{"total": 9}' in run("records", "show", "silent", "--reply").out


def test_what_is_done_without_a_reply_is_answered_with_nothing(run: Run, store: Store) -> None:
    ended = run("records", "resolve", "silent", "--done")
    assert ended.out == "silent is done: later deliveries do nothing, and reply null.\n"
    assert run("records", "show", "silent", "--json").json["state"] == "completed"


def test_what_is_not_done_is_released_with_its_steps(run: Run, store: Store) -> None:
    ended = run("records", "resolve", "silent", "--not-done")
    assert (ended.status, ended.out) == (0, "silent is not done: the next delivery runs.\n")
    found = run("records", "show", "silent", "--json").json
    assert (found["state"], list(found["steps"])) == ("released", ["charge"])


def test_a_new_execution_is_a_new_generation_without_steps(run: Run, store: Store) -> None:
    assert run("records", "redo", "done").status == 0
    found = run("records", "show", "done", "--json").json
    assert (found["state"], found["generation"], found["steps"], found["has_reply"]) == ("released", 1, {}, False)


def test_what_is_forgotten_is_gone(run: Run, store: Store) -> None:
    assert run("records", "forget", "done").out == "done is forgotten: the next delivery runs.\n"
    assert run("records", "show", "done").status == 1


def test_a_record_is_kept_for_as_long_as_was_asked(run: Run, store: Store) -> None:
    run("records", "resolve", "silent", "--done", "--keep-for", 30)
    seconds = run("records", "show", "silent", "--json").json["expires_at"] - time.time()
    assert seconds == pytest.approx(30 * 86_400, abs=600)


@pytest.mark.parametrize("command", [["resolve", "--done"], ["resolve", "--not-done"], ["redo"], ["forget"]])
def test_what_is_running_is_left_alone(run: Run, store: Store, command: list[str]) -> None:
    before = run("records", "show", "running", "--json").json
    ended = run("records", *command, "running")
    assert ended.status == 1
    assert "running is running, for " in ended.err
    assert run("records", "show", "running", "--json").json == before


@pytest.mark.parametrize("key", ["done", "refused", "released", "old"])
def test_only_what_fell_silent_is_resolved(run: Run, store: Store, key: str) -> None:
    ended = run("records", "resolve", key, "--done")
    assert ended.status == 1
    assert f"{key} is {STATES[key]}, and was left as it is. Only what fell silent can be resolved." in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resolve", "silent"], "Say --done or --not-done"),
        (["resolve", "silent", "--not-done", "--reply", "1"], "--reply goes with --done"),
        (["resolve", "silent", "--done", "--reply", "{"], "--reply is not JSON: Expecting property name"),
        (["resolve", "silent", "--done", "--keep-for", "0"], "'--keep-for'"),
        (["list", "--state", "asleep"], "'asleep' is not one of"),
    ],
)
def test_a_wrong_command_changes_nothing(run: Run, store: Store, arguments: list[str], said: str) -> None:
    before = run("records", "show", "silent", "--json").json
    ended = run("records", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert run("records", "show", "silent", "--json").json == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///nowhere.db", "There is no store at sqlite:///nowhere.db: no such file"),
        ("sqlite:///text.db", "is not an SQLite database"),
        ("memory://", "can't be seen from another process"),
        ("nothing://here", "There is no store for 'nothing':// URLs"),
        ("records.db", "There is no store for"),
    ],
)
def test_a_store_that_cannot_be_looked_into_is_said_and_none_is_made(
    run: Run, write: Write, tmp_path: Path, url: str, said: str
) -> None:
    write("text.db", "a text that is longer than the header of a database, which has a hundred bytes" * 2)
    ended = run("records", "list", "--store", url)
    assert ended.status == 2
    assert said in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


def poison(folder: Path, column: str, value: object) -> None:
    with closing(sqlite3.connect(folder / "records.db")) as file, file:
        file.execute(f"UPDATE records SET {column} = ? WHERE key = 'done'", (value,))


@pytest.mark.parametrize("command", [["list"], ["show", "done"], ["redo", "done"], ["forget", "done"]])
def test_a_record_that_cannot_be_read_is_said_with_the_remedy(
    run: Run, store: Store, lab: Path, command: list[str]
) -> None:
    poison(lab, "status", "PERHAPS")
    ended = run("records", *command)
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "The record of 'done' cannot be read: its status is not known." in ended.err
    assert "Look at it with the store's own tools" in ended.err


def test_a_record_of_a_far_future_is_shown(run: Run, store: Store, lab: Path) -> None:
    poison(lab, "expires_at", 10**17)
    assert run("records", "list").status == 0
    assert f"{10**20} ms since 1970" in run("records", "show", "done").out


def test_a_store_of_a_later_version_is_refused(run: Run, store: Store, lab: Path) -> None:
    store.close()
    with closing(sqlite3.connect(lab / "records.db")) as file:
        file.execute("PRAGMA user_version = 99")
    ended = run("records", "list")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "version" in ended.err


def test_a_table_is_looked_into_as_well(run: Run, dynamodb_endpoint: str) -> None:
    name = f"records-{time.time_ns()}"
    assert run("table", "create", "--name", name, "--endpoint", dynamodb_endpoint).status == 0
    url = f"dynamodb://{name}?endpoint={dynamodb_endpoint}"
    opened = open_store(url)
    begin(opened, "silent")
    opened.close()
    assert [record["state"] for record in run("records", "list", "--store", url, "--json").json] == ["unknown"]
    assert run("records", "resolve", "silent", "--done", "--store", url).status == 0
    assert run("records", "redo", "silent", "--store", url).status == 0
    assert run("records", "show", "silent", "--store", url, "--json").json["generation"] == 1
    assert run("records", "forget", "silent", "--store", url).status == 0
    assert run("records", "list", "--store", url, "--json").json == []


def test_what_fell_silent_is_settled_by_hand_in_both_ways_and_done_again_by_order(
    run: Run, lab: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two messages, each killed after its charge, under on_unknown="raise"."""
    files = [write(f"{name}.json", sqs(name, queue=name)) for name in ("first", "second")]
    with monkeypatch.context() as hanging:
        hanging.setenv("HANGS", "yes")
        processes = [start("deliver", "handlers:at_most_once", file, "--times", 1, "--timeout", 5) for file in files]
    until(lambda: marks(lab).count("hangs") == 2, "both charged, and hang")
    for process in processes:
        process.kill()
        finished(process)
    until(lambda: states(run) == ["unknown"] * 2, "both leases are over")
    assert [deliver(run, file)["decisions"][0]["decision"] for file in files] == ["unknown"] * 2

    first, second = (record["key"] for record in run("records", "list", "--json").json)
    assert run("records", "resolve", first, "--done").status == 0
    assert run("records", "resolve", second, "--not-done").status == 0
    assert sorted(deliver(run, file)["result"] for file in files) == ["ran", "replayed"]
    assert states(run) == ["completed"] * 2
    assert len(charges(lab)) == 2  # the step that was recorded before the kill was not run again

    assert run("records", "redo", first).status == 0
    assert sorted(deliver(run, file)["result"] for file in files) == ["ran", "replayed"]
    *before, again = charges(lab)
    assert len(before) == 2
    assert again not in before


def states(run: Run) -> list[str]:
    return [record["state"] for record in run("records", "list", "--json").json]


def deliver(run: Run, event: Path) -> dict[str, Any]:
    (delivery,) = run("deliver", "handlers:at_most_once", event, "--times", 1, "--json").json["deliveries"]
    return dict(delivery)


def charges(folder: Path) -> list[str]:
    """The downstream keys with which it was charged."""
    return [mark.split()[-1] for mark in marks(folder) if mark.startswith("charged")]


def test_one_step_is_settled_by_hand(run: Run, store: Store) -> None:
    intent = Intent(Millis(NOW - 9_000), Millis(NOW - 1_000))
    store.apply(SaveStep("silent", "owner", {"mail": intent.step()}))
    assert "ago, and not said to be done" in run("records", "show", "silent").out
    ended = run("records", "resolve", "silent", "--step", "mail", "--done", "--reply", '"m-1"')
    assert ended.out == "silent: the next delivery gets its result when it comes to the step mail.\n"
    assert run("records", "show", "silent", "--reply", "--json").json["steps"]["mail"]["data"] == '"m-1"'
    assert run("records", "resolve", "silent", "--step", "mail", "--not-done").status == 1
