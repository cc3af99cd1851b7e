"""What is stored comes back as it was: empty, odd and large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...protocol.commands import Claimed, Done, Existing, Lost
from ...protocol.records import Millis, Step
from ..trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...protocol.commands import StoreCommand, StoreReply
    from ...stores.base import Store

ODD = [
    " ",
    "\n\t",
    "a.b.c",
    "a b",
    "#1",
    ":now",
    "$.x[0]",
    "a'b\"c`d",
    "\\",
    "--;/*",
    "%_*?",
    "{}",
    "null",
    "0",
    "é",
    "e\u0301",
    "日本語",
    "🧾",
    "\u202e",
    "\ufeff",
    "\ud7ff\ue000\uffff\U0010ffff",
    "a\x00b",
    "\x00",
    "\x7f",
    "__proto__",
    "x" * 1000,
]
YEAR_9999 = Millis(253_402_300_799_999)
odd = pytest.mark.parametrize("text", ODD, ids=ascii)


class ValueRules:
    """Every text that is valid Unicode, every size up to the limit."""

    @odd
    def test_any_text_is_a_key(self, apply: Callable[[StoreCommand], StoreReply], trial: Trial, text: str) -> None:
        odd_one, other = Trial(apply, f"{trial.key}/{text}"), Trial(apply, f"{trial.key}/{text}.")
        odd_one.claim("ann")
        assert odd_one.found().key == f"{trial.key}/{text}"
        assert other.load() is None
        assert odd_one.complete("ann") == Done()

    def test_keys_that_look_alike_are_different(
        self, apply: Callable[[StoreCommand], StoreReply], trial: Trial
    ) -> None:
        texts = ["a", "A", "a ", " a", "á", "a\u0301", "1", "01", "1.0", "a\x00", "a\x00b"]
        for text in texts:
            claim = Trial(apply, f"{trial.key}/{text}").claim("ann")
            assert isinstance(claim, Claimed)
            assert claim.attempt == 1

    @odd
    def test_any_text_is_an_owner_a_fingerprint_and_a_reply(self, trial: Trial, text: str) -> None:
        trial.claim(text, fingerprint=f"1:{text}")
        assert trial.complete(text, text) == Done()
        record = trial.found()
        assert (record.owner, record.fingerprint, record.reply) == (text, f"1:{text}", text)
        assert trial.claim("bob", fingerprint=f"1:{text}") == Existing(record)

    @odd
    def test_any_text_is_a_steps_name_and_data(self, trial: Trial, text: str) -> None:
        trial.claim("ann")
        assert trial.save("ann", {text: Step(False, text), f"{text}2": Step(False, "")}) == Done()
        assert trial.save("ann", {text: Step(True, text)}) == Done()
        steps = {text: Step(True, text), f"{text}2": Step(False, "")}
        record = trial.found()
        assert record.steps == steps
        assert trial.save("ann", {text: Step(True, text + "!")}) == Lost(record)
        assert trial.release("ann", {f"{text}3": Step(True, "")}) == Done()
        trial.time_passes(1)
        claim = trial.claim("bob")
        assert isinstance(claim, Claimed)
        assert claim.steps == {**steps, f"{text}3": Step(True, "")}

    @pytest.mark.parametrize("reply", [None, "", "null", '""', "0", "false", "[]", "{}"])
    def test_an_empty_reply_is_not_a_missing_one(self, trial: Trial, reply: str | None) -> None:
        trial.claim("ann")
        trial.complete("ann", reply)
        assert trial.found().reply == reply

    @pytest.mark.parametrize("is_result", [True, False])
    def test_an_empty_step_is_a_step(self, trial: Trial, is_result: bool) -> None:
        trial.claim("ann")
        trial.save("ann", {"charge": Step(is_result, "")})
        assert trial.found().steps == {"charge": Step(is_result, "")}

    @pytest.mark.parametrize("letter", ["x", "é", "🧾", '"', "\n"], ids=ascii)
    def test_a_reply_of_the_longest_length_is_kept(self, store: Store, trial: Trial, letter: str) -> None:
        limit = 1_000_000 if store.reply_limit is None else store.reply_limit
        reply = letter * (limit // len(letter.encode()))
        reply += "x" * (limit - len(reply.encode()))
        trial.claim("ann")
        assert trial.complete("ann", reply) == Done()
        assert trial.found().reply == reply

    def test_large_steps_are_kept(self, trial: Trial) -> None:
        steps = {f"step {number}": Step(True, str(number) * 20_000) for number in range(10)}
        trial.claim("ann")
        for name, step in steps.items():
            assert trial.save("ann", {name: step}) == Done()
        assert trial.found().steps == steps

    def test_many_steps_are_kept(self, trial: Trial) -> None:
        steps = {f"step {number}": Step(bool(number % 2), str(number)) for number in range(200)}
        trial.claim("ann")
        assert trial.save("ann", steps) == Done()
        assert trial.found().steps == steps

    def test_a_time_is_kept_to_the_millisecond(self, trial: Trial) -> None:
        trial.claim("ann", lease=YEAR_9999 - trial.now)
        record = trial.found()
        assert (record.started, record.lease_until) == (trial.now, YEAR_9999)
        trial.time_passes(1)
        assert trial.claim("bob") == Existing(record)

    def test_a_command_that_is_not_known_is_refused(self, apply: Callable[[Any], StoreReply], trial: Trial) -> None:
        trial.claim("ann")
        record = trial.load()
        with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the caller's, not an answer of the store's
            apply(("melt", trial.key))
        assert trial.load() == record

    @pytest.mark.parametrize("text", ["", "x", "é" * 100_000])
    def test_a_text_is_kept_in_an_item_of_its_own(self, trial: Trial, text: str) -> None:
        for _ in range(2):  # a copy of it changes nothing
            assert trial.keep("ann", text, expires_after=99) == Done()
            record = trial.found()
            assert (record.owner, record.reply, record.is_final) == ("ann", text, True)
            assert (record.started, record.expires_at) == (trial.now, trial.expires_at(99))

    def test_a_text_that_is_kept_replaces_what_is_there(self, trial: Trial) -> None:
        trial.keep("ann", "one")
        trial.keep("ann", "two")
        assert trial.found().reply == "two"
