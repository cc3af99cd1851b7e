"""Audits in the user's own tests: what can be handed in, and how they fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from twicesafe.audit.assertions import assert_safe_to_repeat, audited
from twicesafe.errors import ConfigurationError
from twicesafe.lab.loading import NotLoadable

EVENT = {"order_id": "o-17"}
SHOP = """\
import functools
import os
import urllib.request

import boto3

def charge(event, context):
    urllib.request.urlopen(urllib.request.Request("https://pay.example.com/" + event["order_id"], method="POST"))

def keep(event, context):
    boto3.resource("dynamodb").Table("orders").put_item(Item={"customer": os.environ["CUSTOMER"], **event})

def made():
    def handler(event, context):
        pass
    return handler

class Service:
    def handler(self, event, context):
        pass

def shouting(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

def quiet(event, context):
    pass

loud = shouting(quiet)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that tests can import, and so an audit can."""
    (tmp_path / "shop_under_test.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_under_test", raising=False)
    return import_module("shop_under_test")


def test_a_function_is_audited_by_its_name_and_the_failure_shows_the_timeline(shop: ModuleType) -> None:
    with pytest.raises(AssertionError) as failed:
        assert_safe_to_repeat(shop.charge, EVENT)
    report = str(failed.value).splitlines()
    assert report[0].startswith("unsafe   shop_under_test:charge   1 operation, 1 effect;")
    timeline = [line.split()[:3] for line in report]
    assert ["2", "delivery", "2"] in timeline
    assert any("https://pay.example.com/o-17   shop_under_test.py:8" in line for line in report)


@pytest.mark.usefixtures("shop")
def test_what_is_accepted_is_found_and_does_not_fail() -> None:
    found = audited("shop_under_test:charge", EVENT, accept=["twice:http POST https://pay.example.com/*"])
    assert [finding.kind for finding in found.findings] == ["twice"]
    found.assert_safe()


def test_the_world_can_be_said_in_short(shop: ModuleType) -> None:
    found = audited(
        shop.keep, {"id": "o-17"}, tables={"orders": ("customer", "id")}, env={"CUSTOMER": "c-1"}, jobs=1
    ).found
    assert (found.verdict, found.reason, found.assumptions) == ("safe", "same data", ())


def test_a_file_of_an_event_brings_the_world_beside_it(shop: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text(json.dumps({"id": "o-17"}))
    tables = [{"name": "orders", "keys": {"id": "S"}}]
    (tmp_path / "order.world.json").write_text(json.dumps({"tables": tables, "env": {"CUSTOMER": "c-1"}}))
    found = audited(shop.keep, tmp_path / "order.json").found
    assert (found.verdict, found.assumptions) == ("safe", ())


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (lambda _: lambda event, context: None, "it is a lambda"),
        (lambda shop: shop.made(), "it was made inside of another function"),
        (lambda shop: partial(shop.quiet), "it has no name of its own"),
        (lambda shop: shop.Service().handler, "shop_under_test:Service.handler is another one in a process of its own"),
        (lambda shop: shop.loud, "shop_under_test:quiet is another one in a process of its own"),
    ],
)
def test_what_another_process_would_not_find_is_refused(
    shop: ModuleType, chosen: Callable[[ModuleType], Any], why: str
) -> None:
    with pytest.raises(ConfigurationError, match="hand in 'MODULE:HANDLER'") as refused:
        audited(chosen(shop), EVENT)
    assert why in str(refused.value)


def test_a_handler_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(NotLoadable, match="There is no module 'nowhere'"):
        audited("nowhere:handler", EVENT)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"order\.json is no file of JSON"):
        audited("json:dumps", tmp_path / "order.json")


def test_the_plugins_fixture_fails_a_test_with_the_report_and_no_frame_of_ours(tmp_path: Path) -> None:
    (tmp_path / "shop_under_test.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(
        "import shop_under_test\n"
        "def test_quiet(audit): audit('shop_under_test:quiet', {}).assert_safe()\n"
        "def test_charge(audit): audit(shop_under_test.charge, {'order_id': 'o-17'}).assert_safe()\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_shop.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "1 failed, 1 passed" in ended.stdout
    assert "AssertionError: unsafe   shop_under_test:charge" in ended.stdout
    assert "2  delivery 2   http POST https://pay.example.com/o-17" in ended.stdout
    assert "assertions.py" not in ended.stdout


def test_the_plugin_imports_nothing_of_ours_before_it_is_used() -> None:
    program = "import sys, pytest_twicesafe; print([name for name in sys.modules if name.startswith('twicesafe')])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
