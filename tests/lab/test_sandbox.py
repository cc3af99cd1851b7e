"""One delivery in a process of its own: every way in which it can end."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import FUNCTIONS, Lab
from tests.lab.waiting import is_alive, until, until_gone
from twicesafe.lab import sandbox as sandbox_module
from twicesafe.lab.loading import NotLoadable, Target
from twicesafe.lab.rounds import Round, call
from twicesafe.lab.sandbox import Function


def test_an_event_goes_in_and_a_reply_comes_out(lab: Lab) -> None:
    event = {"text": "é \ud800 \x00", "number": 1.5, "nothing": None}
    delivered = lab.one("echo", event)
    assert (delivered.ending, delivered.reply) == ("returned", event)
    assert delivered.duration > 0


def test_a_handler_may_be_in_a_package_or_a_method(lab: Lab) -> None:
    assert lab.one("shop.orders:handler").reply == "a package"
    assert lab.one("shop.orders:orders.handle").reply == "a package Orders"


def test_an_async_handler_is_awaited_and_said_to_be_one(lab: Lab) -> None:
    for handler in ("later", "protected_later"):
        delivered = lab.one(handler, {})
        assert (delivered.reply, delivered.is_async) == ({"async": True}, True)


def test_an_exception_is_what_the_platform_gets(lab: Lab) -> None:
    delivered = lab.one("raises")
    assert delivered.ending == "raised"
    assert (delivered.reply["errorType"], delivered.reply["errorMessage"]) == ("ValueError", "no money\nat all")
    assert delivered.reply["requestId"] == delivered.call.request_id
    assert "handlers.py" in delivered.reply["stackTrace"][0]


def test_a_reply_that_cannot_be_sent_is_an_error(lab: Lab) -> None:
    assert lab.one("unsendable").reply["errorType"] == "Runtime.MarshalError"


def test_a_handler_that_takes_no_event_is_an_error_as_on_lambda(lab: Lab) -> None:
    assert lab.one("without_parameters").reply["errorType"] == "TypeError"


@pytest.mark.parametrize(
    ("handler", "event", "how"),
    [
        ("exits", 3, "exit status 3"),
        ("exits", None, "exit status 0"),
        ("exits", "in words", "exit status 1"),
        ("ends", 7, "exit status 7"),
        ("interrupted", None, "exit status 1"),
    ],
)
def test_a_process_that_ends_without_a_reply_has_exited(lab: Lab, handler: str, event: Any, how: str) -> None:
    delivered = lab.one(handler, event)
    assert delivered.ending == "exited"
    assert delivered.reply["errorType"] == "Runtime.ExitError"
    assert delivered.reply["errorMessage"].endswith(f"Error: Runtime exited with error: {how}")


def test_the_last_words_of_an_exit_are_in_the_log(lab: Lab) -> None:
    assert lab.one("exits", "in words").log == "in words\n"
    assert "KeyboardInterrupt" in lab.one("interrupted").log


def test_megabytes_go_through(lab: Lab) -> None:
    delivered = lab.one("talkative", {"lines": 3000})
    assert (len(delivered.log), len(delivered.reply)) == (3000 * 1024, 3000 * 1024)


def test_there_is_nothing_to_read_from_standard_input(lab: Lab) -> None:
    assert lab.one("reads_input").reply == ""


def test_a_delivery_is_killed_when_it_was_asked_for(lab: Lab) -> None:
    delivered = lab.one("waits", kill_after=0.3)
    assert (delivered.ending, delivered.reply) == ("killed", None)


def test_a_killed_delivery_ran_no_cleanup_at_all(lab: Lab) -> None:
    delivered = lab.killed("waits", when=lambda: lab.pids)
    assert (delivered.ending, delivered.log) == ("killed", "before\n")
    assert [mark.split()[0] for mark in lab.marks] == ["began"]
    until_gone(lab.pids)


def test_a_delivery_that_was_not_killed_did_run_its_cleanup(lab: Lab) -> None:
    assert lab.one("waits", 0.01).ending == "returned"
    assert [mark.split()[0] for mark in lab.marks] == ["began", "finally"]


def test_a_delivery_at_its_time_limit_is_killed(lab: Lab) -> None:
    delivered = lab.one("waits", timeout=0.3)
    assert (delivered.ending, delivered.reply["errorType"]) == ("timed out", "Sandbox.Timedout")
    assert delivered.reply["errorMessage"].endswith("Error: Task timed out after 0.30 seconds")
    assert "finally" not in lab.marks


def test_what_a_killed_delivery_started_is_killed_too(lab: Lab) -> None:
    lab.killed("starts_another", when=lambda: len(lab.pids) == 2)
    until_gone(lab.pids)


def test_what_a_delivery_left_running_is_killed_at_its_end(lab: Lab) -> None:
    until_gone([lab.one("leaves_another").reply])


def test_decisions_come_along(lab: Lab) -> None:
    delivered = lab.one("protected_failing", {})
    (decision,) = delivered.decisions
    assert (decision["verdict"], decision["source"], decision["attempt"]) == ("released", "direct", 1)
    assert decision["error"] == "ValueError: not yet"
    assert decision["key"].startswith("handlers#handlers.protected_failing#direct#")


def refusal(folder: Path, code: str) -> str:
    (folder / "refused.py").write_text(textwrap.dedent(code))
    with (
        pytest.raises(NotLoadable) as caught,
        Round(Function(Target("refused", "handler", (str(folder),)), 3.0), [call("{}")]),
    ):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import not_installed", "could not be imported: ModuleNotFoundError: No module named 'not_installed'"),
        ("handler = 5", "is no function, but of type int"),
        ("import os; print('bye'); os._exit(4)", "ended its process. Its last words: bye"),
        ("import os; os._exit(4)", "ended its process. It said nothing."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended its process. It said nothing."),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_refused_before_any_delivery(tmp_path: Path, code: str, said: str) -> None:
    assert said in refusal(tmp_path, code)


def test_an_import_that_does_not_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module, "INIT_LIMIT", 0.5)
    assert "was not over after 0 s" in refusal(tmp_path, "import time; time.sleep(60)")


ORPHAN = """\
import sys
from twicesafe.lab.loading import Target
from twicesafe.lab.rounds import Round, call
from twicesafe.lab.sandbox import Function
with Round(Function(Target(sys.argv[1], sys.argv[2], (sys.argv[3],)), 60.0), [call("{}")]) as processes:
    processes.run()
