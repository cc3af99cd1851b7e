"""Handlers of the cases, protected as the audit's own fix says: then they are safe, or keep a plain step's window."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.audit.table import job
from twicesafe.audit.audit import Auditor
from twicesafe.audit.results import Audit

PROTECTED = Path(__file__).parent / "protected"
CODE = re.compile(r'@idempotent(?:\(key="[^"]+"\))?|step(?:\.\w+)?\("\w+", [\w.=\[\]{}"()]+|idempotency_key')
"""The code in a fix, as far as it is not left open."""
DIRECT = "dynamodb://twicesafe?attribute.expiration=ttl"
BOTOCORE = "dynamodb://twicesafe?connection=botocore"
SQLITE = ""
WINDOW = {"crash", "lost answer", "two crashes"}
"""Where a plain step may repeat its effect: it was had, and not yet recorded."""


class Fixed(NamedTuple):
    """A handler as its fix says, and what is left to find."""

    name: str
    store: str = SQLITE
    window: str | None = None  # the effect that the step may repeat, or may no longer know
    kind: str = "twice"


TABLE = (
    Fixed("put_updated_at"),
    Fixed("put_new_uuid"),
    Fixed("s3_timed_key"),
    Fixed("read_modify_write"),
    Fixed("counter_add", DIRECT),
    Fixed("create_once_409", BOTOCORE),
    Fixed("stripe_no_key"),
    Fixed("keyed_on_request_id", window="the reply", kind="reply"),  # its queue has forgotten the key by then
    Fixed("start_execution_unnamed"),
    Fixed("send_queue", window="sqs SendMessage fulfilment"),
    Fixed("put_events", window="events PutEvents OrderPaid"),
    Fixed("check_then_act", window="sns Publish orders"),
    Fixed("marker_first", window="sns Publish orders"),
    Fixed("delete_and_mail", window="ses SendEmail"),
    Fixed("requests_post", window="http POST https://hooks.example.com/orders"),
    Fixed("poison_duplicate", DIRECT, window="http POST https://pay.example.com/process"),
)
PLAYED = TABLE if os.environ.get("TWICESAFE_AUDIT_CASES") == "all" else TABLE[1::2]
"""An ordinary run has every second one, which are of each store."""


@pytest.mark.parametrize("fixed", PLAYED, ids=[each.name for each in PLAYED])
def test_a_handler_that_is_protected_as_its_fix_says_keeps_no_more_than_a_plain_steps_window(
    fixed: Fixed, auditor: Auditor
) -> None:
    found = audited(fixed, auditor)
    assert found.unknowns == ()
    if fixed.window is None:
        assert (found.verdict, found.reason) == ("safe", "protected")
    else:
        (finding,) = found.findings
        assert (finding.kind, finding.effect) == (fixed.kind, fixed.window)
        assert {finding.when, *finding.also} <= WINDOW
        assert finding.fix.startswith("step(")
        assert "recover=find_it" in finding.fix


@pytest.mark.parametrize("name", [fixed.name for fixed in PLAYED])
def test_it_is_protected_as_the_fix_says(name: str, auditor: Auditor) -> None:
    fixes = " ".join(finding.fix.rpartition("; or ")[2] for finding in auditor.audit(job(name)).findings)
    code = CODE.findall(fixes)
    source = (PROTECTED / f"{name}.py").read_text()
    assert code
    assert [part for part in code if part not in source] == []


def audited(fixed: Fixed, auditor: Auditor) -> Audit:
    asked = job(fixed.name)
    target = asked.target._replace(folders=(str(PROTECTED), *asked.target.folders))
    env = {"TWICESAFE_STORE": fixed.store} if fixed.store else {}
    return auditor.audit(
        asked._replace(target=target, declared=asked.declared._replace(env={**asked.declared.env, **env}))
    )
