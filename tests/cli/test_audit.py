"""`twicesafe audit`: its options, its files, its exit status, and what a project lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from twicesafe.audit.gate import WHENS
from twicesafe.audit.report.as_json import schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Ended

APP = """\
import subprocess
import urllib.request


def pure(event, context):
    return {"statusCode": 200}


def posts(event, context):
    urllib.request.urlopen(urllib.request.Request("https://api.example.com/orders", b"{}", method="POST"))


def starts(event, context):
    subprocess.run(["true"])
"""
PROJECT = """\
[tool.twicesafe.audit]
fail-on = "unsafe"
jobs = 1

[[tool.twicesafe.audit.handlers]]
handler = "app:pure"
event = "events/order.json"

[[tool.twicesafe.audit.handlers]]
handler = "app:starts"
event = "events/order.json"
"""
POSTED = "twice:http POST https://api.example.com/orders"
ENTRY = '[[tool.twicesafe.audit.handlers]]\nhandler = "app:posts"\nevent = "events/order.json"\n'


@pytest.fixture
def project(write: Callable[[str, object], Path], tmp_path: Path) -> Callable[[str], None]:
    """Write pyproject.toml; handlers and an event are there."""
    (tmp_path / "events").mkdir()
    write("app.py", APP)
    write("events/order.json", {})
    return lambda text: (write("pyproject.toml", text), None)[1]


@pytest.mark.usefixtures("project")
def test_what_is_accepted_is_reported_and_does_not_fail(run: Callable[..., Ended]) -> None:
    ended = run("audit", "app:posts", "events/order.json", "--accept", POSTED)
    assert ended.status == 0
    assert "POST https://api.example.com/orders   app.py:10   (assumed, accepted)" in ended.out
    assert "fix:" not in ended.out


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("handler", "fail_on", "status"),
    [("posts", "unknown", 1), ("posts", "never", 0), ("starts", "unknown", 2), ("starts", "unsafe", 0)],
)
def test_fail_on_is_the_least_verdict_that_fails(
    handler: str, fail_on: str, status: int, run: Callable[..., Ended]
) -> None:
    assert run("audit", f"app:{handler}", "events/order.json", "--fail-on", fail_on).status == status


@pytest.mark.usefixtures("project")
def test_only_what_is_new_since_the_baseline_fails(run: Callable[..., Ended], tmp_path: Path) -> None:
    words = ("audit", "app:posts", "events/order.json", "--baseline", "baseline.json")
    assert "Write it with --write-baseline." in run(*words).err
    written = run(*words, "--write-baseline", "--when", "two-crashes")  # all is written, whatever is asked for
    assert (written.status, json.loads((tmp_path / "baseline.json").read_text())) == (
        0,
        {"schema": 1, "handlers": {"app:posts": [f"{POSTED}:app.py"]}},
    )
    again = run(*words, "--json")
    assert (again.status, [each["standing"] for each in again.json["findings"]]) == (0, ["known"])
    app = tmp_path / "app.py"
    app.write_text(app.read_text().replace("/orders", "/refunds"))
    changed = run(*words, "--json")
    assert (changed.status, [each["standing"] for each in changed.json["findings"]]) == (1, ["new"])


@pytest.mark.usefixtures("project")
def test_the_command_that_shows_it_again_has_the_options_that_the_world_depends_on(
    run: Callable[..., Ended], write: Callable[[str, object], Path]
) -> None:
    write("a world.json", {"http": [{"url": "https://api.example.com/*", "status": 201}]})
    words = ("audit", "app:posts", "events/order.json", "--world", "a world.json", "--path", ".", "--timeout", "9")
    ended = run(*words)
    shown = "twicesafe audit app:posts events/order.json --path . --world 'a world.json' --timeout 9 --schedule"
    assert f'see again: {shown} "run 1; run 2"' in ended.out


@pytest.mark.usefixtures("project")
def test_a_template_says_what_the_handler_finds(
    run: Callable[..., Ended], write: Callable[[str, object], Path]
) -> None:
    variables = {"Variables": {"A": {"Fn::ImportValue": "a"}}}
    handler = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "app.pure", "Environment": variables}}
    write("template.json", {"Resources": {"Handler": handler}})
    ended = run("audit", "app:pure", "events/order.json", "--template", "template.json")
    assert ended.status == 0
    assert "template.json: the variable A is left out: Fn::ImportValue is not known here" in ended.out
    refused = run("audit", "app:posts", "events/order.json", "--template", "template.json")
    assert (refused.status, refused.out) == (3, "")
    assert "Those of its functions are app.pure." in refused.err


def test_a_project_has_a_line_for_each_handler_and_the_details_of_those_that_fail(
    run: Callable[..., Ended], project: Callable[[str], None]
) -> None:
    project(PROJECT + ENTRY)
    ended = run("audit")
    lines = ended.out.splitlines()
    assert ended.status == 1
    assert [line.split()[:3] for line in lines[-3:]] == [
        ["safe", "app:pure", "events/order.json"],
        ["unknown", "app:starts", "events/order.json"],
        ["unsafe", "app:posts", "events/order.json"],
    ]
    assert lines[-1].endswith("; findings: 1 new")
    assert lines[0].startswith("unsafe   app:posts")
    assert "not observed" not in ended.out  # what is unknown does not fail here


def test_a_project_is_found_from_a_folder_of_it_and_read_from_its_own(
    run: Callable[..., Ended],
    project: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project(f'{ENTRY}accept = "{POSTED}"\n')
    monkeypatch.chdir(tmp_path / "events")
    ended = run("audit", "--json")
    assert ended.status == 0
    (found,) = ended.json["audits"]
    assert (found["event"], found["findings"][0]["standing"]) == ("order.json", "accepted")


def test_the_command_line_wins_over_a_handlers_own_options_and_these_over_those_of_all(
    run: Callable[..., Ended], project: Callable[[str], None]
) -> None:
    project(f'[tool.twicesafe.audit]\nfail-on = "unknown"\n{ENTRY}fail-on = "never"\n')
    assert run("audit").status == 0
    assert run("audit", "--fail-on", "unsafe").status == 1


def test_a_handler_that_is_not_there_does_not_hide_the_others(
    run: Callable[..., Ended], project: Callable[[str], None]
) -> None:
    project(PROJECT.replace("app:starts", "app:missing"))
    ended = run("audit")
    assert ended.status == 3
    assert "safe     app:pure" in ended.out
    assert "error    app:missing events/order.json   The module 'app' has no 'missing'. It has" in ended.out
    as_json = run("audit", "--json").json
    assert [each["handler"] for each in as_json["errors"]] == ["app:missing"]


@pytest.mark.usefixtures("project")
def test_code_beside_the_event_is_named_from_the_current_folder(run: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "app.py").rename(tmp_path / "events" / "app.py")
    ended = run("audit", "app:starts", "events/order.json", "--sarif", "audit.sarif")
    assert "(events/app.py:14)" in ended.out
    run("audit", "app:posts", "events/order.json", "--sarif", "posts.sarif")
    for name in ("audit.sarif", "posts.sarif"):
        found = json.loads((tmp_path / name).read_text())["runs"][0]["results"]
        places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in found]
        assert set(places) == {"events/app.py"}


def test_what_is_written_for_others_has_all_that_is_listed(
    run: Callable[..., Ended], project: Callable[[str], None], tmp_path: Path
) -> None:
    project('[tool.twicesafe.audit]\nhtml = "report.html"\n' + ENTRY + ENTRY.replace("app:posts", "app:missing"))
    ended = run("audit", "--sarif", "events/audit.sarif")
    assert ended.status == 3
    (found,) = json.loads((tmp_path / "events" / "audit.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in found["results"]] == ["twice"]
    place = found["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": 10}}
    assert "has no 'missing'" in str(found["invocations"])
    page = (tmp_path / "report.html").read_text()
    assert "https://api.example.com/orders" in page
    assert "has no 'missing'" in page


HANDLERS = "pyproject.toml: tool.twicesafe.audit.handlers"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "No pyproject.toml in"),
        ("[tool.other]", "No pyproject.toml in"),
        ("[tool", "pyproject.toml cannot be read"),
        ("tool = 1", "pyproject.toml: tool is no table."),
        ("[tool]\ntwicesafe = []", "pyproject.toml: tool.twicesafe is no table."),
        ("[tool.twicesafe.audit]", f"{HANDLERS} is no list of tables."),
        ("[tool.twicesafe.audit]\nhandlers = []", f"{HANDLERS} is no list of tables."),
        ("[tool.twicesafe.audit.handlers]", f"{HANDLERS} is no list of tables."),
        ("[[tool.twicesafe.audit.handlers]]", f"{HANDLERS}[0].handler is missing."),
        (ENTRY.replace('"app:posts"', "1"), f"{HANDLERS}[0].handler is no text."),
        (
            ENTRY.replace("app:posts", "app.posts"),
            f"{HANDLERS}[0].handler: 'app.posts' is not MODULE:HANDLER. Did you mean app:posts?",
        ),
        (ENTRY.replace("order.json", "none.json"), f"{HANDLERS}[0].event: "),
        (ENTRY + ENTRY + 'wrold = "a"', f"{HANDLERS}[1].wrold is nothing of an audit. Options are world, template"),
        (ENTRY + "json = true", f"{HANDLERS}[0].json is an option of the command line only."),
        (ENTRY + 'baseline = "a"', f"{HANDLERS}[0].baseline is not of one handler: write it into"),
        (ENTRY + 'world = "none.json"', f"{HANDLERS}[0].world: "),
        (ENTRY + 'thorough = "yes"', f"{HANDLERS}[0].thorough must be true or false."),
        (ENTRY + "world = true", f"{HANDLERS}[0].world must be a text or a number."),
        (ENTRY + "accept = [[]]", f"{HANDLERS}[0].accept must be a text or a number, or a list of them."),
        (ENTRY + 'accept = ["what"]', f"{HANDLERS}[0].accept: "),
        (ENTRY + 'when = "often"', f"{HANDLERS}[0].when: "),
        ("[tool.twicesafe.audit]\ntimeout = 0\n" + ENTRY, "pyproject.toml: tool.twicesafe.audit.timeout: "),
        ("[tool.twicesafe.audit]\nfail-on = 'x'\n" + ENTRY + "fail-on = 'y'", f"{HANDLERS}[0].fail-on: "),
        ("[tool.twicesafe.audit]\nbaseline = 'none.json'\n" + ENTRY, "none.json cannot be read"),
    ],
)
def test_a_wrong_table_is_refused_with_its_file_and_key(
    text: str, says: str, run: Callable[..., Ended], project: Callable[[str], None]
) -> None:
    project(text)
    ended = run("audit")
    assert (ended.status, ended.out) == (3, "")
    assert says in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["app:pure"], "An event is missing"),
        (["app:pure", "events/order.json", "--write-baseline"], "--write-baseline needs --baseline FILE"),
        (["app:pure", "events/order.json", "--write-baseline", "--schedule", "run 1"], "leave --schedule away"),
        (["app:pure", "events/order.json", "--when", "crash,often"], "'often' is none of every, warm"),
        (["app:pure", "events/order.json", "--accept", "often"], "is not KIND:EFFECT"),
        (["app:pure", "events/order.json", "--fail-on", "safe"], "'safe' is not one of"),
        (["app:pure", "events/order.json", "--path", "nowhere"], "nowhere"),
        (["app:pure", "events/order.json", "--function", "F"], "name its file with --template"),
        (["app:pure", "events/order.json", "--sarif", "no/a.sarif"], "there is no folder 'no'"),
        (["app:pure", "events/order.json", "--html", "events"], "is a directory"),
        (["app:pure", "events/order.json", "--baseline", "app.py"], "app.py is no baseline"),
        (["app:pure", "events/order.json", "--baseline", "no/b.json", "--write-baseline"], "there is no folder 'no'"),
    ],
)
@pytest.mark.usefixtures("project")
def test_wrong_options_are_said_in_a_line(words: list[str], says: str, run: Callable[..., Ended]) -> None:
    ended = run("audit", *words)
    assert (ended.status, ended.out) == (3, "")
    assert says in ended.err


def test_without_the_packages_that_it_needs_it_says_how_to_get_them(
    run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("yaml", "moto") else name)
    ended = run("audit")
    assert (ended.status, ended.out) == (3, "")
    assert "The audit needs moto, PyYAML: pip install 'twicesafe[audit]'" in ended.err


def test_the_schema_of_what_programs_get_is_printed(run: Callable[..., Ended]) -> None:
    ended = run("audit", "--json-schema")
    assert (ended.status, ended.json) == (0, schema())


def test_each_way_of_showing_has_a_word_that_help_names(run: Callable[..., Ended]) -> None:
    described: Any = schema()["$defs"]["when"]["enum"]
    assert sorted(WHENS.values()) == sorted(described)
    said = "".join(run("audit", "--help").out.split())
    assert ",".join(WHENS) in said
