"""Message templates: the messages they make, and the errors of invalid ones."""

from __future__ import annotations

import math
import struct

import pytest

from oscbridge import (
    IMPULSE,
    MIDI,
    Argument,
    Color,
    Message,
    MessageDropped,
    MessageTemplate,
    Origin,
    TimeTag,
)
from oscbridge.osc.type_tags import infer


def make(
    template: str,
    *args: Argument,
    types: str | None = None,
    address: str = "/in",
    **captures: str,
) -> tuple[str, str, tuple[Argument, ...]]:
    """The address, the type tags and the arguments of the new message."""
    tags = infer(args) if types is None else types
    to, new, maker = MessageTemplate(template, tuple(captures)).bind(address, tags, captures)
    return (to if isinstance(to, str) else to(args)), new, maker(args)


def dropped(template: str, *args: Argument, **options: str) -> str:
    """The reason for which a message is dropped."""
    with pytest.raises(MessageDropped) as caught:
        make(template, *args, **options)
    assert "\n" not in str(caught.value)
    return caught.value.reason


# --- literals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "tag", "value"),
    [
        ("1", "i", 1),
        ("-1", "i", -1),
        ("+7", "i", 7),
        ("2147483647", "i", 2147483647),
        ("2147483648", "h", 2147483648),
        ("-9223372036854775808", "h", -(1 << 63)),
        ("1.0", "f", 1.0),
        ("-.5", "f", -0.5),
        ("1e3", "f", 1000.0),
        ("inf", "f", math.inf),
        ("true", "T", True),
        ("false", "F", False),
        ("nil", "N", None),
        ("impulse", "I", IMPULSE),
        ("text", "s", "text"),
        ("True", "s", "True"),
        ("1_000", "s", "1_000"),
        ("١", "s", "١"),
        ('"1"', "s", "1"),
        ('"true"', "s", "true"),
        ('""', "s", ""),
        ('"a  b"', "s", "a  b"),
        (r'"a \"b\" \\ \{n\} \n\t"', "s", 'a "b" \\ {n} \n\t'),
    ],
)
def test_literal_type_follows_its_notation(word: str, tag: str, value: Argument) -> None:
    assert make(f"/x {word}") == ("/x", tag, (value,))


def test_any_white_space_separates_words() -> None:
    assert make("  /x\t1\n  a ") == ("/x", "is", (1, "a"))


def test_address_alone_makes_a_message_without_arguments() -> None:
    assert make("/go", 1, 2) == ("/go", "", ())


# --- arguments ---------------------------------------------------------------------------------


def test_argument_keeps_its_type() -> None:
    assert make("/x {1} {0}", 1.0, 5, types="dh") == ("/x", "hd", (5, 1.0))


def test_array_is_one_argument() -> None:
    assert make("/x {1}", 1, [1, "a"]) == ("/x", "[is]", ([1, "a"],))


def test_star_inserts_all_arguments_with_their_types() -> None:
    args = (1, [0.5, ["a"]], None, IMPULSE, True)
    assert make("/x 7 {*} end", *args) == ("/x", "ii[f[s]]NITs", (7, *args, "end"))


def test_star_without_arguments_inserts_nothing() -> None:
    assert make("/x {*}") == ("/x", "", ())


def test_star_with_a_type_converts_every_argument() -> None:
    assert make("/x {*:i}", 1.6, "2", True) == ("/x", "iii", (2, 2, 1))


@pytest.mark.parametrize(
    ("tag", "value", "wanted", "result"),
    [
        ("f", 0.5, "i", 1),
        ("f", 63.5, "i", 64),
        ("f", -0.5, "i", 0),
        ("f", 0.49999999999999994, "i", 0),
        ("d", 1e15, "h", 10**15),
        ("T", True, "i", 1),
        ("F", False, "f", 0.0),
        ("s", "42", "i", 42),
        ("s", "-2.5", "i", -2),
        ("s", "9007199254740993", "h", 9007199254740993),
        ("s", "0.25", "f", 0.25),
        ("i", 3, "f", 3.0),
        ("i", 3, "d", 3.0),
        ("i", 3, "h", 3),
        ("r", Color(0x102), "i", 258),
        ("t", TimeTag(7), "h", 7),
        ("f", math.inf, "d", math.inf),
        ("i", -3, "s", "-3"),
        ("f", 1.0, "s", "1"),
        ("f", 1234567.0, "s", "1234567"),
        ("f", struct.unpack(">f", struct.pack(">f", 0.1))[0], "s", "0.1"),
        ("d", 0.123456789, "s", "0.123456789"),
        ("f", math.nan, "s", "nan"),
        ("T", True, "s", "true"),
        ("N", None, "s", "nil"),
        ("I", IMPULSE, "s", "impulse"),
        ("b", b"\x00\xff", "s", "0x00ff"),
    ],
)
def test_typed_placeholder_converts_the_argument(
    tag: str, value: Argument, wanted: str, result: Argument
) -> None:
    made = make(f"/x {{0:{wanted}}}", value, types=tag)
    assert made == ("/x", wanted, (result,))
    assert type(made[2][0]) is type(result)


