"""How things look: on a terminal, on a narrow one, and where there is none."""

from __future__ import annotations

import io
import time
from contextlib import redirect_stdout

import pytest
from rich.text import Text

from twicesafe.cli import show

KEY = "checkout#app.handler#sqs#5d0fa8a6#" + "0123456789abcdef" * 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch):
    """Call it on a terminal of 50 columns without colours, and see what it was sent."""
    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "50"}.items():
        monkeypatch.setenv(name, value)

    def shown(function, *arguments, **options) -> str:
        with redirect_stdout(Terminal()) as terminal:
            function(*arguments, **options)
        return terminal.getvalue()

    return shown


def a_table(key: str = KEY):
    table = show.new_table("state", "key", folded="key")
    table.add_row("completed", key)
    return table


def test_where_there_is_no_terminal_a_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show.put(a_table(), Text("a sentence " * 30))
    head, row, sentence = capsys.readouterr().out.splitlines()
    assert (head, row) == ("state      key", f"completed  {KEY}")
    assert sentence == ("a sentence " * 30).rstrip()


def test_a_program_that_asks_for_a_width_gets_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    show.put(a_table())
    assert max(map(len, capsys.readouterr().out.splitlines())) == 30


def test_on_a_terminal_nothing_is_wider_than_it_is(on_terminal) -> None:
    shown = on_terminal(show.put, a_table(), Text("a sentence " * 30))
    assert 40 < max(map(len, shown.splitlines())) <= 50


def test_what_is_to_be_copied_is_not_cut_into_pieces(on_terminal) -> None:
    assert f"completed  {KEY}\n" in on_terminal(show.put, a_table(), wide=True)


def grow(rows: int) -> None:
    table = show.new_table("#", "result", folded="result")
    with show.growing(table) as say:
        say("Running delivery 1")
        for number in range(rows):
            table.add_row(str(number), "ran")


def test_a_table_that_grows_ends_complete_and_without_what_went_on(on_terminal) -> None:
    last = on_terminal(grow, 3).rpartition("result")[2]
    assert [line.strip() for line in last.splitlines() if "ran" in line] == ["0  ran", "1  ran", "2  ran"]
    assert "Running" not in last


def test_an_empty_table_is_not_shown(on_terminal) -> None:
    assert "result" not in on_terminal(grow, 0).rpartition("Running")[2]


def test_a_table_that_an_error_cut_short_is_shown_as_far_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = show.new_table("#", "result", folded="result")
    with pytest.raises(KeyboardInterrupt), show.growing(table) as say:
        say("Running delivery 1")
        table.add_row("1", "ran")
        raise KeyboardInterrupt
    out, err = capsys.readouterr()
    assert (out, err) == ("#  result\n1  ran\n", "Running delivery 1\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Ødegård, 東京\n\tindented", "plain, Ødegård, 東京\n\tindented"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("bell\x07 back\r", r"bell\x07 back\r"),
        ("half \ud800", r"half \ud800"),
        ("turned \u202e round", r"turned \u202e round"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_written_out(text: str, shown: str) -> None:
    assert show.printable(text) == shown


def test_an_error_is_one_line_with_its_keys_cut_short() -> None:
    assert show.one_line(f"'{KEY}' is\n running.") == "'checkout#app.handler#sqs#5d0fa8a6#01234567…' is running."


def test_a_value_is_json_cut_at_its_end() -> None:
    assert show.value_of({"a": ["é", None]}).plain == '{"a": ["é", null]}'
    assert show.value_of("x" * 500).plain == '"' + "x" * 199 + "…"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "5 s ago"), (-119, "119 s ago"), (-121, "2 min ago"), (-7201, "2 h ago"), (-172_900, "2 d ago")],
)
def test_a_time_is_told_from_now(monkeypatch: pytest.MonkeyPatch, seconds: int, shown: str) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000_000_000_000)
    assert show.ago(1_000_000_000_000 + seconds * 1000) == shown
    assert show.ago(1_000_000_000_000 - seconds * 1000) == f"in {shown.removesuffix(' ago')}"


def test_a_time_is_told_in_utc() -> None:
    assert show.date(1_767_225_570_042) == "2025-12-31 23:59:30.042 UTC"


def test_a_time_that_no_calendar_has_is_a_number() -> None:
    assert show.date(10**20) == f"{10**20} ms since 1970"


def test_an_empty_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show.put(Text("a"), Text(""), Text("b"), wide=True)
    show.put(Text(""), wide=True)
    assert capsys.readouterr().out == "a\n\nb\n\n"
