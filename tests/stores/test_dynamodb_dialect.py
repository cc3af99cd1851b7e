from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twicesafe.errors import ConfigurationError, CorruptRecord, StoreUnavailable
from twicesafe.protocol.commands import (
    Claim,
    Claimed,
    Complete,
    Done,
    Existing,
    Forget,
    Keep,
    List,
    Load,
    Lost,
    Page,
    Redo,
    Release,
    Renew,
    SaveStep,
    StoreCommand,
    Transact,
)
from twicesafe.protocol.records import Millis, Record, Seconds, Status, Step
from twicesafe.stores.dynamodb.dialect import MOST_ROUNDS, talk
from twicesafe.stores.dynamodb.expressions import MOST_STEPS
from twicesafe.stores.dynamodb.items import number, text, write
from twicesafe.stores.dynamodb.layout import Layout, Names
from twicesafe.stores.dynamodb.patience import (
    LONG_PAUSE,
    REMEDIES,
    RESERVE,
    SHORT_PAUSE,
    TRIES_OF_A_TRANSACTION,
    patiently,
)
from twicesafe.stores.dynamodb.requests import Accepted, Cancelled, Pause, Refused, Request, Scanned, Unanswered

LAYOUT = Layout("records")
COMPOSITE = Layout("records", Names(id="PK", expiration="ttl"), sort_key="SK")
NOW = Millis(50_000)
RECORD = Record("order", Status.IN_PROGRESS, "ann", 1, Millis(1_000), Millis(1_000), Millis(60_000), Seconds(99))
CLAIM = Claim("order", "bob", NOW, Millis(80_000), Seconds(200), "1:abc")
RESULT = Step(True, '"ch_1"')

steps = st.dictionaries(st.text(), st.builds(Step, st.booleans(), st.text()), max_size=3)
expiries = st.none() | st.just(Seconds(200))
commands = st.one_of(
    st.builds(Claim, st.text(min_size=1), st.text(), st.just(NOW), st.just(NOW), expiries, st.text(), st.booleans()),
    st.builds(Complete, st.just("order"), st.text(), st.sampled_from(Status), st.none() | st.text(), st.just(200)),
    st.builds(Release, st.just("order"), st.text(), st.just(NOW), st.just(200), steps),
    st.builds(Renew, st.just("order"), st.text(), st.just(NOW), expiries),
    st.builds(SaveStep, st.just("order"), st.text(), steps),
    st.builds(Load, st.just("order")),
    st.builds(Forget, st.just(RECORD)),
    st.builds(Redo, st.just(RECORD), st.just(200)),
    st.builds(List, st.text(), st.none() | st.just("order")),
)


def item_of(**fields: Any) -> dict[str, Any]:
    return write(RECORD._replace(**fields), LAYOUT)


def condition_of(request: Request) -> str:
    """A request's condition, with a record's attributes by name."""
    names = request.parameters["ExpressionAttributeNames"]
    known = {word: name for word, name in names.items() if name in Names()}
    condition: str = request.parameters["ConditionExpression"]
    return re.sub(r"#\w+", lambda word: known.get(word[0], word[0]), condition)


def end_of(conversation: Any, response: object) -> object:
    with pytest.raises(StopIteration) as end:
        conversation.send(response)
    return end.value.value


@given(commands, st.sampled_from([LAYOUT, COMPOSITE]), st.booleans())
def test_a_request_lists_the_names_and_values_that_it_uses_and_no_other(
    command: StoreCommand, layout: Layout, proves: bool
) -> None:
    parameters = next(talk(command, layout, proves=proves)).parameters
    expressions = " ".join(text for name, text in parameters.items() if name.endswith("Expression"))
    for sigil, listed in (("#", "ExpressionAttributeNames"), (":", "ExpressionAttributeValues")):
        used = set(re.findall(rf"{sigil}\w+", expressions))
        assert used == set(parameters.get(listed, {}))
    assert parameters["TableName"] == "records"