@pytest.mark.parametrize(
    ("tag", "value", "wanted"),
    [
        ("s", "loud", "i"),
        ("s", "loud", "f"),
        ("s", "1_0", "i"),
        ("s", "1e999", "i"),
        ("f", math.nan, "i"),
        ("f", math.inf, "h"),
        ("d", 3e9, "i"),
        ("h", 1 << 40, "i"),
        ("d", 1e300, "f"),
        ("N", None, "f"),
        ("b", b"1", "i"),
        ("m", MIDI(0, 1, 2, 3), "i"),
        ("[i]", [1], "i"),
    ],
)
def test_failed_conversion_drops_the_message(tag: str, value: Argument, wanted: str) -> None:
    assert dropped(f"/x {{0:{wanted}}}", value, types=tag) == "conversion"


def test_missing_argument_drops_the_message() -> None:
    assert dropped("/x {1}", 1) == "arguments"


def test_missing_argument_in_the_address_drops_the_message() -> None:
    assert dropped("/x/{0}") == "arguments"


# --- captures and the address ------------------------------------------------------------------


def test_capture_of_a_whole_number_is_an_integer() -> None:
    assert make("/x {n}", n="12") == ("/x", "i", (12,))


@pytest.mark.parametrize("text", ["a", "1a", "-1", "1.5", "2147483648", "9" * 5000, "١"])
def test_other_captures_are_strings(text: str) -> None:
    assert make("/x {n}", n=text) == ("/x", "s", (text,))


def test_typed_placeholder_converts_the_capture() -> None:
    assert make("/x {n:s} {n:f} {n:h}", n="07") == ("/x", "sfh", ("07", 7.0, 7))


def test_failed_conversion_of_a_capture_drops_the_message() -> None:
    assert dropped("/x {n:i}", n="left") == "conversion"


def test_capture_within_text_keeps_leading_zeros() -> None:
    assert make('/ch/{n}/mix ch{n} "nr. {n}"', n="01") == ("/ch/01/mix", "ss", ("ch01", "nr. 01"))


def test_typed_capture_in_the_address_loses_leading_zeros() -> None:
    assert make("/ch/{n:i}", n="01")[0] == "/ch/1"


def test_missing_capture_drops_the_message() -> None:
    with pytest.raises(MessageDropped) as caught:
        MessageTemplate("/x {n}", ("n",)).bind("/in", "", {})
    assert caught.value.reason == "captures"


def test_address_placeholder_is_text() -> None:
    assert make('{address}/out {address} "of {address}"', address="/a/b") == (
        *("/a/b/out", "ss"),
        ("/a/b", "of /a/b"),
    )


def test_arguments_within_text_are_formatted() -> None:
    made = make('/x "{0} of {1}, {2}" a{*} "{0}"', 1, 2.5, "three")
    assert made == ("/x", "sss", ("1 of 2.5, three", "a1 2.5 three", "1"))


def test_array_within_text_is_formatted_with_brackets() -> None:
    assert make('/x "is {0}"', [1, "a"])[2] == ('is [1 "a"]',)


def test_argument_can_be_part_of_the_address() -> None:
    assert make("/x/{0}/{1:i}", "left", 2.0) == ("/x/left/2", "", ())


@pytest.mark.parametrize("text", ["a b", "a*", "a?", "#", "a,b", "[a]", "{a}", "a\x00", "\x7f"])
def test_address_with_pattern_characters_drops_the_message(text: str) -> None:
    assert dropped("/x/{0}", text) == "address"
    assert dropped("/x/{n}", n=text) == "address"


def test_empty_part_of_the_address_drops_the_message() -> None:
    assert dropped("/x/{0}/y", "") == "address"


def test_pattern_address_is_kept_unchanged() -> None:
    assert make("{address} {0:i}", 1.0, address="/a/*") == ("/a/*", "i", (1,))


def test_extended_pattern_address_drops_the_message() -> None:
    assert dropped("{address}/x", address="/a/*") == "address"


