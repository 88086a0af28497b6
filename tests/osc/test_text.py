"""Arguments as people write and read them in a terminal."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import IMPULSE, MIDI, Color, EncodeError, Message, TimeTag
from oscbridge.osc.text import format_message, guess_value, is_number, parse_arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        (" false\n", False),
        ("True", "True"),
        ("007", 7),
        ("-9223372036854775808", -(1 << 63)),
        ("9223372036854775808", float(1 << 63)),
        ("1" * 5_000, "1" * 5_000),
        (" 0.5 ", 0.5),
        ("inf", float("inf")),
        ("1e999", "1e999"),
        (" a ", " a "),
        ("", ""),
    ],
)
def test_value_of_a_text_is_guessed(text: str, value: object) -> None:
    found = guess_value(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("1", "i", 1),
        ("-1", "i", -1),
        ("+1", "i", 1),
        ("007", "i", 7),
        ("2147483648", "h", 2147483648),
        ("1.0", "f", 1.0),
        (".5", "f", 0.5),
        ("5.", "f", 5.0),
        ("1e3", "f", 1000.0),
        ("-inf", "f", float("-inf")),
        ("true", "T", True),
        ("false", "F", False),
        ("nil", "N", None),
        ("True", "s", "True"),
        ("", "s", ""),
        ("1_000", "s", "1_000"),
        (" 1", "s", " 1"),
        ("0x10", "s", "0x10"),
        ("١", "s", "١"),
        ("1,5", "s", "1,5"),
        ("-", "s", "-"),
    ],
)
def test_type_is_inferred(text: str, tag: str, value: object) -> None:
    assert parse_arguments([text]) == (tag, [value])


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("i", "0x10", 16),
        ("i", "010", 10),
        ("f", "1", 1.0),
        ("s", "1", "1"),
        ("b", "00ff", b"\x00\xff"),
        ("b", "0x00ff", b"\x00\xff"),
        ("b", "", b""),
        ("r", "#FF8000FF", Color(0xFF8000FF)),
        ("r", "ff8000ff", Color(0xFF8000FF)),
        ("m", "00 90 3c 7f", MIDI(0, 0x90, 0x3C, 0x7F)),
        ("t", "1", TimeTag(1)),
        ("t", "immediately", TimeTag(1)),
        ("t", "1970-01-01T00:00:00+00:00", TimeTag.from_unix(0)),
    ],
)
def test_type_can_be_forced(tag: str, text: str, value: object) -> None:
    assert parse_arguments([text], tag) == (tag, [value])


def test_tags_without_data_use_no_text() -> None:
    assert parse_arguments(["1"], "TiFNI") == ("TiFNI", [True, 1, False, None, IMPULSE])


def test_brackets_make_arrays() -> None:
    assert parse_arguments(["1", "2", "3"], "[i[i]]i")[1] == [[1, [2]], 3]


@pytest.mark.parametrize(
    ("texts", "types", "message"),
    [
        (["a"], "i", "'a' does not fit type tag 'i'"),
        (["zz"], "b", "'zz' does not fit type tag 'b'"),
        (["0090"], "m", "'0090' does not fit type tag 'm'"),
        (["soon"], "t", "'soon' does not fit type tag 't'"),
        ([], "i", "missing argument for type tag 'i' of ,i"),
        (["1", "2"], "i", "more arguments than type tags in ,i: '2'"),
        (["1"], "x", "unknown type tag 'x' in ,x"),
        (["1"], "i]", "unknown type tag ']' in ,i]"),
        (["1"], "[i", "unclosed '[' in ,[i"),
        (["9" * 5000], None, "a number of 5000 digits does not fit any type tag"),
    ],
)
def test_error_names_the_argument(texts: list[str], types: str | None, message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        parse_arguments(texts, types)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("types", "value", "shown"),
    [
        ("i", 1, "1"),
        ("f", 1.0, "1.0"),
        ("f", struct.unpack(">f", struct.pack(">f", 0.1))[0], "0.1"),
        ("f", 16777216.0, "16777216.0"),
        ("d", 0.1, "0.1"),
        ("d", 3.141592653589793, "3.141592653589793"),
        ("d", 1e300, "1e+300"),
        ("f", float("nan"), "nan"),
        ("f", float("-inf"), "-inf"),
        ("s", 'a "b" \\', '"a \\"b\\" \\\\"'),
        ("s", "é ✓", '"é ✓"'),
        ("s", "\x1b[31m\n\x7f\u202e", r'"\x1b[31m\n\x7f\u202e"'),
        ("b", b"\x00\xff", "0x00ff"),
        ("b", b"", "0x"),
        ("b", bytes(40), f"0x{'00' * 32}… (40 bytes)"),
        ("T", True, "true"),
        ("F", False, "false"),
        ("N", None, "nil"),
        ("I", IMPULSE, "impulse"),
        ("r", Color(0x11223344), "#11223344"),
        ("m", MIDI(0, 0x90, 60, 127), "MIDI[00 90 3c 7f]"),
        ("t", TimeTag(1), "immediately"),
        ("t", TimeTag.from_unix(0), "1970-01-01T00:00:00+00:00"),
        ("[i[s]]", [1, ["a"]], '[1 ["a"]]'),
    ],
)
def test_value_is_shown(types: str, value: object, shown: str) -> None:
    assert format_message(Message("/x", types, (value,))) == f"/x ,{types} {shown}"  # type: ignore[arg-type]


def test_message_without_type_tags_is_shown_without_a_comma() -> None:
    assert format_message(Message("/x", None, (b"ab",))) == "/x 0x6162"


@given(st.floats(width=32, allow_nan=False))
def test_format_float_uses_the_fewest_digits_that_identify_the_number(value: float) -> None:
    shown = format_message(Message("/x", "f", (value,))).split()[-1]
    assert struct.pack(">f", float(shown)) == struct.pack(">f", value)


@given(st.text())
def test_format_message_is_printable_for_any_text(text: str) -> None:
    assert format_message(Message("/" + text, "s", (text,))).isprintable()


def test_long_row_of_digits_is_read_in_no_time() -> None:
    assert not is_number("1" * 200_000 + "x")  # with backtracking it would take minutes
    assert is_number("1" * 200_000)
