"""How long a command may take: a delivery whose store hangs ends in an error, before the platform's kill."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from twicesafe.errors import StoreUnavailable
from twicesafe.protocol.commands import Claim, Complete, Keep, List, Load, Release, Renew, SaveStep, Transact
from twicesafe.protocol.policy import KEPT_BACK
from twicesafe.protocol.records import Millis, Seconds, Status
from twicesafe.stores import limits
from twicesafe.stores.base import bounded_by
from twicesafe.stores.limits import KEPT_FOR_A_RELEASE, LEAST_USEFUL, SILENCE_LASTS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = Millis(1_000_000)
CLAIM = Claim("k", "ann", NOW, NOW, Seconds(9))
COMPLETE = Complete("k", "ann", Status.COMPLETED, "1", Seconds(9))
RELEASE = Release("k", "ann", NOW, Seconds(9))
SAVE = SaveStep("k", "ann", {})
FOLLOWED: list[Any] = [CLAIM, SAVE, Keep("k", "ann", NOW, "1", Seconds(9)), Load("k"), Transact(SAVE, (), "t")]
LAST: list[Any] = [COMPLETE, RELEASE, Transact(COMPLETE, (), "t")]


class Clock:
    """Both clocks, moved by the test."""

    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        return 5_000.0 + self.passed

    def monotonic(self) -> float:
        return self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


@pytest.fixture
def begin(clock: Clock) -> Callable[[Any, int], int]:
    """Begin a command with so many milliseconds left, and say what of them it may take."""
    opened = Limits("s")

    def begin(command: Any, left: int, *, is_silent: bool = False) -> int:
        opened.hear(is_silent=is_silent)
        with bounded_by(Millis(NOW + left)):
            taken = opened.begin(command, NOW)()
        assert taken is not None
        return taken

    return begin


@pytest.mark.parametrize("command", LAST)
def test_the_last_command_leaves_what_an_error_needs(begin: Any, command: Any) -> None:
    assert [begin(command, left) for left in (3_000, 6_000, 1_000)] == [2_500, 5_500, 500]


@pytest.mark.parametrize("command", FOLLOWED)
def test_a_command_that_a_release_follows_leaves_time_for_both(begin: Any, command: Any) -> None:
    assert [begin(command, left) for left in (3_000, 6_000)] == [2_250, 5_250]
    assert begin(RELEASE, 3_000 - 2_250, is_silent=True) == KEPT_FOR_A_RELEASE


@pytest.mark.parametrize("command", [*LAST, *FOLLOWED])
def test_near_the_deadline_a_command_gets_half_of_what_is_left(begin: Any, command: Any) -> None:
    assert [begin(command, left) for left in (400, 200)] == [200, 100]
    assert [begin(command, left) for left in (60, 0, -700)] == [LEAST_USEFUL] * 3  # Lambda kills late at times


@pytest.mark.parametrize("command", [*LAST, *FOLLOWED, Renew("k", "ann", NOW, None), List()])
def test_without_a_deadline_nothing_bounds_a_command(clock: Clock, command: Any) -> None:
    opened = Limits("s")
    opened.hear(is_silent=True)
    assert opened.begin(command, NOW)() is None


def test_what_is_left_of_a_command_goes_down_by_the_time_gone_by(clock: Clock) -> None:
    with bounded_by(Millis(NOW + 3_000)):
        left = Limits("s").begin(COMPLETE, NOW)
    clock.passed += 2
    assert left() == 500
    clock.passed += 2
    assert left() == -1_500


@pytest.mark.parametrize("command", [*FOLLOWED, RELEASE])
def test_of_a_silent_store_nothing_is_asked_at_the_cost_of_the_error(begin: Any, command: Any) -> None:
    with pytest.raises(StoreUnavailable, match="did not answer just before, and no time is left") as told:
        begin(command, KEPT_BACK, is_silent=True)
    assert (told.value.store, told.value.key) == ("s", "k")


@pytest.mark.parametrize("command", [COMPLETE, Transact(COMPLETE, (), "t")])
def test_a_silent_store_is_asked_to_record_what_was_done(begin: Any, command: Any) -> None:
    assert begin(command, 300, is_silent=True) == 150


def test_a_silence_is_over_after_a_while(clock: Clock) -> None:
    opened = Limits("s")
    opened.hear(is_silent=True)
    clock.passed += SILENCE_LASTS
    with bounded_by(Millis(NOW + 300)):
        assert opened.begin(CLAIM, NOW)() in (149, 150)


@pytest.mark.parametrize("limit", [900, 1_000, 3_000, 6_000])
def test_a_batch_on_a_silent_store_ends_before_its_deadline(clock: Clock, limit: int) -> None:
    opened, asked = Limits("s"), itertools.count()
    for _ in range(50):
        for command in (CLAIM, RELEASE):
            left = Millis(limit - int(clock.passed * 1000))
            try:
                with bounded_by(Millis(NOW + left)):
                    taken = opened.begin(command, NOW)()
            except StoreUnavailable:
                continue
            assert taken is not None
            next(asked)
            clock.passed += taken / 1000
            opened.hear(is_silent=True)
    assert limit - clock.passed * 1000 >= min(KEPT_BACK, limit // 2)
    assert next(asked) in (1, 2)
