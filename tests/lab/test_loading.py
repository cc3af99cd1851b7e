"""From MODULE:HANDLER to a function, without a process."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from twicesafe.lab.loading import NotLoadable, Target, load, parse


@pytest.fixture(autouse=True)
def nothing_stays_imported() -> Iterator[None]:
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, text: str = "def handler(event, context): pass") -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    return write


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(NotLoadable) as caught:
        load(parse(text, [str(folder)]))
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


def test_a_function_is_named_by_its_module_and_its_own_name(tmp_path: Path) -> None:
    target = parse("shop.orders:handler", [str(tmp_path), "."])
    assert target == Target("shop.orders", "handler", (str(tmp_path), str(Path.cwd())))
    assert (target.lambda_handler, target.function_name) == ("shop.orders.handler", "shop-orders")


def test_a_folder_that_is_named_twice_is_searched_once(tmp_path: Path) -> None:
    assert parse("app:handler", [str(tmp_path), f"{tmp_path}/."]).folders == (str(tmp_path),)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("app.handler", "Did you mean app:handler?"),
        ("shop.orders.handler", "Did you mean shop.orders:handler?"),
        ("app.py:handler", "Did you mean app:handler?"),
        ("app.py", "Did you mean app:handler?"),
        ("src/app.py:main", "Did you mean app:main, run in src or with an event from there?"),
        ("app", "Write it such as app:handler or shop.orders:handler."),
        ("", "Write it such as app:handler or shop.orders:handler."),
        (":", "Write it such as app:handler or shop.orders:handler."),
        ("app:", "Write it such as app:handler or shop.orders:handler."),
        ("app:a-b", "Write it such as app:handler or shop.orders:handler."),
        ("..app:handler", "Write it such as app:handler or shop.orders:handler."),
    ],
)
def test_what_is_not_module_and_handler_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(NotLoadable) as caught:
        parse(text, ["."])
    assert str(caught.value) == f"{text!r} is not MODULE:HANDLER. {meant}"


def test_dots_lead_on_to_attributes(tmp_path: Path, write) -> None:
    write("in_class.py", "class Orders:\n    @staticmethod\n    def handle(event, context): return 7")
    assert load(parse("in_class:Orders.handle", [str(tmp_path)]))({}, None) == 7


def test_folders_are_searched_in_their_order_and_before_all_others(tmp_path: Path, write) -> None:
    write("a/json5x.py", "def handler(): return 'a'")
    write("b/json5x.py", "def handler(): return 'b'")
    sys.path.insert(0, str(tmp_path / "b"))
    assert load(parse("json5x:handler", [str(tmp_path / "a"), str(tmp_path / "b")]))() == "a"


def test_the_root_is_the_folder_that_has_the_code(tmp_path: Path, write) -> None:
    write("a/other.py")
    write("b/app.py")
    write("b/shop/orders.py")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert parse("app:handler", folders).root == parse("shop.orders:handler", folders).root == folders[1]
    assert parse("nowhere:handler", folders).root == folders[0]


def test_a_module_that_is_not_there_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    assert refusal("not_here:handler", tmp_path) == "There is no module 'not_here' in FOLDER."


def test_a_package_without_the_module_is_said_too(tmp_path: Path, write) -> None:
    write("a_shop/__init__.py", "")
    assert refusal("a_shop.orders:handler", tmp_path) == "There is no module 'a_shop.orders' in FOLDER."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import not_installed", "ModuleNotFoundError: No module named 'not_installed' (FOLDER/broken.py, line 1)."),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (FOLDER/broken.py, line 2)."),
        ("def handler(:", "SyntaxError: invalid syntax (FOLDER/broken.py, line 1)."),
        ("import sys\nsys.exit(4)", "SystemExit: 4 (FOLDER/broken.py, line 2)."),
        ("raise ValueError('two\\nlines')", "ValueError: two lines (FOLDER/broken.py, line 1)."),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_in_one_line_with_its_place(
    tmp_path: Path, write, code: str, said: str
) -> None:
    write("broken.py", code)
    assert refusal("broken:handler", tmp_path) == f"The module 'broken' could not be imported: {said}"


def test_a_function_that_is_not_there_is_said_with_those_that_are(tmp_path: Path, write) -> None:
    write("has_two.py", "from json import dumps\nclass A: pass\ndef b(): pass\n_hidden = print\nx = 3")
    assert refusal("has_two:handler", tmp_path) == "The module 'has_two' has no 'handler'. It has A, b."


def test_a_module_without_any_function_is_said(tmp_path: Path, write) -> None:
    write("empty_one.py", "")
    assert refusal("empty_one:handler", tmp_path) == (
        "The module 'empty_one' has no 'handler'. It has no function at all."
    )


def test_what_cannot_be_called_is_no_handler(tmp_path: Path, write) -> None:
    write("a_number.py", "handler = 5")
    assert refusal("a_number:handler", tmp_path) == "a_number:handler is no function, but of type int."
