"""What a delivery came to, in a word."""

from __future__ import annotations

import pytest

from twicesafe.lab.results import attempt_of, decisions_of, result_of, went_wrong
from twicesafe.lab.sandbox import Call, Delivered


def delivered(ending: str, *verdicts: str, source: str = "sqs", attempt: int | None = 1) -> Delivered:
    decisions = tuple({"verdict": verdict, "source": source, "attempt": attempt} for verdict in verdicts)
    return Delivered(Call("{}", "r-1"), ending, None, decisions, 1.0, False, "")  # type: ignore[arg-type]


RESULTS = [
    # ending, verdicts, the word, whether it went wrong
    ("returned", ("ran",), "ran", False),
    ("returned", ("ran", "ran"), "ran", False),
    ("returned", ("ran", "replayed"), "1 ran, 1 replayed", False),
    ("returned", ("replayed",), "replayed", False),
    ("raised", ("replayed",), "replayed", False),  # an error named as final, again
    ("raised", ("conflict",), "conflict", False),
    ("raised", ("ran", "conflict"), "1 ran, 1 conflict", False),
    ("returned", ("conflict",), "conflict", False),  # HTTP 409
    ("raised", ("failed",), "error", True),
    ("raised", ("released",), "error", True),
    ("raised", ("ran", "released"), "1 ran, 1 error", True),
    ("raised", ("conflict", "released"), "1 conflict, 1 error", True),
    ("returned", ("released",), "error", True),  # HTTP 500
    ("returned", ("ran", "released"), "1 ran, 1 error", True),  # a partial batch response
    ("raised", ("mismatch",), "error", True),
    ("raised", ("unknown",), "error", True),
    ("raised", ("lost",), "error", True),
    ("raised", ("error",), "error", True),
    ("raised", ("ran",), "error", True),  # it ran, and its reply could not be kept
    ("returned", ("unprotected",), "unprotected", False),
    ("raised", ("unprotected",), "error", True),
    ("returned", (), "unprotected", False),
    ("raised", (), "error", True),
    ("killed", (), "killed", False),
    ("killed", ("ran",), "killed", False),  # one record of several was done
    ("timed out", (), "timed out", True),
    ("exited", ("ran",), "exited", True),
]


@pytest.mark.parametrize(("ending", "verdicts", "result", "is_wrong"), RESULTS)
def test_a_delivery_comes_to_one_word(ending: str, verdicts: tuple[str, ...], result: str, is_wrong: bool) -> None:
    found = delivered(ending, *verdicts)
    assert (result_of(found), went_wrong(found)) == (result, is_wrong)


def test_what_the_handler_called_counts_only_where_the_event_was_not_decided_about() -> None:
    inner = delivered("returned", "replayed", source="function").decisions
    outer = delivered("returned", "ran").decisions
    both = delivered("returned")._replace(decisions=inner + outer)
    assert (result_of(both), decisions_of(both)) == ("ran", list(outer))
    assert result_of(delivered("returned")._replace(decisions=inner)) == "replayed"


def test_the_attempt_is_that_of_all_records_or_none() -> None:
    assert attempt_of(delivered("returned", "ran", "ran", attempt=2)) == 2
    mixed = delivered("returned", "ran").decisions + delivered("returned", "ran", attempt=2).decisions
    assert attempt_of(delivered("returned")._replace(decisions=mixed)) is None
    assert attempt_of(delivered("killed")) is None
