"""What is said about each delivery: one line and one Decision, and nothing of what was in it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing, decisions_made
from twicesafe import current_execution, decisions, idempotent, step
from twicesafe.protocol.commands import Claim, Complete
from twicesafe.protocol.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "tok_51H-secret"
LINE = re.compile(r"^(\w+) (\S+), attempt (\d+|-), \d+\.\d ms(: \w+( at [\w.]+:\d+)?)?$")


class Declined(Exception):
    pass


@pytest.fixture(autouse=True)
def all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "twicesafe")


def poisoned(record: Record) -> Record:
    return record._replace(reply="no JSON")


class Told(Clocked):
    """A store whose record can be changed by hand."""

    def change(self, changed: Callable[[Record], Record]) -> None:
        for key, record in self._records.items():
            self._records[key] = changed(record)


# Each scene is one delivery, with whatever had to come before it, and what is to be said of it


def ran(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: CANARY), s.http_api()


def again(store: Told, **options: Any) -> Any:
    handler = idempotent(store=store, name="f", **options)(lambda event, context: CANARY)
    handler(with_secrets(s.http_api()), Context())
    return handler, s.http_api()


def replayed_error(store: Told) -> Any:
    handler, event = failed(store)
    with pytest.raises(Declined):
        handler(with_secrets(event), Context())
    return handler, event


def failed(store: Told) -> Any:
    def handler(event: Any, context: Any) -> None:
        raise Declined(CANARY)

    return idempotent(store=store, name="f", final_errors=(Declined,))(handler), s.http_api()


def raised(store: Told) -> Any:
    def handler(event: Any, context: Any) -> None:
        raise ValueError(CANARY)

    return idempotent(store=store, name="f")(handler), s.http_api()


def interrupted(store: Told) -> Any:
    def handler(event: Any, context: Any) -> None:
        raise KeyboardInterrupt(CANARY)

    return idempotent(store=store, name="f", on_unknown="raise")(handler), s.http_api()


def unsuccessful(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: {"statusCode": 500, "body": CANARY}), s.http_api()


def conflict(store: Told) -> Any:
    with pytest.raises(KeyboardInterrupt):
        handler, event = interrupted(store)
        handler(with_secrets(event), Context())
    return handler, event


def unknown(store: Told) -> Any:
    handler, event = conflict(store)
    store.advance(600)
    return handler, event


def mismatch(store: Told) -> Any:
    handler, event = again(store)
    return handler, {**event, "body": f"another {CANARY}"}


def corrupt(store: Told) -> Any:
    handler, event = again(store)
    store.change(poisoned)
    return handler, event


def too_late(store: Told) -> Any:
    def handler(event: Any, context: Any) -> None:
        store.advance(600)
        step("charge", lambda: CANARY)

    return idempotent(store=store, name="f")(handler), s.http_api()


def unserializable(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: {CANARY}), s.http_api()


def without_key(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: CANARY), s.http_api(None)


def authorizer(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: CANARY), s.SAMPLES["token authorizer"][0]


def no_required_key(store: Told) -> Any:
    return idempotent(store=store, name="f", require_key=True)(lambda event, context: 1), s.http_api(None)


def no_own_key(store: Told) -> Any:
    return idempotent(store=store, name="f", key="json(body).id")(lambda event, context: 1), {"body": CANARY}


def unusable_key(store: Told) -> Any:
    return idempotent(store=store, name="f", key=lambda event: object())(lambda event, context: 1), {"body": CANARY}


def malformed(store: Told) -> Any:
    return idempotent(store=store, name="f")(lambda event, context: 1), s.http_api(f"{CANARY}\n1")


def silent(store: Told) -> Any:
    return idempotent(store=Failing(Claim), name="f")(lambda event, context: 1), s.http_api()


def not_recorded(store: Told) -> Any:
    return idempotent(store=Failing(Complete), name="f")(lambda event, context: CANARY), s.http_api()


def plain(store: Told) -> Any:
    work = idempotent(store=store, name="f")(lambda secret, limit: CANARY)
    return lambda event, context: work(event, 1), CANARY


SCENES: dict[Callable[[Told], Any], tuple[str, int | None, type[BaseException] | None]] = {
    ran: ("ran", 1, None),
    plain: ("ran", 1, None),
    unserializable: ("ran", 1, twicesafe.UnserializableReply),
    again: ("replayed", 1, None),
    replayed_error: ("replayed", 1, Declined),
    failed: ("failed", 1, Declined),
    raised: ("released", 1, ValueError),
    unsuccessful: ("released", 1, None),
    interrupted: ("lost", 1, KeyboardInterrupt),
    conflict: ("conflict", 1, twicesafe.InProgress),
    unknown: ("unknown", 1, twicesafe.UnknownOutcome),
    mismatch: ("mismatch", None, twicesafe.PayloadMismatch),
    corrupt: ("error", 1, twicesafe.CorruptRecord),
    too_late: ("lost", 1, twicesafe.LeaseLost),
    not_recorded: ("lost", 1, twicesafe.NotRecorded),
    without_key: ("unprotected", None, None),
    authorizer: ("unprotected", None, None),
    no_required_key: ("error", None, twicesafe.MissingKey),
    no_own_key: ("error", None, twicesafe.MissingKey),
    unusable_key: ("error", None, twicesafe.UnusableKey),
    malformed: ("error", None, twicesafe.MalformedEvent),
    silent: ("error", None, twicesafe.StoreUnavailable),
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_each_decision_is_one_line_and_shows_nothing_of_what_it_is_about(
    scene: Callable[[Told], Any], caplog: pytest.LogCaptureFixture
) -> None:
    verdict, attempt, error = SCENES[scene]
    handler, event = scene(Told())
    event = with_secrets(event)
    caplog.clear()
    with decisions_made() as made:
        raised = outcome(handler, event)
    (decision,) = made
    assert (decision.verdict, decision.attempt) == (verdict, attempt)
    assert type(decision.error) is (error or type(None))
    assert decision.duration >= 0
    (record,) = [one for one in caplog.records if one.name == "twicesafe" and one.levelno < logging.WARNING]
    assert record.levelno == (logging.DEBUG if verdict == "unprotected" else logging.INFO)
    said = LINE.match(record.getMessage())
    assert said is not None
    assert said[1] == verdict
    assert (decision.key or decision.source).startswith(said[2])
    assert CANARY not in caplog.text
    if isinstance(raised, twicesafe.TwicesafeError):
        assert CANARY not in "".join(traceback.format_exception_only(type(raised), raised))


def with_secrets(event: Any) -> Any:
    """What callers send along that is nobody else's."""
    if not isinstance(event, dict) or "headers" not in event:
        return event
    return {**event, "headers": {**event["headers"], "cookie": f"session={CANARY}", "x-token": CANARY}}


