"""What is a finding and what is not, on runs that are written down here: no process is needed."""

from __future__ import annotations

from typing import Any

import pytest

from twicesafe.audit.compare import Mask, masked_records, sent
from twicesafe.audit.judge import Facts, Judge, keys_in, merged
from twicesafe.audit.results import Delivery, Key, Line, Moment, Operation, Outgoing, Record, Run
from twicesafe.audit.schedules import parse

NOW = 1_798_675_140.0
QUEUE = Facts("sqs", False, None, 86_400)
POST = Facts("http-api", True, "POST", 86_400)


def operation(delivery: int, content: Any = "hello", **fields: Any) -> Operation:
    base: dict[str, Any] = {
        "delivery": delivery,
        "number": 1,
        "service": "sns",
        "name": "Publish",
        "target": "orders",
        "effect": "accumulating",
        "outgoing": (Outgoing(content, fields.pop("key", None)),),
        "token": None,
        "summary": "",
        "outcome": "sent",
        "is_done": True,
        "is_assumed": False,
        "resends": None,
        "line": Line("app.py", 7),
    }
    return Operation(**{**base, **fields})


def run(
    schedule: str,
    *operations: Operation,
    records: tuple[Record, ...] = (),
    replies: tuple[Any, ...] = (None,),
    endings: tuple[str, ...] = (),
) -> Run:
    endings = endings or ("returned",) * len(replies)
    deliveries: Any = [
        Delivery(number, ending, reply, is_normal=ending == "returned")
        for number, (ending, reply) in enumerate(zip(endings, replies, strict=True), 1)
    ]
    moments = tuple(Moment("operation", each.delivery, 0.0, each) for each in operations)
    return Run(schedule, moments, tuple(deliveries), records, (), (), (), (), NOW)


def item(**fields: Any) -> Record:
    return Record("dynamodb orders", f"id={fields.get('id')}", fields)


def kinds(cleans: list[Run], found: Run, facts: Facts = QUEUE) -> list[str]:
    return [finding.kind for finding in Judge(cleans, facts).judge(parse(found.schedule), found).findings]


CLEANS = [
    run("run 1", operation(1), records=(item(id="o", hits=1),)),
    run("run 2", operation(2), records=(item(id="o", hits=1),)),
]


def test_the_same_world_is_no_finding() -> None:
    assert kinds(CLEANS, run("run 1; run 2", operation(1), records=(item(id="o", hits=1),), replies=(None, None))) == []


def test_a_message_more_is_twice_and_one_fewer_is_lost() -> None:
    records = (item(id="o", hits=1),)
    assert kinds(CLEANS, run("run 1; run 2", operation(1), operation(2), records=records)) == ["twice"]
    assert kinds(CLEANS, run("run 1 1; kill 1; run 2", records=records)) == ["lost"]


def test_a_counter_is_never_masked() -> None:
    assert kinds(CLEANS, run("run 1 1; kill 1; run 2", operation(1), records=(item(id="o", hits=2),))) == ["state"]


def test_again_later_each_renewed_time_is_a_difference() -> None:
    cleans = [run("run 1", records=(item(id="o", at=NOW),)), run("run 2", records=(item(id="o", at=NOW + 120),))]
    assert kinds(cleans, run("run 1; run 2", records=(item(id="o", at=NOW + 120),))) == ["state"]


def test_after_a_crash_a_renewed_time_is_none() -> None:
    cleans = [run("run 1", records=(item(id="o", at=NOW),)), run("run 2", records=(item(id="o", at=NOW + 120),))]
    assert kinds(cleans, run("run 1 1; kill 1; run 2", records=(item(id="o", at=NOW + 120),))) == []


def test_after_a_crash_one_record_of_each_delivery_is_right() -> None:
    cleans = [
        run("run 1", records=(item(id="a-111111111"), Record("dynamodb rest", "k=1", {"k": 1, "by": "b-111111111"}))),
        run("run 2", records=(item(id="a-222222222"), Record("dynamodb rest", "k=1", {"k": 1, "by": "b-222222222"}))),
    ]
    mixed = (item(id="a-111111111"), Record("dynamodb rest", "k=1", {"k": 1, "by": "b-222222222"}))
    assert kinds(cleans, run("run 1 1; kill 1; run 2", records=mixed)) == []


