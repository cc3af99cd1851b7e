"""A real process, stopped for longer than its lease while other deliveries come, and thawed again.

It has a delivery in progress for each scene, so that the tests wait for one lease and not for each.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.execution import frozen_worker
from tests.execution.frozen_worker import Worker, heard
from tests.stand_ins import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMS = tuple(product(("sync", "async"), ("renewed", "bounded")))
SCENES = tuple("-".join((*form, *kind)) for form in FORMS for kind in product(("rerun", "raise"), ("step", "plain")))
each_form = pytest.mark.parametrize("form", ["-".join(form) for form in FORMS])


class Seen(NamedTuple):
    """What came of one scene: what three deliveries heard, and how often the effect was had."""

    while_frozen: str
    thawed: str
    afterwards: str
    effects: int


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    base = tmp_path_factory.mktemp("frozen")
    folders = {scene: base / scene for scene in SCENES}
    for folder in folders.values():
        folder.mkdir()
    process = subprocess.Popen([sys.executable, frozen_worker.__file__, *map(str, folders.values())])
    try:
        until(lambda: all((folder / "begun").exists() for folder in folders.values()))
        process.send_signal(signal.SIGSTOP)
        while_frozen = {scene: heard_after_the_lease(folder) for scene, folder in folders.items()}
        for folder in folders.values():
            (folder / "go").touch()
        process.send_signal(signal.SIGCONT)
        process.wait(PATIENCE)
        yield {
            scene: Seen(
                while_frozen[scene],
                (folder / "heard").read_text(),
                heard(Worker(folder)),
                (folder / "effects").read_text().count("effect") if (folder / "effects").exists() else 0,
            )
            for scene, folder in folders.items()
        }
    finally:
        process.kill()
        process.wait()


def heard_after_the_lease(folder: Path) -> str:
    answers: list[str] = []
    until(lambda: answers.append(heard(Worker(folder))) or answers[-1] != "InProgress")
    return answers[-1]


@each_form
def test_the_thawed_one_runs_no_further_effect_and_overwrites_nothing(scenes: Any, form: str) -> None:
    assert scenes[f"{form}-rerun-step"] == Seen("second", "LeaseLost", "second", effects=1)


@each_form
def test_a_thawed_one_that_has_no_effect_left_gets_the_others_reply(scenes: Any, form: str) -> None:
    assert scenes[f"{form}-rerun-plain"] == Seen("second", "second", "second", effects=0)


@each_form
def test_what_must_never_run_again_is_unknown_until_the_thawed_one_completes(scenes: Any, form: str) -> None:
    assert scenes[f"{form}-raise-plain"] == Seen("UnknownOutcome", "first", "first", effects=0)


@each_form
def test_a_step_after_the_lease_is_refused_even_where_nobody_else_may_run(scenes: Any, form: str) -> None:
    assert scenes[f"{form}-raise-step"] == Seen("UnknownOutcome", "LeaseLost", "second", effects=1)
