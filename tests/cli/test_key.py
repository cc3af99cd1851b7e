"""`twicesafe key`, on events of all kinds and on what is none."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, sqs
from tests.keys.samples import SAMPLES

Run = Callable[..., Ended]
Write = Callable[[str, object], Path]
FIELDS = [
    "source",
    "class",
    "key",
    "identity",
    "scope",
    "compared",
    "left_out",
    "expires_after",
    "on_conflict",
    "reply_kept",
]
PUBLISHED = sorted((Path(__file__).parents[2].parent / "shared" / "events").glob("*.json"))


def test_each_unit_of_work_is_an_object_in_the_events_order(run: Run, write: Write) -> None:
    ended = run("key", write("event.json", sqs("one", "two")), "--json")
    assert ended.status == 0
    assert [list(unit) for unit in ended.json] == [FIELDS, FIELDS]
    first, second = ended.json
    assert first == {
        "source": "sqs",
        "class": "natural",
        "key": first["key"],
        "identity": {"queue": "arn:aws:sqs:eu-west-1:123456789012:orders", "message_id": "m-1"},
        "scope": {},
        "compared": {},
        "left_out": first["left_out"],
        "expires_after": 1_209_600,
        "on_conflict": "raise",
        "reply_kept": False,
    }
    assert first["key"].startswith("FUNCTION#sqs#m-1#")
    assert second["identity"]["message_id"] == "m-2"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_each_source_is_explained(run: Run, write: Write, name: str) -> None:
    event, source, kind, identity = SAMPLES[name]
    file = write("event.json", json.dumps(event))
    (unit, *_) = run("key", file, "--json").json
    assert (unit["source"], unit["class"], unit["key"] is None) == (source, kind, identity is None)
    ended = run("key", file)
    assert (ended.status, ended.err) == (0, "")
    assert f"Delivery 1 of 1: {source}, " in ended.out or "Delivery 1 of 2" in ended.out


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda path: path.stem)
def test_each_published_event_is_explained(run: Run, file: Path) -> None:
    assert run("key", file).status == 0
    assert all(list(unit) == FIELDS for unit in run("key", file, "--json").json)


def test_the_key_of_a_function_is_the_one_in_its_records(run: Run, lab: Path, write: Write) -> None:
    event = write("event.json", sqs("one"))
    run("deliver", "handlers:protected", event, "--times", 1)
    (unit,) = run("key", event, "--function", "handlers#handlers.protected", "--json").json
    assert run("records", "show", unit["key"], "--json").json["state"] == "completed"


def test_an_event_may_come_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(sqs("one")).encode())))
    assert run("key", "-", "--json").json[0]["source"] == "sqs"


def test_a_mark_before_utf_8_is_no_part_of_the_event(run: Run, write: Write) -> None:
    assert run("key", write("event.json", b'\xef\xbb\xbf{"order": 7}')).status == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1', "is not JSON: Expecting ',' delimiter (line 1, column 8)."),
        ("", "is not JSON: Expecting value (line 1, column 1)."),
        (b"\xff\xfe", "is not JSON: it is not UTF-8."),
        ('{"a": NaN}', "has a number that cannot be read: NaN is none in JSON."),
        ("9" * 5000, "has a number that cannot be read: Exceeds the limit"),
        ("[" * 100_000, "is nested too deeply."),
    ],
)
def test_what_is_not_json_is_refused_in_one_line(run: Run, write: Write, content: object, said: str) -> None:
    ended = run("key", write("event.json", content))
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("Error: ")
    assert said in ended.err


def test_a_file_that_is_not_there_is_refused(run: Run, write: Write) -> None:
    ended = run("key", "nowhere.json")
    assert ended.status == 2
    assert "'nowhere.json': No such file or directory" in ended.err


def test_a_malformed_event_is_refused(run: Run, write: Write) -> None:
    ended = run("key", write("event.json", {"Records": [{"eventSource": "aws:sqs"}]}))
    assert (ended.status, ended.out) == (2, "")
    assert "This sqs event is malformed" in ended.err


def test_what_a_terminal_would_obey_is_written_out(run: Run, write: Write) -> None:
    event = sqs("one", queue="\x1b[31mred\x9b\u202e")
    assert r":\x1b[31mred\x9b\u202e" in run("key", write("event.json", event)).out