"""


@pytest.mark.parametrize("handler", ["handlers:starts_another", "slow_import:handler"])
def test_a_delivery_whose_parent_is_killed_dies_with_all_that_it_started(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    """Whether its handler runs, or is still being imported."""
    monkeypatch.setenv("MARKS", str(lab.marks_file))
    (tmp_path / "slow_import.py").write_text(
        "import handlers, os, time\nhandlers.mark(f'began {os.getpid()}')\ntime.sleep(60)"
    )
    module, _, name = handler.partition(":")
    (tmp_path / "handlers.py").symlink_to(FUNCTIONS / "handlers.py")
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, module, name, str(tmp_path)])
    try:
        until(lambda: len(lab.pids) == (2 if name == "starts_another" else 1), "the delivery began")
        assert all(map(is_alive, lab.pids))
    finally:
        parent.kill()
        parent.wait()
    until_gone(lab.pids)


def test_deliveries_at_the_same_moment_truly_overlap(lab: Lab) -> None:
    ended = lab.deliver("meets", 3, times=3)
    assert [each.ending for each in ended] == ["returned"] * 3
    assert len(set(lab.pids)) == 3


def test_the_end_of_each_is_told_with_its_place(lab: Lab) -> None:
    places: list[tuple[int, str]] = []
    with Round(lab.function("waits"), [call(json.dumps(seconds)) for seconds in (60, 0.01)]) as processes:

        def over(place: int, delivered: Any) -> None:
            places.append((place, delivered.ending))
            processes.kill()

        ended = processes.run(when_over=over)
    assert places == [(1, "returned"), (0, "killed")]
    assert [each.ending for each in ended] == ["killed", "returned"]


def test_a_round_that_is_left_by_an_error_leaves_no_process(lab: Lab) -> None:
    def interrupt(place: int, delivered: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Round(lab.function("starts_another"), [call("1"), call("2")]) as processes:
        killer = threading.Timer(
            0.01, lambda: (until(lambda: len(lab.pids) == 4, "both began"), processes._sandboxes[0].kill())
        )
        killer.start()
        try:
            processes.run(when_over=interrupt)
        finally:
            killer.join()
    until_gone(lab.pids)


def test_a_round_that_is_killed_before_it_began_is_killed(lab: Lab) -> None:
    processes = Round(lab.function("waits"), [call("1")])
    processes.kill()
    with pytest.raises(NotLoadable), processes:
        pass
