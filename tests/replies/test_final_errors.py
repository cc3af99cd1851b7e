from __future__ import annotations

import sqlite3
import subprocess
import sys
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.replies.samples import Failing, exactly, values
from twicesafe.errors import CorruptRecord, InProgress, UnserializableReply
from twicesafe.replies import Codec

KEY = "shop#1"


class Declined(Exception):
    """Its __init__ takes what its args do not tell."""

    def __init__(self, card, *, code, amount=Decimal(1)):
        super().__init__(f"{card} was declined")
        self.card = card
        self.code = code
        self.amount = amount


class Stolen(Declined):
    pass


class Unreachable(OSError):
    def __init__(self, host):
        self.host = host
        super().__init__(111, "refused", host)


class Counted(Exception):
    made = 0

    def __new__(cls, *args):
        cls.made += 1
        return super().__new__(cls, *args)

    def __init__(self, *args):
        type(self).made += 1
        super().__init__(*args)

    def __setattr__(self, name, value):
        type(self).made += 1
        super().__setattr__(name, value)


class Slotted(Exception):
    __slots__ = ("code",)


class Response:
    """As an HTTP library has it."""


class Refused(Exception):
    def __init__(self, response):
        super().__init__(response)
        self.response = response
        self.status = 402

    def __str__(self):
        return f"refused with {self.status}"


def rebuilt(error, *named, again=()):
    """What a later caller gets, in a process of its own."""
    text = Codec(final_errors=named).encode_error(error)
    return Codec(final_errors=again or named).decode_error(text, KEY)


def told(error):
    """All that a program can tell of an error."""
    return (type(error), error.args, str(error), vars(error))


