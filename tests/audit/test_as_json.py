"""The audit for programs is what its schema says, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.audit.samples import audit, finding
from tests.audit.table import job
from twicesafe.audit.audit import audit as run
from twicesafe.audit.report.as_json import SCHEMA, as_json, of_all, schema


def closed(part: Any) -> Any:
    """The schema with each field that it does not describe forbidden."""
    if isinstance(part, dict):
        own = {"additionalProperties": False} if "properties" in part else {}
        return {name: closed(value) for name, value in part.items()} | own
    return [closed(each) for each in part] if isinstance(part, list) else part


def check(value: Any) -> None:
    described = closed(schema())
    described.pop("anyOf")
    described["$ref"] = "#/$defs/audits" if "audits" in value else "#/$defs/audit"
    Draft202012Validator(described).validate(json.loads(json.dumps(value)))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert str(SCHEMA) in schema()["$id"]


@pytest.mark.parametrize("name", ["saga_order", "put_updated_at", "raw_socket", "named_execution", "s3_move"])
def test_what_an_audit_gives_is_what_the_schema_says(name: str) -> None:
    check(as_json(run(job(name))))


def test_several_audits_are_what_the_schema_says() -> None:
    check(of_all([audit(), audit(finding(line=None))], [("app:handler", "event.json", "There is no module 'app'.")]))


@pytest.mark.parametrize("change", [{"verdict": "fine"}, {"schema": 2}, {"more": 1}, {"findings": [{}]}])
def test_the_schema_refuses_what_it_does_not_describe(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check({**as_json(audit(finding())), **change})