def outcome(handler: Any, event: Any) -> BaseException | None:
    try:
        handler(event, Context())
    except BaseException as error:
        return error
    return None


def test_every_verdict_is_described_and_has_a_scene() -> None:
    described = set(re.findall(r"`(\w+)`:", twicesafe.Decision.__doc__ or ""))
    assert {verdict for verdict, _, _ in SCENES.values()} == described


def test_a_refusal_that_fails_open_is_said_loudly_and_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    handler = idempotent(store=Failing(Claim), fail_open=True, name="handler")(lambda event, context: CANARY)
    with decisions_made() as made:
        handler(with_secrets(s.http_api()), Context())
    assert [one.verdict for one in made] == ["error", "unprotected"]
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "fail_open" in warnings[0]
    assert CANARY not in caplog.text


def test_a_failure_that_is_reported_says_where_it_was_raised(caplog: pytest.LogCaptureFixture) -> None:
    def handler(event: Any, context: Any) -> None:
        raise ValueError(CANARY)

    answer = idempotent(store=Clocked(), report_failures=True, name="handler")(handler)(
        {"Records": [s.sqs()]}, Context()
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    line = handler.__code__.co_firstlineno + 1
    assert caplog.messages[-1].endswith(f": ValueError at test_decisions.py:{line}")


def test_each_record_of_a_batch_is_a_decision() -> None:
    handler = idempotent(store=Clocked(), name="handler")(lambda event, context: None)
    event = {"Records": [s.sqs(message_id=one) for one in "aba"]}
    with decisions_made() as made:
        handler(event, Context())
    assert [one.verdict for one in made] == ["ran", "ran", "replayed"]
    assert {one.source for one in made} == {"sqs"}


def test_a_long_key_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    idempotent(store=Clocked(), name="f" * 150, key=lambda: "once")(lambda: 1)()
    said = LINE.match(caplog.messages[-1])
    assert said is not None
    assert len(said[2]) == decisions.SHOWN


def test_a_source_that_is_never_protected_says_so_in_the_execution_too() -> None:
    seen: list[Any] = []
    handler = idempotent(store=Clocked(), name="handler")(
        lambda event, context: seen.append((current_execution().source, current_execution().key))
    )
    handler(s.SAMPLES["token authorizer"][0], Context())
    assert seen == [("authorizer", None)]


# Hooks


@pytest.fixture
def hooked() -> Iterator[Callable[[Any], Any]]:
    before = list(decisions._hooks)
    yield twicesafe.on_decision
    decisions._hooks[:] = before


def test_hooks_are_called_after_the_decision_in_their_order(hooked: Any) -> None:
    seen: list[str] = []
    hooked(lambda decision: seen.append(f"first {decision.verdict}"))

    @hooked
    def second(decision: twicesafe.Decision) -> None:
        seen.append(f"second {decision.verdict}")

    assert second.__name__ == "second"
    idempotent(store=Clocked(), name="work", key=lambda: "once")(lambda: seen.append("function"))()
    assert seen == ["function", "first ran", "second ran"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_hook_that_raises_is_logged_and_changes_nothing(
    hooked: Any, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    seen: list[str] = []

    @hooked
    def broken(decision: twicesafe.Decision) -> None:
        raise ValueError("a hook's own trouble")

    hooked(lambda decision: seen.append(decision.verdict))

    async def work_async() -> int:
        return 1

    if asynchronous:
        decorated = idempotent(store=Clocked(), name="work_async", key=lambda: "once")(work_async)
        assert asyncio.run(decorated()) == 1
    else:
        assert idempotent(store=Clocked(), name="work", key=lambda: "once")(lambda: 1)() == 1
    assert seen == ["ran"]
    assert "the delivery goes on" in caplog.text


def test_hooks_hear_of_all_threads(hooked: Any) -> None:
    seen: list[Any] = []
    hooked(seen.append)
    work = idempotent(store=Clocked(), on_conflict="wait", name="work")(lambda number: number)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [number % 4 for number in range(32)]))
    assert sorted(one.verdict for one in seen) == ["ran"] * 4 + ["replayed"] * 28


def test_a_decision_is_plain_data() -> None:
    decision = twicesafe.Decision("ran", "f#sqs#m-1#0", "sqs", 1, 1.5)
    assert json.loads(json.dumps(decision._asdict()))["verdict"] == "ran"