@given(commands, st.sampled_from([LAYOUT, COMPOSITE]), st.booleans())
def test_no_attribute_is_named_in_an_expression_itself(command: StoreCommand, layout: Layout, proves: bool) -> None:
    """573 words are reserved: an expression has keywords, functions, and what stands for names and values."""
    parameters = next(talk(command, layout, proves=proves)).parameters
    expressions = " ".join(text for name, text in parameters.items() if name.endswith("Expression"))
    words = set(re.findall(r"(?<![#:\w])[A-Za-z_]\w*", expressions))
    assert words <= {
        *("SET", "REMOVE", "AND", "OR", "NOT", "BETWEEN"),
        *("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "if_not_exists"),
    }


@given(commands)
def test_a_write_of_an_owner_is_never_allowed_because_it_may_have_been_applied(command: StoreCommand) -> None:
    """Rule 1: such a condition lets a late copy turn a completed record back."""
    request = next(talk(command, LAYOUT))
    condition = condition_of(request) if "ConditionExpression" in request.parameters else ""
    assert not re.search(r"OR\s+owner = ", condition)
    if isinstance(command, (Complete, Release, Renew, SaveStep)) and condition:
        held = re.match(r"v = (:\w+) AND status = (:\w+) AND owner = (:\w+)", condition)
        assert held
        values = request.parameters["ExpressionAttributeValues"]
        assert [values[word] for word in held.groups()] == [number(1), text("INPROGRESS"), text(command.owner)]
        assert " OR " not in re.sub(r"\(NOT begins_with\([^()]*\) OR [^()]*\)", "", condition)  # a step's own


def test_a_request_is_sent_in_few_bytes() -> None:
    """It is hashed, signed and carried; its words are numbers."""
    parameters = next(talk(Complete("order", "ann", Status.COMPLETED, "1", Seconds(200)), LAYOUT)).parameters
    assert parameters["ConditionExpression"] == "#0 = :1 AND #2 = :3 AND #4 = :5"


def test_a_claim_of_what_is_not_there_is_one_request_whose_answer_says_nothing() -> None:
    conversation = talk(CLAIM, LAYOUT)
    request = next(conversation)
    assert request.operation == "PutItem"
    assert condition_of(request) == "attribute_not_exists(id)"
    assert request.parameters["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    assert request.parameters["Item"] == item_of(
        owner="bob", started=NOW, claimed=NOW, lease_until=80_000, expires_at=200, fingerprint="1:abc"
    )
    assert end_of(conversation, Accepted()) == Claimed(1, NOW, Millis(80_000), {}, 0)


@pytest.mark.parametrize("layout", [LAYOUT, COMPOSITE])
def test_a_claim_that_proves_needs_what_a_completion_needs(layout: Layout) -> None:
    claim, complete = next(talk(CLAIM, layout, proves=True)), next(talk(OURS[0], layout))
    assert claim.operation == complete.operation == "UpdateItem"
    assert claim.parameters["Key"] == complete.parameters["Key"]
    assert condition_of(claim) == f"attribute_not_exists({'id' if layout is LAYOUT else '#0'})"
    assert claim.parameters["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    named = claim.parameters["ExpressionAttributeNames"].values()
    assert {"status", "owner", "data", "steps", "in_progress_expiration", layout.names.expiration} <= set(named)


def test_a_claim_that_proves_takes_over_by_a_write_of_the_whole_item() -> None:
    conversation = talk(CLAIM, LAYOUT, proves=True)
    next(conversation)
    request = conversation.send(Refused(item_of(owner=None, lease_until=0, fingerprint="1:abc")))
    assert request.operation == "PutItem"


def test_what_is_kept_beside_a_record_is_put_whole() -> None:
    keep = Keep("order", "ann", NOW, "1", Seconds(200))
    assert next(talk(keep, LAYOUT, proves=True)).operation == "PutItem"


@pytest.mark.parametrize(
    ("reasons", "said", "is_lasting"),
    [
        ([{"Code": "ValidationError", "Message": "The provided key element"}, {}], "key does not fit the table", True),
        ([{"Code": "None"}, {"Code": "ValidationError", "Message": "no such path"}], "not take the writes", False),
        ([{"Code": "ItemCollectionSizeLimitExceeded", "Message": "full"}, {}], "does not fit beside", False),
    ],
)
def test_a_transaction_that_would_be_cancelled_again_says_whose_fault_it_is(
    reasons: list[dict[str, Any]], said: str, is_lasting: bool
) -> None:
    conversation = talk(Transact(OURS[0], ({"Put": {}},), "t"), LAYOUT)
    next(conversation)
    with pytest.raises(ConfigurationError, match=said) as error:
        conversation.send(Cancelled(tuple(reasons)))
    assert error.value.is_lasting is is_lasting


@pytest.mark.parametrize("owner", [None, "ann"])
def test_a_claim_that_takes_over_keeps_the_steps_if_the_item_still_is_the_one_that_was_seen(owner: str | None) -> None:
    held = {"attempt": 2, "steps": {"charge": RESULT}, "generation": 1, "lease_until": 0, "fingerprint": "1:abc"}
    seen = item_of(owner=owner, expires_at=None, **held)
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    request = conversation.send(Refused(seen))
    assert request.operation == "PutItem"
    taken = item_of(**held | {"owner": "bob", "attempt": 3, "claimed": NOW, "lease_until": 80_000, "expires_at": 200})
    assert request.parameters["Item"] == taken
    claimed = end_of(conversation, Accepted())
    assert claimed == Claimed(3, RECORD.started, Millis(80_000), {"charge": RESULT}, 1)


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        ({"owner": "bob"}, Claimed(1, RECORD.started, RECORD.lease_until, {}, 0)),
        ({"status": Status.COMPLETED, "owner": "bob", "reply": "1", "lease_until": 0}, Existing),
        ({"status": Status.FAILED, "lease_until": 0}, Existing),
        ({}, Existing),
        ({"owner": None, "claimed": NOW, "lease_until": 0}, Existing),
        ({"lease_until": 1, "fingerprint": "1:abd"}, Existing),
    ],
)
def test_a_refused_claim_reads_the_refusal(fields: dict[str, Any], reply: Any) -> None:
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    end = end_of(conversation, Refused(item_of(**fields)))
    assert end == reply or (reply is Existing and end == Existing(RECORD._replace(**fields)))


