"""What comes from the environment: the store, and the switch for local runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import twicesafe
from tests.stand_ins import Context
from twicesafe import ConfigurationError, configuration, current_execution, idempotent
from twicesafe.stores.memory import MemoryStore

HANDLER = """
from twicesafe import idempotent

@idempotent
def handler(event, context):
    print("ran")

if __name__ == "__main__":
    handler({"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "q", "messageId": "m", "body": ""}]}, None)
"""


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    return monkeypatch


def run(file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a file by itself, as a deploy or a person does."""
    import os

    environment = {**os.environ, "PYTHONPATH": str(Path(twicesafe.__file__).parents[1]), **environment}
    command = [sys.executable, str(file)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=file.parent.parent, check=False)


# Off Lambda


def test_records_of_a_local_run_are_beside_the_code(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "handler.py").write_text(HANDLER)
    assert [run(app / "handler.py").stdout for _ in range(2)] == ["ran\n", ""]
    assert (app / ".twicesafe" / "records.db").exists()


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path}/named.db")
    idempotent(lambda: 1, name="work", key=lambda: "once")()
    assert (tmp_path / "named.db").exists()


def test_the_environment_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a test sets it, after the import of what it tests."""
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path}/first.db")
    calls: list[str] = []
    work = idempotent(name="work")(calls.append)
    for name in ("first", "second", "first"):
        monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path}/{name}.db")
        work("o-1")
    assert calls == ["o-1", "o-1"]


def test_the_decorators_store_comes_before_the_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path}/named.db")
    store = MemoryStore()
    idempotent(store=store, name="work", key=lambda: "once")(lambda: 1)()
    assert not (tmp_path / "named.db").exists()
    assert len(store._records) == 1


def test_functions_of_one_url_share_its_store_whoever_opens_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(configuration.shared_store, [url] * 32))
    assert len(set(map(id, stores))) == 1


@pytest.mark.parametrize("url", ["nowhere://x", "dynamo", "sqlite:///", "sqlite://host/path", "dynamodb://", ""])
def test_a_url_that_names_no_store_is_an_error_before_any_effect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    if url:
        with pytest.raises(ConfigurationError):
            idempotent(store=url, name="work", key=lambda: "once")(lambda: calls.append(1))()
        monkeypatch.setenv("TWICESAFE_STORE", url)
        with pytest.raises(ConfigurationError):
            idempotent(lambda: calls.append(1), name="work_2", key=lambda: "once")()
    assert calls == []


# On Lambda


@pytest.mark.parametrize("url", [None, "sqlite:////tmp/records.db", "memory://", "nowhere://x", "dynamodb://"])
def test_a_store_that_instances_cannot_share_is_an_error_at_import(
    on_lambda: pytest.MonkeyPatch, url: str | None
) -> None:
    with pytest.raises(ConfigurationError, match="dynamodb://"):
        idempotent(store=url, name="work", key=lambda: "once")(lambda: 1)
    if url is not None:
        on_lambda.setenv("TWICESAFE_STORE", url)
    with pytest.raises(ConfigurationError, match="dynamodb://"):
        idempotent(lambda: 1, name="work_2", key=lambda: "once")


def test_the_import_of_a_handler_without_a_store_says_what_to_do(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "handler.py").write_text(HANDLER)
    ended = run(app / "handler.py", AWS_LAMBDA_FUNCTION_NAME="checkout", AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001")
    assert ended.returncode == 1
    assert "Set TWICESAFE_STORE" in ended.stderr
    assert "twicesafe table" in ended.stderr
    assert not (app / ".twicesafe").exists()


def test_the_store_is_opened_at_import(on_lambda: pytest.MonkeyPatch) -> None:
    url = "dynamodb://opened-at-import"
    idempotent(store=url, name="work", key=lambda: "once")(lambda: 1)
    assert configuration._opened.pop(url).name.endswith("opened-at-import")


def test_a_store_of_the_users_own_is_taken_as_it_is(on_lambda: pytest.MonkeyPatch) -> None:
    assert idempotent(store=MemoryStore(), name="work", key=lambda: "once")(lambda: 7)() == 7


def test_a_function_name_alone_is_not_lambda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    assert idempotent(store=f"sqlite:///{tmp_path}/r.db", name="work", key=lambda: "once")(lambda: 7)() == 7


# Switched off


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on"])
def test_switched_off_everything_runs_each_time_and_that_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", value)
    monkeypatch.setenv("TWICESAFE_STORE", f"sqlite:///{tmp_path}/unused.db")
    calls: list[Any] = []

    @idempotent(name="work")
    def work(number: int) -> int:
        calls.append((current_execution().source, current_execution().key))
        return twicesafe.step("twice", lambda: number * 2)

    assert [work(1), work(1), work(2)] == [2, 2, 4]
    assert calls == [("disabled", None)] * 3
    assert not (tmp_path / "unused.db").exists()
    (warning,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "nothing is protected" in warning.getMessage()


def test_switched_off_a_handler_gets_its_event_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", "1")
    event = {"Records": [{"eventSource": "aws:sqs"}, {"not": "what SQS sends"}]}
    seen: list[Any] = []
    handler = idempotent(key="nothing.there", name="handler")(lambda event, context: seen.append(event))
    handler(event, Context())
    assert seen[0] is event


def test_switched_off_an_async_function_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", "1")

    @idempotent(name="work", key=lambda: "once")
    async def work() -> str:
        return current_execution().source

    assert asyncio.run(work()) == "disabled"


def test_switched_off_a_wrong_option_is_still_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", "1")
    with pytest.raises(ConfigurationError):
        idempotent(on_conflict="maybe", name="work", key=lambda: "once")(lambda: 1)  # type: ignore[call-overload]


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off"])
def test_what_does_not_say_yes_switches_nothing_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TWICESAFE_DISABLED", value)
    calls: list[int] = []
    work = idempotent(store=MemoryStore(), name="work", key=lambda: "once")(lambda: calls.append(1))
    work()
    work()
    assert calls == [1]


def test_on_lambda_it_cannot_be_switched_off(on_lambda: pytest.MonkeyPatch) -> None:
    on_lambda.setenv("TWICESAFE_DISABLED", "1")
    with pytest.raises(ConfigurationError, match="TWICESAFE_DISABLED"):
        idempotent(store="dynamodb://t", name="work", key=lambda: "once")(lambda: 1)
