"""Each error says what happened, to which key and in which attempt, and what to do; none hides the function's own."""

from __future__ import annotations

import copy
import pickle
import re
from typing import TYPE_CHECKING, Any

import pytest

import twicesafe
from tests.keys import samples as s
from tests.stand_ins import Clocked, Context, Failing
from twicesafe import current_execution, errors, idempotent, step
from twicesafe.errors import TwicesafeError
from twicesafe.protocol.commands import Claim, Complete, SaveStep

if TYPE_CHECKING:
    from collections.abc import Callable


class Declined(Exception):
    pass


class Small(Clocked):
    reply_limit = 10


def protected(function: Callable[[], Any], store: Any = None, **options: Any) -> Callable[[], Any]:
    return idempotent(store=store or Clocked(), name="work", key=lambda: "once", **options)(function)


def in_progress() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    twice = protected(work, on_unknown="raise")
    with pytest.raises(KeyboardInterrupt):
        twice()
    twice()


def unknown_outcome() -> None:
    store = Clocked()

    def work() -> None:
        raise KeyboardInterrupt

    twice = protected(work, store, on_unknown="raise")
    with pytest.raises(KeyboardInterrupt):
        twice()
    store.advance(60)
    twice()


def payload_mismatch() -> None:
    charge = idempotent(store=Clocked(), name="work", key=lambda order, total: order)(lambda order, total: total)
    charge("o-1", 1)
    charge("o-1", 2)


def credentials_mismatch() -> None:
    resolve = idempotent(store=Clocked(), name="work")(lambda event, context: 1)
    for key in ("ann", "bob"):
        headers = {"idempotency-key": "k-1", "authorization": key}
        resolve({**s.appsync(), "identity": None, "request": {"headers": headers}}, Context())


def lease_lost() -> None:
    store = Clocked()

    def work() -> None:
        store.advance(60)
        step("late", lambda: None)

    protected(work, store)()


def corrupt_record() -> None:
    store = Clocked()
    work = protected(lambda: 1, store)
    work()
    (key,) = store._records
    store._records[key] = store._records[key]._replace(reply="[")
    work()


def recursion() -> None:
    def work() -> Any:
        return twice()

    twice = protected(work)
    twice()


def duplicate_step() -> None:
    protected(lambda: [step("mail", lambda: None) for _ in range(2)])()


def nested_step() -> None:
    protected(lambda: step("outer", lambda: step("inner", lambda: None)))()


def step_mismatch() -> None:
    def work() -> None:
        step("charge", lambda amount: amount, current_execution().attempt)
        raise Declined

    twice = protected(work)
    with pytest.raises(Declined):
        twice()
    twice()


def of_another_system(error: type[Exception]) -> Callable[[], Any]:
    def charge() -> None:
        raise error("charge")

    return protected(lambda: step("charge", charge))


def step_in_doubt() -> None:
    def charge() -> None:
        raise Declined

    twice = protected(lambda: step("charge", charge, at_most_once=True))
    with pytest.raises(Declined):
        twice()
    twice()


def handle(event: Any, context: Any = None, **options: Any) -> Any:
    return idempotent(store=options.pop("store", None) or Clocked(), name="work", **options)(lambda event, context: 1)(
        event, context or Context()
    )


UNREADABLE = {"Records": [{**s.sqs(), "messageId": None}]}
SCENES: dict[type[TwicesafeError], tuple[Callable[[], Any], int | None]] = {
    errors.ConfigurationError: (lambda: protected(lambda: 1, lease=-1), None),
    errors.KeyAlreadyHeld: (recursion, 1),
    errors.MissingKey: (lambda: handle({}, key="order.id"), None),
    errors.UnusableKey: (lambda: idempotent(store=Clocked(), name="work")(lambda order: 1)(object()), None),
    errors.MalformedEvent: (lambda: handle(UNREADABLE), None),
    errors.InProgress: (in_progress, 1),
    errors.PayloadMismatch: (payload_mismatch, None),
    errors.CredentialsMismatch: (credentials_mismatch, None),
    errors.NotEnoughTime: (lambda: handle({"order": 1}, Context(remaining=0)), None),
    errors.StoreUnavailable: (protected(lambda: 1, Failing(Claim)), None),
    errors.CorruptRecord: (corrupt_record, 1),
    errors.UnknownOutcome: (unknown_outcome, 1),
    errors.LeaseLost: (lease_lost, 1),
    errors.DuplicateStep: (duplicate_step, 1),
    errors.NestedStep: (nested_step, 1),
    errors.StepMismatch: (step_mismatch, 2),
    errors.StepInDoubt: (step_in_doubt, 2),
    errors.KeyInUse: (of_another_system(errors.KeyInUse), 1),
    errors.KeyReused: (of_another_system(errors.KeyReused), 1),
    errors.NotRecorded: (protected(lambda: 1, Failing(Complete)), 1),
    errors.ReplyTooLarge: (protected(lambda: "x" * 99, Small()), 1),
    errors.UnserializableReply: (protected(lambda: object()), 1),
}
ELSEWHERE = [errors.WrongProcess("work#1"), errors.TransactionRefused("work#1", "pay", ({"Code": "None"},))]
"""Those that need a forked child, and a real DynamoDB: they are raised in the tests of those."""


def raised(scene: Callable[[], Any]) -> TwicesafeError:
    with pytest.raises(TwicesafeError) as error:
        scene()
    return error.value


def all_errors() -> set[type[TwicesafeError]]:
    found = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TwicesafeError)}
    return found - {errors.TwicesafeError, errors.UnkeptReply}


def test_every_error_is_raised_by_a_test() -> None:
    assert all_errors() == {*SCENES, *map(type, ELSEWHERE)}