NONE = Millis(0)


@dataclass
class Known:
    """What is known of a clock."""

    outdated: Millis | None = None
    doubt: Millis = NONE

    def is_outdated(self, offset: Millis | None) -> bool:
        return self.outdated is not None and offset == self.outdated


IN_THE_PAST = (
    {"lease_until": 1},
    {"owner": None, "lease_until": 0},
    {"status": Status.COMPLETED, "lease_until": 0, "expires_at": Seconds(1)},
    {"lease_until": 1, "expires_at": Seconds(1)},
)


@pytest.mark.parametrize("fields", IN_THE_PAST)
def test_a_claim_whose_answer_shows_that_its_time_was_wrong_changes_nothing(fields: dict[str, Any]) -> None:
    clock = Known()
    conversation = talk(CLAIM._replace(offset=Millis(0)), LAYOUT, clock)
    next(conversation)
    clock.outdated = Millis(0)  # by the answer that follows, or one that another thread has had
    assert end_of(conversation, Refused(item_of(**fields))) == Existing(RECORD._replace(**fields))


@pytest.mark.parametrize("fields", IN_THE_PAST)
def test_a_claim_by_the_right_time_is_made(fields: dict[str, Any]) -> None:
    conversation = talk(CLAIM._replace(offset=Millis(7_000)), LAYOUT, Known(outdated=Millis(0)))
    next(conversation)
    assert conversation.send(Refused(item_of(**fields))).operation == "PutItem"
    assert isinstance(end_of(conversation, Accepted()), Claimed)