# --- bad templates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "missing address"),
        ("  ", "missing address"),
        ("x 1", "invalid address 'x': must start with '/' or {address}"),
        ("{0} 1", "invalid address '{0}': must start with '/'"),
        ("{address:s}", "must start with '/'"),
        ('""', "invalid address '': must start with '/'"),
        ("/a*b", "invalid address '/a*b': must not contain '*'"),
        ('"/a b"', "invalid address '/a b': must not contain ' '"),
        ("/a//b", "invalid address '/a//b': must not contain '//'"),
        ('/x "a', "unclosed '\"' at position 4"),
        ('/x "a\\"', "unclosed '\"' at position 4"),
        ('/x "a"b', "expected a space at position 7, after the quote"),
        ('/x a"b"', "unexpected '\"' at position 5; quotes must enclose a whole argument"),
        ("/x {m}", "unknown placeholder {m}; captured by the match: {n}"),
        ("/x/{m}", "unknown placeholder {m}"),
        ('/x "{m}"', "unknown placeholder {m}"),
        ("/x {", "unclosed '{' at position 4"),
        ("/x }", "unexpected '}' at position 4"),
        ("/x {0", "unclosed '{' at position 4"),
        ('/x  "a {0"', "unclosed '{' at position 8"),
        ("/x {}", "invalid placeholder {} at position 4; expected {0}, {0:i}, {name}, {*}"),
        ("/x {var.a}", "or {address}; write {= var.a} for an expression"),
        ("/x {n * 2}", "or {address}; write {= n * 2} for an expression"),
        ("/x {= {} }", "expression at position 4 contains '{'; braces are not available"),
        ("/x {= x", "unclosed '{' at position 4"),
        ("/x {p*}", "or {address}; write {p}, the * is only for 'match'"),
        ("/x {0:b}", "invalid placeholder {0:b} at position 4"),
        ("/x {a b}", "invalid placeholder {a b} at position 4"),
        ("/x {-1}", "invalid placeholder {-1} at position 4"),
        ("/x {1234567890}", "invalid placeholder {1234567890} at position 4"),
        (r'/x "\d"', r"unknown escape \d at position 5; write \\ for a backslash"),
        (r"/x a\b", r"unexpected '\' at position 5; quote the argument"),
        ("/x 9223372036854775808", "does not fit a 64-bit integer"),
        ("/x " + "9" * 5000, "does not fit a 64-bit integer"),
        ("/x 1e39", "does not fit a 32-bit float"),
        ("/x a\0", "invalid character NUL"),
    ],
)
def test_message_template_error_is_one_short_line(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        MessageTemplate(text, ("n",))
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_message_template_rejects_many_placeholders_before_a_quote_at_once() -> None:
    with pytest.raises(ValueError, match="unexpected"):
        MessageTemplate("/x " + "{n}" * 5000 + '"', ("n",))


def test_message_template_rejects_an_ambiguous_address_placeholder() -> None:
    with pytest.raises(ValueError, match=r"rename the capture \{address\}"):
        MessageTemplate("/x {address}", ("address",))
    MessageTemplate("/x 1", ("address",))


def test_message_template_without_captures_names_none_as_available() -> None:
    with pytest.raises(ValueError, match="captured by the match: none"):
        MessageTemplate("/x {n}")


@pytest.mark.parametrize(
    ("template", "types", "why"),
    [
        ("/x {3}", "f", "missing argument {3}: messages of types 'f' have one argument"),
        ("/x/{0}", "", "missing argument {0}: messages of types '' have no arguments"),
        (
            '/x "{2}"',
            "[ii]i",
            "missing argument {2}: messages of types '[ii]i' have 2 arguments",
        ),
        ("/x {0:i}", "b", "cannot convert {0:i}: type 'b' is not a number"),
        ("/x {1:f}", "i[i]", "cannot convert {1:f}: type '[i]' is not a number"),
        ("/x {0} {*} {1:i}", "fs", ""),
        ("/x {0:s}", "b", ""),
    ],
)
def test_conflict_with_types_names_the_placeholder_and_the_reason(
    template: str, types: str, why: str
) -> None:
    assert MessageTemplate(template).conflict_with(types) == why


# --- messages ----------------------------------------------------------------------------------


def test_fill_keeps_the_time_tag_and_the_origin() -> None:
    message = Message("/a/7", "f", (0.5,), TimeTag(9), Origin("stage", "peer"))
    filled = MessageTemplate("/b/{0} {n}", ("n",)).fill(message, {"n": "7"})
    assert filled == Message("/b/0.5", "i", (7,), TimeTag(9), Origin("stage", "peer"))


def test_placeholders_are_those_of_the_address_and_of_all_arguments() -> None:
    template = MessageTemplate('/{n}/a {0:i} 1 "x {*}"', ("n",))
    assert [str(each) for each in template.placeholders] == ["{n}", "{0:i}", "{*}"]