def test_every_error_is_in_the_packages_face_and_in_the_tree() -> None:
    for kind in {*all_errors(), errors.TwicesafeError, errors.UnkeptReply}:
        assert getattr(twicesafe, kind.__name__) is kind
        assert kind.__name__ in twicesafe.__all__
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind.__doc__


@pytest.mark.parametrize("kind", SCENES)
def test_an_error_is_of_its_class_and_carries_its_key_and_attempt(kind: type[TwicesafeError]) -> None:
    scene, attempt = SCENES[kind]
    error = raised(scene)
    assert type(error) is kind
    assert error.attempt == attempt
    has_no_key = (errors.ConfigurationError, errors.MissingKey, errors.UnusableKey, errors.MalformedEvent)
    assert (error.key is None) == (kind in has_no_key)
    assert error.key is None or error.key.startswith("work#")


@pytest.mark.parametrize("error", [*SCENES, *ELSEWHERE], ids=lambda one: getattr(one, "__name__", type(one).__name__))
def test_a_message_has_a_sentence_of_fact_with_its_key_and_one_of_advice(error: Any) -> None:
    error = error if isinstance(error, TwicesafeError) else raised(SCENES[error][0])
    message = str(error)
    says_step = (errors.KeyInUse, errors.KeyReused)
    assert error.key is None or repr(error.key) in message or isinstance(error, says_step)
    assert len(re.findall(r"[.)](?: |$)", message)) >= (1 if type(error) is errors.ConfigurationError else 2)
    assert message.endswith((".", ")"))
    assert "None" not in message.replace("'None'", "")


@pytest.mark.parametrize("error", [*SCENES, *ELSEWHERE], ids=lambda one: getattr(one, "__name__", type(one).__name__))
@pytest.mark.parametrize("again", [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy])
def test_pickling_and_copying_keep_it_whole(error: Any, again: Callable[[Any], Any]) -> None:
    error = error if isinstance(error, TwicesafeError) else raised(SCENES[error][0])
    came_back = again(error)
    assert type(came_back) is type(error)
    assert (str(came_back), vars(came_back), came_back.args) == (str(error), vars(error), error.args)


def test_a_running_duplicate_is_told_whole_seconds_and_at_least_one() -> None:
    assert [errors.InProgress("k", 1, ms).retry_after for ms in (-5, 0, 1, 1000, 1001)] == [1, 1, 1, 1, 2]


# The function's own exception


@pytest.mark.parametrize("kind", [Complete, SaveStep])
def test_a_final_error_that_could_not_be_recorded_is_the_cause(kind: type) -> None:
    def work() -> None:
        try:
            step("charge", lambda: "charged")
        finally:
            raise Declined("its own")

    error = raised(protected(work, Failing(kind), final_errors=(Declined,)))
    assert isinstance(error.__cause__, Declined)
    assert error.__cause__.args == ("its own",)


def test_a_final_error_after_the_lease_is_the_cause() -> None:
    store = Clocked()

    def work() -> None:
        store._records.clear()
        raise Declined("its own")

    error = raised(protected(work, store, final_errors=(Declined,)))
    assert isinstance(error, errors.LeaseLost)
    assert isinstance(error.__cause__, Declined)


@pytest.mark.parametrize("kind", [Declined, KeyError, StopIteration, TwicesafeError])
def test_the_functions_own_exception_is_heard_with_its_traceback(kind: type[Exception]) -> None:
    def inner() -> None:
        raise kind("its own")

    with pytest.raises(kind, match="its own") as heard:
        protected(inner)()
    assert heard.traceback[-1].name == "inner"
    assert heard.value.__cause__ is heard.value.__context__ is None


@pytest.mark.parametrize("event", [{"order": 1}, {"Records": [s.sqs()]}])
def test_a_stop_iteration_is_the_functions_own_too(event: Any) -> None:
    def handler(event: Any, context: Any) -> Any:
        return next(iter(()))

    with pytest.raises(StopIteration):
        idempotent(store=Clocked(), name="handler")(handler)(event, Context())
    with pytest.raises(StopIteration):
        idempotent(store=Clocked(), key=lambda event: next(iter(())), name="handler_2")(handler)(event, Context())


def test_the_functions_own_chain_is_kept() -> None:
    def work() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise Declined("second") from error

    with pytest.raises(Declined) as heard:
        protected(work)()
    assert isinstance(heard.value.__cause__, KeyError)


def test_an_error_of_a_function_inside_keeps_its_own_key() -> None:
    store = Clocked()
    inner = idempotent(store=Failing(Claim), name="inner", key=lambda: "once")(lambda: 1)
    error = raised(protected(inner, store))
    assert error.key is not None
    assert error.key.startswith("inner#")
    assert error.attempt is None


def test_an_error_of_ours_is_final_if_it_is_named_itself() -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        raise errors.KeyReused("charge")

    twice = protected(work, final_errors=(errors.KeyReused,))
    for _ in range(2):
        error = raised(twice)
        assert isinstance(error, errors.KeyReused)
        assert error.step == "charge"
    assert attempts == [1]


@pytest.mark.parametrize("ours", [errors.StoreUnavailable("inner", "silent"), errors.InProgress("inner", 1, 5)])
def test_an_error_of_ours_is_not_final_by_a_broader_name(ours: TwicesafeError) -> None:
    attempts: list[int] = []

    def work() -> str:
        attempts.append(current_execution().attempt)
        if len(attempts) == 1:
            raise ours
        return "done"

    twice = protected(work, final_errors=(Exception,))
    assert raised(twice) is ours
    assert (twice(), attempts) == ("done", [1, 2])