def test_a_claim_by_a_wrong_time_recognises_itself_all_the_same() -> None:
    conversation = talk(CLAIM._replace(offset=Millis(0)), LAYOUT, Known(outdated=Millis(0)))
    next(conversation)
    mine = RECORD._replace(owner="bob", lease_until=Millis(1), expires_at=Seconds(1))
    assert end_of(conversation, Refused(write(mine, LAYOUT))) == Claimed(1, mine.started, mine.lease_until, {}, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"lease_until": NOW - 2_999},
        {"status": Status.COMPLETED, "lease_until": 0, "expires_at": Seconds(NOW // 1000 - 2)},
    ],
)
def test_what_is_over_only_if_the_clock_is_not_ahead_is_left_alone_while_that_is_in_doubt(
    fields: dict[str, Any],
) -> None:
    clock = Known(doubt=Millis(3_000))
    conversation = talk(CLAIM, LAYOUT, clock)
    next(conversation)
    seen = item_of(**fields)
    assert end_of(conversation, Refused(seen)) == Existing(RECORD._replace(**fields))
    clock.doubt = Millis(0)
    conversation = talk(CLAIM, LAYOUT, clock)
    next(conversation)
    assert conversation.send(Refused(seen)).operation == "PutItem"


def test_what_is_over_in_any_case_is_taken_over_by_the_claims_own_time() -> None:
    conversation = talk(CLAIM, LAYOUT, Known(doubt=Millis(3_000)))
    next(conversation)
    request = conversation.send(Refused(item_of(lease_until=NOW - 3_000)))
    assert request.parameters["Item"]["claimed"] == number(NOW)
    assert end_of(conversation, Accepted()) == Claimed(2, RECORD.started, CLAIM.lease_until, {}, 0)


def test_a_claim_is_put_right_by_a_time_that_turns_out_to_be_not_quite_right() -> None:
    mine = RECORD._replace(owner="bob", lease_until=Millis(1), expires_at=Seconds(1))
    conversation = talk(CLAIM._replace(offset=Millis(0), corrects=mine.claimed), LAYOUT, Known(outdated=Millis(0)))
    next(conversation)
    request = conversation.send(Refused(write(mine, LAYOUT)))
    assert request.parameters["Item"]["in_progress_expiration"] == number(CLAIM.lease_until)
    assert end_of(conversation, Accepted()) == Claimed(1, NOW, CLAIM.lease_until, {}, 0)


def test_an_expired_leftover_is_replaced_whole_if_it_still_is_the_one_that_was_seen() -> None:
    seen = item_of(status=Status.COMPLETED, lease_until=0, expires_at=Seconds(50), reply="1")
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    request = conversation.send(Refused(seen))
    assert request.operation == "PutItem"
    condition, values = condition_of(request), request.parameters["ExpressionAttributeValues"]
    for name in Names()[1:]:
        compared = re.search(rf"\b{name} = (:\w+)", condition)
        assert (values[compared[1]] if compared else None) == seen.get(name)
        assert (f"attribute_not_exists({name})" in condition) == (name not in seen)
    new = RECORD._replace(
        owner="bob", started=NOW, claimed=NOW, lease_until=80_000, expires_at=200, fingerprint="1:abc"
    )
    assert request.parameters["Item"] == write(new, LAYOUT)
    assert end_of(conversation, Accepted()) == Claimed(1, NOW, Millis(80_000), {}, 0)


def test_a_leftover_that_went_or_changed_meanwhile_is_looked_at_again() -> None:
    leftover = item_of(status=Status.COMPLETED, lease_until=0, expires_at=Seconds(50))
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    assert conversation.send(Refused(leftover)).operation == "PutItem"
    request = conversation.send(Refused(None))
    assert condition_of(request) == "attribute_not_exists(id)"
    assert conversation.send(Refused({**leftover, "attempt": number(2)})).operation == "PutItem"
    mine = item_of(owner="bob", started=NOW)
    assert end_of(conversation, Refused(mine)) == Claimed(1, NOW, RECORD.lease_until, {}, 0)