def noted(error, note):
    error.__notes__ = [note]  # as add_note() does from Python 3.11 on
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        ValueError("no", 1, (Decimal("1.10"),)),
        KeyError("name"),
        Declined("visa", code=7),
        Stolen("visa", code="x", amount=Decimal("-0")),
        noted(Declined("visa", code=7), "ask the bank"),
        OSError(2, "No such file", "there"),
        ConnectionRefusedError(111, "refused"),
        Unreachable("bank"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        ImportError("no", name="n", path="p"),
        sqlite3.IntegrityError("UNIQUE"),
        ClientError({"Error": {"Code": "Throttled"}}, "PutItem"),
        InProgress("k", 1, 5),
        StopIteration(3),
        SystemExit(2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_final_error_comes_back_as_it_was(error):
    read = rebuilt(error, BaseException)
    assert told(read) == told(error)
    assert exactly(list(read.args), list(error.args))


def test_the_parts_of_native_errors_come_back():
    read = rebuilt(Unreachable("bank"), OSError)
    assert (read.errno, read.strerror, read.filename, read.host) == (111, "refused", "bank", "bank")
    decode = rebuilt(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), ValueError)
    assert (decode.object, decode.reason) == (b"\xff", "invalid")
    assert rebuilt(ImportError("no", name="n"), ImportError).name == "n"
    assert rebuilt(SystemExit(2), SystemExit).code == 2


@given(st.lists(values, max_size=3), st.dictionaries(st.text(), values, max_size=3))
def test_arguments_and_attributes_are_exact_or_left_out(args, attributes):
    error = ValueError(*args)
    error.__dict__.update(attributes)
    read = rebuilt(error, ValueError)
    assert type(read) is ValueError
    assert exactly(list(read.args), args) or read.args == (str(error),)
    assert all(exactly(value, attributes[name]) for name, value in vars(read).items())


def test_no_code_of_the_user_runs_when_an_error_is_made_again():
    error = Counted("x")
    error.code = 1
    Counted.made = 0
    read = rebuilt(error, Counted)
    assert (Counted.made, read.args, read.code) == (0, ("x",), 1)


def test_an_attribute_without_a_text_is_left_out_and_its_class_stays():
    read = rebuilt(Refused(Response()), Refused)
    assert (type(read), read.args, str(read)) == (Refused, ("refused with 402",), "refused with 402")
    assert vars(read) == {"status": 402}


def test_an_attribute_that_cannot_be_written_costs_no_other():
    error = ValueError("x")
    error.nan, error.failing, error.code = float("nan"), Failing(), 7
    read = rebuilt(error, ValueError)
    assert (read.args, vars(read)) == (("x",), {"code": 7})


def test_an_argument_that_cannot_be_written_leaves_the_message():
    assert rebuilt(ValueError("x", float("nan")), ValueError).args == ("('x', nan)",)


def test_an_error_whose_message_fails_is_kept():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

    assert type(rebuilt(Mute(object()), Mute)) is Mute


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ExceptionGroup is new in Python 3.11")
def test_an_error_that_cannot_be_made_again_is_done_all_the_same():
    group = ExceptionGroup("all", [ValueError("x")])  # noqa: F821 - not there in Python 3.10
    assert isinstance(rebuilt(group, Exception), UnserializableReply)


def test_an_error_over_the_limit_keeps_its_class_without_its_attributes():
    codec = Codec(final_errors=(Declined,))
    error = Declined("visa", code=7)
    error.page = "".join(chr(300 + n) for n in range(5000))
    text = codec.encode_error(error, limit=1000)
    assert len(text.encode()) <= 1000
    read = codec.decode_error(text, KEY)
    assert (type(read), str(read)) == (Declined, "visa was declined")
    assert len(codec.encode_error(error).encode()) > 1000


def test_an_error_over_the_limit_with_its_message_alone_is_done_all_the_same():
    codec = Codec(final_errors=(ValueError,))
    text = codec.encode_error(ValueError("".join(chr(300 + n) for n in range(5000))), limit=1000)
    assert isinstance(codec.decode_error(text, KEY), UnserializableReply)


def test_a_long_error_is_compressed():
    codec = Codec(final_errors=(ValueError,))
    text = codec.encode_error(ValueError("x" * 10_000), limit=1000)
    assert codec.decode_error(text, KEY).args == ("x" * 10_000,)


# Which class


def test_a_subclass_of_a_named_class_comes_back_as_itself():
    assert type(rebuilt(Stolen("visa", code=1), Declined)) is Stolen


def test_a_subclass_that_is_not_loaded_comes_back_as_the_named_class_above_it():
    code = (
        "from tests.replies.test_final_errors import Declined, Codec\n"
        "class Lost(Declined): pass\n"
        "print(Codec(final_errors=(Declined,)).encode_error(Lost('visa', code=7)))"
    )
    text = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert "__main__.Lost" in text
    read = Codec(final_errors=(Declined,)).decode_error(text, KEY)
    assert (type(read), read.code, str(read)) == (Declined, 7, "visa was declined")


def test_a_class_that_is_not_named_any_more_is_a_corrupt_record():
    with pytest.raises(CorruptRecord, match=r"test_final_errors.Stolen' is none of final_errors= any more"):
        rebuilt(Stolen("visa", code=1), Declined, again=(KeyError,))
    with pytest.raises(CorruptRecord):
        Codec().decode_error(Codec(final_errors=(Declined,)).encode_error(Declined("visa", code=1)), KEY)


def test_of_two_classes_of_one_name_the_named_one_comes_back():
    first, second = (type("Twin", (Declined,), {"__module__": "m"}) for _ in range(2))
    assert type(rebuilt(second("visa", code=1), second, Declined)) is second
    assert type(rebuilt(second("visa", code=1), Declined)) is first  # no record can tell them apart


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "{}",
        "[]",
        '{"error":[]}',
        '{"error":["builtins.ValueError"]}',
        '{"error":"builtins.ValueError","args":[],"attributes":[]}',
        '{"error":[["builtins.ValueError"]],"args":[],"attributes":[]}',
        '{"error":["builtins.SystemExit"],"args":[],"attributes":[]}',
        '{"error":["builtins.UnicodeDecodeError"],"args":[1],"attributes":[]}',
        '{"error":["builtins.ValueError"],"args":3,"attributes":[]}',
        '{"error":["builtins.ValueError"],"args":[],"attributes":[1]}',
        '{"error":["builtins.ValueError"],"args":[],"attributes":[["__traceback__",1]]}',
        '{"error":["builtins.ValueError"],"args":[{"$x":1}],"attributes":[]}',
        "not json",
        "unkept:",
        "unkept:[]",
        "unkept:[1]",
        "unkept:" + "[" * 100_000,
        "[" * 100_000,
    ],
    ids=lambda text: text[:60],
)
def test_a_text_that_no_error_has_is_corrupt(text):
    read: object = None
    try:
        read = Codec(final_errors=(ValueError,)).decode_error(text, KEY)
    except CorruptRecord as error:
        read = error
    assert isinstance(read, CorruptRecord)
    assert read.key == KEY


def test_a_record_cannot_change_what_a_final_error_is():
    text = '{"error":["builtins.ValueError"],"args":["x"],"attributes":[["__class__","y"],["args",[1]]]}'
    read = Codec(final_errors=(ValueError,)).decode_error(text, KEY)
    assert (type(read), read.__class__) == (ValueError, ValueError)
