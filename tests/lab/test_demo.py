"""The demo's counting, and that it can fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from twicesafe.lab import demo
from twicesafe.lab.demo import Demo, Scene, World, checkout


@pytest.mark.parametrize(
    ("world", "is_exact", "is_damaged"),
    [
        (World(2, 1, 1, 1), True, False),
        (World(5, 5, 4, 4), False, True),
        (World(0, 0, 0, 0), False, False),
        (World(1, 1, 1, 2), False, False),
        (World(1, 1, 2, 1), False, False),
        (World(1, 2, 1, 1), False, True),
    ],
)
def test_exact_is_one_charge_one_order_one_mail(world: World, is_exact: bool, is_damaged: bool) -> None:
    assert (world.is_exact, world.is_damaged) == (is_exact, is_damaged)


def test_a_kill_at_the_charge_leaves_a_charge_and_nothing_else() -> None:
    with Demo() as stage:
        played = stage.play(Scene("killed", is_killed=True))
        assert [each.ending for each in (*played.unprotected, *played.protected)] == ["killed", "killed"]
        assert stage.unprotected.world() == stage.protected.world() == World(1, 1, 0, 0)


def test_a_kill_before_the_mail_leaves_a_recorded_charge_that_is_not_asked_for_again() -> None:
    with Demo() as stage:
        played = stage.play(Scene("killed later", is_killed_later=True))
        assert [each.ending for each in (*played.unprotected, *played.protected)] == ["killed", "killed"]
        assert stage.unprotected.world() == stage.protected.world() == World(1, 1, 0, 0)
        stage.play(Scene("redelivered", after=demo.VISIBILITY))
        assert stage.protected.world() == World(1, 1, 1, 1)
        assert stage.unprotected.world() == World(2, 2, 1, 1)


def test_deliveries_at_the_same_moment_both_charge_without_protection() -> None:
    with Demo() as stage:
        played = stage.play(Scene("twice", deliveries=2))
        assert [each.ending for each in played.unprotected] == ["returned", "returned"]
        assert stage.unprotected.world() == World(2, 2, 2, 2)
        assert stage.protected.world() == World(1, 1, 1, 1)


def test_each_delivery_is_that_of_a_queue() -> None:
    with Demo() as stage:
        (first,) = stage.play(Scene("once")).protected
        (again,) = stage.play(Scene("again")).protected
    assert first.call.event != again.call.event
    assert first.call.request_id != again.call.request_id


def test_the_handler_is_that_of_the_examples() -> None:
    names = [path.name for path in Path(checkout()).glob("*.*")]
    assert sorted(names) == ["app.py", "event.json", "event.world.json", "payments.py"]


def test_with_protection_defeated_the_protected_side_is_not_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defeat(tmp_path)
    monkeypatch.setattr(demo, "checkout", lambda: str(tmp_path))
    with Demo() as stage:
        stage.play(Scene("twice", deliveries=2))
        assert stage.protected.world() == World(2, 2, 2, 2)
        assert not stage.protected.world().is_exact


def defeat(folder: Path) -> None:
    """Put the example there, with a decorator that does nothing."""
    shutil.copytree(checkout(), folder, dirs_exist_ok=True)
    app = (folder / "app.py").read_text()
    nothing = "def idempotent(function):\n    function.__wrapped__ = function\n    return function\n\n\n@idempotent"
    (folder / "app.py").write_text(app.replace("@idempotent", nothing))