def test_a_server_that_does_not_say_what_refused_a_write_is_not_asked_for_ever() -> None:
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    for _ in range(MOST_ROUNDS - 1):
        conversation.send(Refused(None))
    with pytest.raises(StoreUnavailable, match=f"another at each of {MOST_ROUNDS} tries"):
        conversation.send(Refused(None))


OURS = [
    Complete("order", "ann", Status.COMPLETED, "1", Seconds(200)),
    Release("order", "ann", Millis(1_000), Seconds(200)),
    Renew("order", "ann", Millis(90_000), Seconds(200)),
    SaveStep("order", "ann", {"charge": RESULT}),
]
each_of_ours = pytest.mark.parametrize("command", OURS, ids=[type(command).__name__ for command in OURS])


@each_of_ours
def test_a_change_of_the_owners_is_one_request(command: Any) -> None:
    conversation = talk(command, LAYOUT)
    request = next(conversation)
    assert request.operation == "UpdateItem"
    assert end_of(conversation, Accepted()) == Done()


@each_of_ours
@pytest.mark.parametrize("fields", [{"owner": "bob"}, {"owner": None, "lease_until": 0}])
def test_a_change_that_is_refused_because_of_another_owner_is_lost(command: Any, fields: dict[str, Any]) -> None:
    conversation = talk(command, LAYOUT)
    next(conversation)
    assert end_of(conversation, Refused(item_of(**fields))) == Lost(RECORD._replace(**fields))


@each_of_ours
def test_a_change_of_an_absent_record_is_lost(command: Any) -> None:
    conversation = talk(command, LAYOUT)
    next(conversation)
    assert end_of(conversation, Refused(None)) == Lost(None)


def test_a_completion_that_was_applied_before_recognises_itself() -> None:
    conversation = talk(OURS[0], LAYOUT)
    next(conversation)
    assert end_of(conversation, Refused(item_of(status=Status.COMPLETED, reply="1", lease_until=0))) == Done()


def test_a_release_whose_steps_are_refused_is_made_without_them() -> None:
    conversation = talk(Release("order", "ann", Millis(1_000), Seconds(200), {"charge": Step(True, "2")}), LAYOUT)
    next(conversation)
    request = conversation.send(Refused(item_of(steps={"charge": RESULT})))
    released = RECORD._replace(owner=None, lease_until=0, expires_at=200, steps={"charge": RESULT})
    assert request.parameters["Item"] == write(released, LAYOUT)
    assert end_of(conversation, Accepted()) == Done()


@pytest.mark.parametrize("names", [[], [""], [str(n) for n in range(MOST_STEPS + 1)]], ids=["none", "unnamed", "many"])
def test_steps_that_no_one_condition_can_hold_are_written_after_a_look(names: list[str]) -> None:
    conversation = talk(SaveStep("order", "ann", dict.fromkeys(names, RESULT)), LAYOUT)
    look = next(conversation)
    assert (look.operation, look.parameters["ConsistentRead"]) == ("GetItem", True)
    if not names:
        assert end_of(conversation, Accepted(item_of())) == Done()
        return
    request = conversation.send(Accepted(item_of()))
    assert request.parameters["Item"] == item_of(steps=dict.fromkeys(names, RESULT))
    assert end_of(conversation, Accepted()) == Done()


@pytest.mark.parametrize(
    "command", [CLAIM, *OURS, Load("order"), Forget(RECORD), Redo(RECORD, Seconds(200), Millis(0))]
)
def test_what_cannot_be_read_is_left_as_it_is(command: Any) -> None:
    conversation = talk(command, LAYOUT)
    next(conversation)
    item = {**item_of(), "v": number(2)}
    with pytest.raises(CorruptRecord, match="version 2"):
        conversation.send(Accepted(item) if isinstance(command, Load) else Refused(item))