def test_an_orphan_is_a_finding_whatever_its_id() -> None:
    cleans = [run("run 1", records=(item(id="a-111111111"),)), run("run 2", records=(item(id="a-222222222"),))]
    found = run("run 1 1; kill 1; run 2", records=(item(id="a-111111111"), item(id="a-222222222")))
    assert kinds(cleans, found) == ["state"]


def test_a_record_that_is_missing_is_lost() -> None:
    assert kinds(CLEANS, run("run 1 1; kill 1; run 2", operation(1))) == ["lost"]


def test_equal_keys_are_one_message_and_other_keys_are_two() -> None:
    def keyed(delivery: int, value: str) -> Operation:
        return operation(delivery, key=Key("MessageDeduplicationId", value, "SQS FIFO", 300), effect="keyed")

    cleans = [run("run 1", keyed(1, "m")), run("run 2", keyed(2, "m"))]
    same = run("run 1; run 2", keyed(1, "m"), keyed(2, "m"))
    assert kinds(cleans, same) == []
    assert [key.horizon for key in keys_in([same])] == [300]
    assert kinds(cleans, run("run 1; run 2", keyed(1, "m"), keyed(2, "n"))) == ["twice"]


def test_an_idempotent_request_may_come_again_but_not_with_other_content() -> None:
    def put(delivery: int, content: str) -> Operation:
        return operation(delivery, content, service="http", name="PUT", target="https://a/1", effect="same")

    cleans = [run("run 1", put(1, "x")), run("run 2", put(2, "x"))]
    assert kinds(cleans, run("run 1; run 2", put(1, "x"), put(2, "x"))) == []
    assert kinds(cleans, run("run 1; run 2", put(1, "x"), put(2, "y"))) == ["changed"]


def test_what_the_sdk_sends_again_by_itself_is_advice() -> None:
    found = run(
        "run 1 1; lose 1; run 1; run 2", operation(1), operation(1, number=2, resends=1), records=CLEANS[0].records
    )
    judged = Judge(CLEANS, QUEUE).judge(parse(found.schedule), found)
    assert (judged.findings, len(judged.advice)) == ((), 1)


@pytest.mark.parametrize(
    ("method", "second", "expected"),
    [
        ("POST", {"statusCode": 409}, ["reply"]),
        ("DELETE", {"statusCode": 404}, []),
        ("POST", {"statusCode": 201}, []),
        ("POST", {"statusCode": 201, "headers": {"Idempotency-Replayed": "true"}}, []),
        ("POST", {"statusCode": 201, "headers": {"Location": "/elsewhere"}}, ["reply"]),
    ],
)
def test_a_repeated_caller_gets_the_same_answer_but_where_http_allows_another(
    method: str, second: Any, expected: list[str]
) -> None:
    cleans = [run(f"run {n}", operation(n), replies=({"statusCode": 201},)) for n in (1, 2)]
    found = run("run 1; run 2", operation(1), replies=({"statusCode": 201}, second))
    assert kinds(cleans, found, POST._replace(method=method)) == expected


def test_an_id_that_is_nowhere_is_a_finding_and_a_mere_request_id_is_none() -> None:
    cleans = [
        run(
            f"run {n}",
            records=(item(id="o", receipt=f"receipt-{n}{n}{n}"),),
            replies=({"receipt": f"receipt-{n}{n}{n}", "at": NOW + n},),
        )
        for n in (1, 2)
    ]
    kept = (item(id="o", receipt="receipt-111"),)
    writes = operation(1, effect="state", outgoing=(), service="dynamodb", name="PutItem")
    cleans = [clean._replace(moments=(Moment("operation", 1, 0.0, writes),)) for clean in cleans]
    told = [{"receipt": "receipt-111", "at": NOW}, {"receipt": "receipt-222", "at": NOW + 120}]
    assert kinds(cleans, run("run 1; run 2", writes, records=kept, replies=tuple(told)), POST) == ["reply"]
    told[1]["receipt"] = "receipt-111"
    assert kinds(cleans, run("run 1; run 2", writes, records=kept, replies=tuple(told)), POST) == []


def test_a_delivery_that_fails_for_good_is_poison_and_one_that_recovers_is_none() -> None:
    records, endings = CLEANS[0].records, ("returned", "raised")
    assert kinds(CLEANS, run("run 1; run 2", operation(1), records=records, replies=(None, None), endings=endings)) == [
        "reply"
    ]
    replies, endings = (None, None, None), ("returned", "raised", "returned")
    assert kinds(CLEANS, run("run 1; run 2", operation(1), records=records, replies=replies, endings=endings)) == []


