"""The cases: handlers with a known verdict. `make audit-cases` prints what the audit says of each.

Each is NAME.py (its function is `handler`) and NAME.event.json, with NAME.world.json where it needs one.
Their layer is layer/python.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

from twicesafe.audit.audit import Auditor
from twicesafe.audit.results import Audit
from twicesafe.audit.settings import Declared, Job
from twicesafe.audit.world.declared import parsed
from twicesafe.lab.loading import Target

CASES = Path(__file__).parent / "cases"
LAYER = CASES / "layer" / "python"
HANDLERS = Path(__file__).parent / "handlers"
"""Others, that tests look at one by one."""


class Case(NamedTuple):
    """What the audit must say of a handler."""

    name: str
    verdict: str
    kind: str | None = None  # of the first finding
    when: str | None = None  # in which it shows first
    says: str = ""  # stands in the report: the effect, the reason, the horizon, what is unknown or assumed
    line: int | None = None  # of the finding
    basis: str = "observed"
    findings: int | None = None


EVERY = "every redelivery"
TABLE = (
    Case("read_item", "safe", says="reads only"),
    Case("pure_compute", "safe", says="reads only"),
    Case("put_same_data", "safe", says="same data"),
    Case("put_updated_at", "unsafe", "state", EVERY, "updated_at 2026-12-30T23:59:00 → 2026-12-31T00:01:00", 10),
    Case("put_new_uuid", "unsafe", "state", EVERY, "dynamodb orders has one more", 9),
    Case("counter_add", "unsafe", "state", EVERY, "hits 1 → 2", 7),
    Case("version_number", "unsafe", "state", EVERY, "version 1 → 2", 9),
    Case("s3_derived_key", "safe", says="same data"),
    Case("s3_timed_key", "unsafe", "state", EVERY, "s3 reports has one more", 8),
    Case("send_queue", "unsafe", "twice", EVERY, "sqs SendMessage fulfilment", 7),
    Case("send_fifo_dedup", "safe", says="SQS FIFO by MessageDeduplicationId, which it keeps for 5 minutes"),
    Case("stripe_same_key", "safe", says="api.stripe.com by idempotency-key, which it keeps for 1 day"),
    Case("stripe_random_key", "unsafe", "twice", EVERY, "its idempotency-key is another each time", 13),
    Case("stripe_no_key", "unsafe", "twice", EVERY, "http POST https://api.stripe.com/v1/charges", 12),
    Case("post_unknown_key", "unknown", says="nothing says that billing.example.com honours idempotency-key"),
    Case("post_unknown", "unsafe", "twice", EVERY, "POST and PATCH are not idempotent", 12, basis="assumed"),
    Case("http_put", "safe", says="PUT and DELETE are idempotent (RFC 9110, 9.2.2)"),
    Case("check_then_act", "unsafe", "twice", "crash", "also: overlap", 11),
    Case("marker_first", "unsafe", "lost", "crash", "sns Publish orders", 16),
    Case("create_once", "safe", says="same data"),
    Case("create_once_409", "unsafe", "reply", EVERY, "statusCode: 201 → 409"),
    Case("create_once_409_async", "safe", says="same data"),
    Case("other_id_in_reply", "unsafe", "reply", EVERY, "which is nowhere"),
    Case("warm_global", "unsafe", "state", "warm", "count 1 → 2", 10),
    Case("raw_socket", "unknown", says="ledger.internal:5432 (PostgreSQL)"),
    Case("subprocess_curl", "unknown", says="not observed: another process: true"),
    Case("two_puts", "safe", says="same data"),
    Case("read_modify_write", "unsafe", "state", EVERY, "balance 5800 → 1600", 10),
    Case("transact_token", "safe", says="DynamoDB by ClientRequestToken, which it keeps for 10 minutes"),
    Case("transact_auto_token", "unsafe", "state", EVERY, "spent 4200 → 8400", 8),
    Case("metric_only", "safe", says="metrics, logs and the like are not effects"),
    Case("delete_and_mail", "unsafe", "twice", EVERY, "ses SendEmail", 10, findings=1),
    Case("keyed_on_request_id", "unsafe", "twice", EVERY, "its MessageDeduplicationId is another each time", 7),
    Case("no_declared_world", "unsafe", "state", EVERY, "the table 'table-name' (key pk) was supplied", 9),
    Case("always_fails", "unknown", says="the handler raises on a clean delivery (always_fails.py:2): KeyError"),
    Case("stores_whole_answer", "unsafe", "state", EVERY, "head.ResponseMetadata.RequestId", 10),
    Case("swallows_errors", "unknown", says="the clean delivery is answered 500"),
    Case("delete_then_404", "safe", says="same data"),
    Case("poison_duplicate", "unsafe", "reply", EVERY, "twice    http POST https://pay.example.com/process", 9),
    Case("tmp_marker", "unsafe", "twice", EVERY, "sns Publish orders", 12),
    Case("two_crashes", "unsafe", "twice", "two crashes", "sns Publish orders", 15),
    Case("two_records", "unsafe", "state", EVERY, "hits 1 → 2", 11, findings=1),
    # What other people's code does besides: clients, threads, ids, packages, Powertools.
    Case("requests_post", "unsafe", "twice", EVERY, "https://hooks.example.com/orders", 6, basis="assumed"),
    Case("httpx_post", "unsafe", "twice", EVERY, "https://mail.example.com/send", 6, basis="assumed"),
    Case("httpx_async_put", "safe", says="same data"),
    Case("aiohttp_stripe", "safe", says="api.stripe.com by idempotency-key"),
    Case("stripe_library", "unsafe", "twice", EVERY, "its idempotency-key is another each time", 8),
    Case("stripe_library_key", "safe", says="api.stripe.com by idempotency-key"),
    Case("create_once_receipt", "safe", says="same data"),
    Case("two_receipts", "safe", says="same data"),
    Case("batch_partial", "safe", says="same data"),
    Case("threads", "safe", says="same data"),
    Case("threads_counter", "unsafe", "state", EVERY, "hits 1 → 2", 8),
    Case("upload", "safe", says="same data"),
    Case("application", "unsafe", "twice", EVERY, "the queue 'mails' was supplied", 9),
    Case("ulid_key", "unsafe", "state", EVERY, "dynamodb orders has one more", 14),
    Case("nanoid_key", "unsafe", "state", EVERY, "dynamodb orders has one more", 10),
    Case("random_key", "unsafe", "state", EVERY, "dynamodb orders has one more", 8),
    Case("put_events", "unsafe", "twice", EVERY, "events PutEvents OrderPaid", 8),
    Case("invoke_async", "unsafe", "twice", EVERY, "lambda Invoke send-receipt", 7),
    Case("named_execution", "safe", says="Step Functions by name, which it keeps for 90 days"),
    Case("counter_with_marker", "safe", says="same data"),
    Case("partiql_insert", "unsafe", "reply", EVERY, "each later delivery fails", 8),
    Case("batch_writer", "safe", says="same data"),
    Case("powertools_publish", "unsafe", "twice", "crash", "sns Publish orders", 12, findings=1),
    Case("powertools_fifo", "safe", says="protected"),
    Case("shop.orders", "unsafe", "twice", EVERY, "the variable ORDERS_QUEUE_URL", 5),
    # What redeliveries come upon in code of some size: layers, locks, sagas, time in keys, versions.
    Case("aiohttp_post", "unsafe", "twice", EVERY, "POST https://hooks.example.com/orders", 15, basis="assumed"),
    Case("class_seen", "unsafe", "twice", EVERY, "sns Publish orders", 18),
    Case("class_service", "safe", says="same data"),
    Case("configured_read", "safe", says="reads only"),
    Case("day_bucket", "unsafe", "state", EVERY, "s3 lake has one more: orders/2026/12/31/o-17.json", 12),
    Case("day_in_dedup", "unsafe", "twice", EVERY, "another each time: c-1-20261230, c-1-20261231", 11),
    Case("inventory.handlers.release", "safe", says="same data"),
    Case("inventory.handlers.reserve", "unsafe", "state", EVERY, "inventory/store.py:13", 13),
    Case("list_append", "unsafe", "state", EVERY, 'history ["o-17"] → ["o-17", "o-17"]', 10),
    Case("optimistic_lock", "unsafe", "state", EVERY, "left 4 → 3, revision 2 → 3", 13),
    Case("own_short_id", "unsafe", "state", EVERY, "dynamodb tickets has one more", 19),
    Case("partiql_parameters", "unknown", says="not observed: the simulator"),
    Case("powertools_batch_mail", "unsafe", "twice", EVERY, "ses SendEmail", 12),
    Case("pynamodb_save", "safe", says="same data"),
    Case("pynamodb_version", "unsafe", "reply", EVERY, "ConditionalCheckFailedException", 19),
    Case("requests_retry_key", "safe", says="api.stripe.com by idempotency-key, which it keeps for 1 day"),
    Case("resent_condition", "safe", says="same data"),
    Case("deletes_own_message", "safe", says="same data"),
    Case("s3_thumbnail", "safe", says="same data"),
    Case("s3_move", "unsafe", "reply", EVERY, "each later delivery fails", 11),
    Case("saga_order", "unsafe", "twice", "crash", "also: overlap, lost answer", 19, basis="assumed"),
    Case("start_execution_unnamed", "unsafe", "twice", EVERY, "stepfunctions StartExecution", 10),
    Case("stream_projection", "safe", says="same data"),
    Case("threads_mail", "unsafe", "twice", EVERY, "sesv2 SendEmail", 10),
    Case("transaction_marker", "safe", says="same data"),
    Case("ttl_from_event", "safe", says="same data"),
    Case("ttl_now", "unsafe", "state", EVERY, "expires_at 1799279940 → 1799280060", 11),
)


def job(name: str, **choices: Any) -> Job:
    """The audit of a case, or of a handler of the other folder, with an event that says nothing."""
    module, _, handler = name.partition(":")
    stem = module.rpartition(".")[2]
    path = CASES / f"{stem}.event.json"
    event = json.loads(path.read_text()) if path.exists() else {"order_id": "o-17"}
    world = CASES / f"{stem}.world.json"
    choices.setdefault("declared", parsed(json.loads(world.read_text()), world.name) if world.exists() else Declared())
    target = Target(module, handler or "handler", (str(CASES if path.exists() else HANDLERS), str(LAYER)))
    return Job(target, event, path.name, **choices)


def faults(case: Case, found: Any, report: str) -> list[str]:
    """What the audit should have said and did not."""
    wrong = [] if found.verdict == case.verdict else [f"it is {case.verdict}, and was called {found.verdict}"]
    if case.says not in report:
        wrong.append(f"the report does not say {case.says!r}")
    first = found.findings[0] if found.findings else None
    if case.kind is not None and first is not None:
        if (first.kind, first.when, first.basis) != (case.kind, case.when, case.basis):
            wrong.append(f"it shows {case.kind}, {case.when}; found was {first.kind}, {first.when}, {first.basis}")
        if case.line is not None and (first.line is None or first.line.number != case.line):
            wrong.append(f"it is in line {case.line}, and not in {first.line}")
    if case.findings is not None and len(found.findings) != case.findings:
        wrong.append(f"it has {case.findings} findings, and not {len(found.findings)}")
    return wrong


def audits(cases: Iterable[Case]) -> Iterator[Audit]:
    """The audits of cases, in their order: as many at once as there are cores, each with a core."""
    auditors: Queue[Auditor] = Queue()
    cores = os.cpu_count() or 1

    def made(case: Case) -> Audit:
        auditor = auditors.get()
        try:
            return auditor.audit(job(case.name)._replace(jobs=1))
        finally:
            auditors.put(auditor)

    with ExitStack() as stack, ThreadPoolExecutor(cores) as pool:
        for _ in range(cores):
            auditors.put(stack.enter_context(Auditor()))
        yield from pool.map(made, cases)


def main() -> int:
    """Print the table; the exit status says whether all is right."""
    from twicesafe.audit.report.text import because, lines

    chosen = [case for case in TABLE if not sys.argv[1:] or case.name in sys.argv[1:]]
    bad, schedules, began = 0, 0, time.monotonic()
    for case, found in zip(chosen, audits(chosen), strict=True):
        wrong = faults(case, found, "\n".join(lines(found)))
        bad += bool(wrong)
        schedules += len(found.schedules)
        first = found.findings[0] if found.findings else None
        said = (
            f"{first.kind}, {first.when}: {first.effect}"
            if first
            else found.unknowns[0]
            if found.unknowns
            else because(found)
        )
        mark = "BAD" if wrong else "ok "
        print(f"{mark} {case.name:24} {found.verdict:7} {found.seconds['all']:5.1f} s  {said[:80]}")
        for each in wrong:
            print(f"      {each}")
    print(f"\n{len(chosen) - bad} of {len(chosen)} right, {schedules} schedules, {time.monotonic() - began:.0f} s")
    return bad


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