def test_what_powertools_left_expired_is_replaced() -> None:
    seen = {"id": text("order"), "status": text("COMPLETED"), "expiration": number(50), "data": text("1")}
    conversation = talk(CLAIM, LAYOUT)
    next(conversation)
    request = conversation.send(Refused(seen))
    assert "attribute_not_exists(v)" in condition_of(request)
    assert end_of(conversation, Accepted()) == Claimed(1, NOW, Millis(80_000), {}, 0)


# Pages


def test_a_page_is_read_on_until_it_is_full_or_nothing_is_left() -> None:
    conversation = talk(List("order/", None, 2), COMPOSITE)
    request = next(conversation)
    assert "ExclusiveStartKey" not in request.parameters
    first, *others = [write(RECORD._replace(key=f"order/{n}"), COMPOSITE) for n in range(4)]
    assert conversation.send(Scanned((), {"at": "a"})).parameters["ExclusiveStartKey"] == {"at": "a"}
    assert conversation.send(Scanned((first,), {"at": "b"})).parameters["ExclusiveStartKey"] == {"at": "b"}
    page = end_of(conversation, Scanned(tuple(others), None))
    assert isinstance(page, Page)
    assert ([record.key for record in page.records], page.after) == (["order/0", "order/1"], "order/1")


def test_the_next_page_begins_behind_the_last_record_shown() -> None:
    request = next(talk(List("", "order/1"), COMPOSITE))
    assert request.parameters["ExclusiveStartKey"] == {"PK": text("order/1"), "SK": text("twicesafe")}


def test_the_last_page_has_no_next_one() -> None:
    conversation = talk(List("", None, 1), LAYOUT)
    next(conversation)
    assert end_of(conversation, Scanned((item_of(),), None)) == Page((RECORD,), None)


# Patience


def unanswered(pause: Millis = SHORT_PAUSE, **what: bool) -> Unanswered:
    return Unanswered("silence", TimeoutError("silence"), pause, **what)


def one_request() -> Any:
    return (yield Request("GetItem", {}, "order"))


def patient(tries: int, left: int | None = None) -> Any:
    return patiently(one_request(), "dynamodb://records", tries, lambda: left)


@pytest.mark.parametrize("first", [SHORT_PAUSE, LONG_PAUSE])
def test_a_request_without_an_answer_is_sent_again_after_growing_pauses(first: Millis) -> None:
    conversation = patient(tries=4)
    request = next(conversation)
    for growth in (1, 2, 4):
        assert conversation.send(unanswered(first)) == Pause(Millis(first * growth))
        assert conversation.send(None) == request
    with pytest.raises(StoreUnavailable, match="silence") as error:
        conversation.send(unanswered(first))
    assert error.value.key == "order"
    assert isinstance(error.value.__cause__, TimeoutError)


def test_what_a_transaction_keeps_away_has_tries_of_its_own() -> None:
    conversation = patient(tries=1)
    next(conversation)
    for _ in range(TRIES_OF_A_TRANSACTION - 1):
        assert isinstance(conversation.send(unanswered(is_busy=True)), Pause)
        conversation.send(None)
    with pytest.raises(StoreUnavailable):
        conversation.send(unanswered(is_busy=True))


def test_an_answer_ends_the_patience() -> None:
    conversation = patient(tries=2)
    next(conversation)
    conversation.send(unanswered())
    conversation.send(None)
    assert end_of(conversation, Accepted()) == Accepted()


def test_what_is_remedied_is_sent_again_at_once_and_is_no_try() -> None:
    conversation = patient(tries=1)
    request = next(conversation)
    for _ in range(REMEDIES):
        assert conversation.send(unanswered(is_remedied=True)) == request
    with pytest.raises(StoreUnavailable):
        conversation.send(unanswered(is_remedied=True))


def test_no_try_is_made_that_the_platform_leaves_no_time_for() -> None:
    conversation = patient(tries=4, left=SHORT_PAUSE + RESERVE)
    next(conversation)
    assert conversation.send(unanswered()) == Pause(SHORT_PAUSE)
    conversation.send(None)
    with pytest.raises(StoreUnavailable, match="no time is left to ask again"):
        conversation.send(unanswered())
