"""Message templates: what they make of a message, and what is wrong with bad ones."""

from __future__ import annotations

import math
import struct

import pytest

from oscbridge import IMPULSE, MIDI, Argument, Color, TimeTag
from oscbridge.bridge.routes.dropped import MessageDropped
from oscbridge.bridge.routes.template import Template
from oscbridge.osc.type_tags import infer


def make(
    template: str,
    *args: Argument,
    types: str | None = None,
    address: str = "/in",
    **captures: str,
) -> tuple[str, str, tuple[Argument, ...]]:
    """The address, the type tags and the arguments of what the template makes."""
    tags = infer(args) if types is None else types
    to, new, maker = Template(template, tuple(captures)).bind(address, tags, captures)
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
def test_a_literal_has_the_type_that_its_form_says(word: str, tag: str, value: Argument) -> None:
    assert make(f"/x {word}") == ("/x", tag, (value,))


def test_words_stand_apart_by_any_white_space() -> None:
    assert make("  /x\t1\n  a ") == ("/x", "is", (1, "a"))


def test_an_address_alone_makes_a_message_without_arguments() -> None:
    assert make("/go", 1, 2) == ("/go", "", ())


# --- arguments ---------------------------------------------------------------------------------


def test_an_argument_keeps_its_type() -> None:
    assert make("/x {1} {0}", 1.0, 5, types="dh") == ("/x", "hd", (5, 1.0))


def test_an_array_is_one_argument() -> None:
    assert make("/x {1}", 1, [1, "a"]) == ("/x", "[is]", ([1, "a"],))


def test_a_star_is_all_arguments_with_their_types() -> None:
    args = (1, [0.5, ["a"]], None, IMPULSE, True)
    assert make("/x 7 {*} end", *args) == ("/x", "ii[f[s]]NITs", (7, *args, "end"))


def test_a_star_of_no_arguments_is_nothing() -> None:
    assert make("/x {*}") == ("/x", "", ())


def test_a_star_with_a_type_converts_every_argument() -> None:
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
def test_an_argument_is_converted(tag: str, value: Argument, wanted: str, result: Argument) -> None:
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
def test_what_cannot_be_converted_is_dropped(tag: str, value: Argument, wanted: str) -> None:
    assert dropped(f"/x {{0:{wanted}}}", value, types=tag) == "conversion"


def test_a_message_that_lacks_an_argument_is_dropped() -> None:
    assert dropped("/x {1}", 1) == "arguments"


def test_a_message_that_lacks_an_argument_for_the_address_is_dropped() -> None:
    assert dropped("/x/{0}") == "arguments"


# --- captures and the address ------------------------------------------------------------------


def test_a_capture_that_is_a_whole_number_is_an_integer() -> None:
    assert make("/x {n}", n="12") == ("/x", "i", (12,))


@pytest.mark.parametrize("text", ["a", "1a", "-1", "1.5", "2147483648", "9" * 5000, "١"])
def test_another_capture_is_a_string(text: str) -> None:
    assert make("/x {n}", n=text) == ("/x", "s", (text,))


def test_a_capture_has_the_type_that_is_asked_for() -> None:
    assert make("/x {n:s} {n:f} {n:h}", n="07") == ("/x", "sfh", ("07", 7.0, 7))


def test_a_capture_that_cannot_be_converted_is_dropped() -> None:
    assert dropped("/x {n:i}", n="left") == "conversion"


def test_a_capture_in_the_address_or_in_text_is_as_it_stands_there() -> None:
    assert make('/ch/{n}/mix ch{n} "nr. {n}"', n="01") == ("/ch/01/mix", "ss", ("ch01", "nr. 01"))


def test_a_capture_in_the_address_may_lose_its_zeros() -> None:
    assert make("/ch/{n:i}", n="01")[0] == "/ch/1"


def test_a_capture_that_the_address_has_nothing_for_is_dropped() -> None:
    with pytest.raises(MessageDropped) as caught:
        Template("/x {n}", ("n",)).bind("/in", "", {})
    assert caught.value.reason == "captures"


def test_the_address_is_text() -> None:
    assert make('{address}/out {address} "of {address}"', address="/a/b") == (
        *("/a/b/out", "ss"),
        ("/a/b", "of /a/b"),
    )