def test_one_effect_has_one_finding_that_names_all_the_ways() -> None:
    twice = [operation(1), operation(2)]
    findings = [
        finding
        for schedule in ("run 1 1; kill 1; run 2", "run 1 1; run 2 soon; run 1")
        for finding in Judge(CLEANS, QUEUE)
        .judge(parse(schedule), run(schedule, *twice, records=CLEANS[0].records))
        .findings
    ]
    assert [(each.when, each.also) for each in merged(findings)] == [("crash", ("overlap",))]


def test_without_masking_what_is_right_looks_wrong() -> None:
    cleans = [run("run 1", records=(item(id="o", at=NOW),)), run("run 2", records=(item(id="o", at=NOW + 1),))]
    mixed = (item(id="o", at=NOW + 2),)
    assert masked_records(cleans[0].records, mixed, Mask(cleans)) == []
    assert masked_records(cleans[0].records, mixed, Mask(cleans, is_on=False)) != []


def test_what_is_sent_is_compared_as_data() -> None:
    one, other = operation(1, '{"a": 1, "b": 2}'), operation(1, '{"b": 2, "a": 1}')
    assert kinds([run("run 1", one), run("run 2", one)], run("run 1 1; kill 1; run 2", other)) == []
    assert len(sent(run("run 1", one))) == 1


def test_effects_of_one_line_are_one_finding_though_their_targets_hold_new_ids() -> None:
    judge = Judge(CLEANS, QUEUE)
    found = [
        finding
        for target in ("orders/a1", "orders/b2")
        for finding in judge.judge(
            parse("run 1; run 2"),
            run("run 1; run 2", operation(1), operation(2, target=target), records=(item(id="o", hits=1),)),
        ).findings
    ]
    assert len(found) > 1
    assert len(merged(found)) == 1


def test_a_change_of_another_field_is_a_finding_of_its_own() -> None:
    judge = Judge(CLEANS, QUEUE)
    changed = [
        judge.judge(parse("run 1; run 2"), run("run 1; run 2", operation(1), records=(record,)))
        for record in (item(id="o", hits=2), item(id="o", hits=1, at="now"))
    ]
    found = merged([finding for judged in changed for finding in judged.findings])
    assert [finding.fields for finding in found] == [("hits",), ("at",)]


def fix(cleans: list[Run], found: Run) -> str:
    (finding,) = Judge(cleans, QUEUE).judge(parse(found.schedule), found).findings
    return finding.fix


CLAIM = operation(1, service="dynamodb", name="UpdateItem", target="twicesafe", effect="state", outgoing=())
PLAIN = operation(1, step="publish[o-17]", number=2)


def protected(schedule: str, *operations: Operation, **fields: Any) -> Run:
    return run(schedule, *operations, **fields)._replace(bookkeeping=("dynamodb twicesafe",))


def test_what_a_plain_step_repeats_in_its_window_is_not_mended_by_a_plain_step() -> None:
    cleans = [protected("run 1", CLAIM, PLAIN)]
    again = PLAIN._replace(delivery=2)
    assert fix(cleans, protected("run 1 2; kill 1; run 2", CLAIM, PLAIN, CLAIM._replace(delivery=2), again)).startswith(
        'step("publish", …, recover=find_it)'
    )


def test_a_step_in_doubt_is_asked_for_by_its_own_name_and_not_by_that_of_a_record() -> None:
    cleans = [protected("run 1", CLAIM, PLAIN)]
    doubt = {"errorType": "StepInDoubt", "errorMessage": "Whether it had the effect is not known."}
    found = protected("run 1 2; kill 1; run 2", CLAIM, PLAIN, replies=(None, doubt), endings=("killed", "raised"))
    assert fix(cleans, found).startswith('step("publish", …, recover=find_it)')
    assert "records resolve --step" in fix(cleans, found)


def test_a_step_of_a_handler_that_runs_unprotected_needs_the_decorator() -> None:
    again = PLAIN._replace(delivery=2)
    assert fix([run("run 1", PLAIN)], run("run 1; run 2", PLAIN, again)) == (
        'step("publish", sns.publish, …) under @idempotent'
    )