def test_arguments_within_text_are_their_text() -> None:
    made = make('/x "{0} of {1}, {2}" a{*} "{0}"', 1, 2.5, "three")
    assert made == ("/x", "sss", ("1 of 2.5, three", "a1 2.5 three", "1"))


def test_an_array_within_text_can_be_read() -> None:
    assert make('/x "is {0}"', [1, "a"])[2] == ('is [1 "a"]',)


def test_an_argument_may_be_a_part_of_the_address() -> None:
    assert make("/x/{0}/{1:i}", "left", 2.0) == ("/x/left/2", "", ())


@pytest.mark.parametrize("text", ["a b", "a*", "a?", "#", "a,b", "[a]", "{a}", "a\x00", "\x7f"])
def test_an_address_that_a_receiver_would_take_for_a_pattern_is_dropped(text: str) -> None:
    assert dropped("/x/{0}", text) == "address"
    assert dropped("/x/{n}", n=text) == "address"


def test_an_empty_part_of_an_address_is_dropped() -> None:
    assert dropped("/x/{0}/y", "") == "address"


def test_a_pattern_goes_on_to_the_same_address() -> None:
    assert make("{address} {0:i}", 1.0, address="/a/*") == ("/a/*", "i", (1,))


def test_a_pattern_with_something_added_is_dropped() -> None:
    assert dropped("{address}/x", address="/a/*") == "address"


# --- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "an address is missing"),
        ("  ", "an address is missing"),
        ("x 1", "the address 'x' does not start with '/'"),
        ("{0} 1", "does not start with '/'"),
        ("{address:s}", "does not start with '/'"),
        ('""', "the address '' does not start with '/'"),
        ("/a*b", "an address to send to cannot have '*' in it"),
        ('"/a b"', "an address to send to cannot have ' ' in it"),
        ("/a//b", "an address to send to cannot have '//' in it"),
        ('/x "a', "cannot read '\"a': quotes stand around"),
        ('/x "a"b', "cannot read"),
        ('/x a"b"', "cannot read"),
        ("/x {m}", "unknown placeholder {m}; captured by the match: {n}"),
        ("/x/{m}", "unknown placeholder {m}"),
        ('/x "{m}"', "unknown placeholder {m}"),
        ("/x {", "has a brace without its partner"),
        ("/x }", "has a brace without its partner"),
        ("/x {0", "has a brace without its partner"),
        ("/x {}", "{} is none of {0}, {0:i}, {name}, {*}"),
        ("/x {0:b}", "{0:b} is none of"),
        ("/x {a b}", "has a brace without its partner"),
        ("/x {-1}", "{-1} is none of"),
        (r'/x "\d"', r"\d has no meaning; write \\ for a backslash"),
        (r"/x a\b", "a backslash stands within quotes only"),
        ("/x 9223372036854775808", "is too large for 64 bits"),
        ("/x " + "9" * 5000, "is too large for 64 bits"),
        ("/x 1e39", "is too large for 32 bits"),
        ("/x a\0", "a NUL cannot be sent"),
    ],
)
def test_a_malformed_template_is_told_in_one_line(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        Template(text, ("n",))
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_capture_of_the_name_address_is_refused_where_it_would_be_taken_for_another() -> None:
    with pytest.raises(ValueError, match=r"give the match's \{address\} another name"):
        Template("/x {address}", ("address",))
    Template("/x 1", ("address",))


def test_a_match_without_captures_is_told() -> None:
    with pytest.raises(ValueError, match="captured by the match: none"):
        Template("/x {n}")


@pytest.mark.parametrize(
    ("template", "types", "why"),
    [
        ("/x {3}", "f", "{3} is never there: messages with types = 'f' have one argument"),
        ("/x/{0}", "", "{0} is never there: messages with types = '' have no arguments"),
        ('/x "{2}"', "[ii]i", "{2} is never there: messages with types = '[ii]i' have 2 arguments"),
        ("/x {0:i}", "b", "{0:i} is never there: what has the type 'b' is no number"),
        ("/x {1:f}", "i[i]", "{1:f} is never there: what has the type '[i]' is no number"),
        ("/x {0} {*} {1:i}", "fs", ""),
        ("/x {0:s}", "b", ""),
    ],
)
def test_what_messages_of_some_types_can_never_give_is_told(
    template: str, types: str, why: str
) -> None:
    assert Template(template).impossible(types) == why
