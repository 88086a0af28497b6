"""The attribute VALUE: values as JSON by their type tags, and back."""

from __future__ import annotations

import math

import pytest

import oscbridge
from oscbridge import IMPULSE, MIDI, Color, Message, TimeTag
from oscbridge_oscquery.values import (
    MAX_ARRAY_DEPTH,
    MAX_VALUES,
    ValueMismatch,
    decode_value,
    encode_value,
    has_same_shape,
    is_type_tags,
)

BOTH = [
    ("i", (5,), [5]),
    ("h", (1 << 60,), [1 << 60]),
    ("f", (0.5,), [0.5]),
    ("d", (0.1,), [0.1]),
    ("s", ("text",), ["text"]),
    ("S", ("text",), ["text"]),
    ("c", ("x",), ["x"]),
    ("r", (Color(0xFF00807F),), ["#FF00807F"]),
    ("T", (True,), [True]),
    ("F", (False,), [False]),
    ("N", (None,), [None]),
    ("I", (IMPULSE,), [None]),
    ("", (), []),
    ("ffs", (0.0, 1.0, "a"), [0.0, 1.0, "a"]),
    ("i[ff]i", (1, [0.0, 1.0], 2), [1, [0.0, 1.0], 2]),
    ("[i[s]]", ([1, ["a"]],), [[1, ["a"]]]),
    ("[]", ([],), [[]]),
]


@pytest.mark.parametrize(("types", "args", "document"), BOTH)
def test_value_survives_as_json(
    types: str, args: tuple[oscbridge.Argument, ...], document: list[object]
) -> None:
    assert encode_value(Message("/a", types, args)) == document
    assert decode_value(types, document) == (types, args)


def test_float_has_as_few_digits_as_its_32_bits() -> None:
    assert encode_value(Message("/a", "f", (0.10000000149011612,))) == [0.1]


@pytest.mark.parametrize(
    ("types", "args"),
    [
        ("f", (math.nan,)),
        ("d", (math.inf,)),
        ("b", (b"blob",)),
        ("m", (MIDI(0, 0x90, 60, 100),)),
    ],
)
def test_value_that_json_does_not_have_is_null(
    types: str, args: tuple[oscbridge.Argument, ...]
) -> None:
    assert encode_value(Message("/a", types, args)) == [None]


def test_time_tag_is_seconds() -> None:
    tag = TimeTag.from_unix_ns(1_700_000_000_500_000_000)
    assert encode_value(Message("/a", "t", (tag,))) == [1_700_000_000.5]
    types, (back,) = decode_value("t", [1_700_000_000.5])
    assert isinstance(back, TimeTag)
    assert (types, back.unix_ns() // 1_000) == ("t", tag.unix_ns() // 1_000)


def test_message_that_contradicts_itself_is_an_encode_error() -> None:
    with pytest.raises(oscbridge.EncodeError):
        encode_value(Message("/a", "r", ("text",)))
    with pytest.raises(oscbridge.EncodeError):
        encode_value(Message("/a", "i", (1, 2)))


@pytest.mark.parametrize(
    ("types", "document", "found"),
    [
        ("f", 0.5, ("f", (0.5,))),  # no array
        ("f", [1], ("f", (1.0,))),
        ("i", [2.0], ("i", (2,))),
        ("T", [False], ("F", (False,))),
        ("F", [1], ("T", (True,))),
        ("r", ["#ff0080"], ("r", (Color(0xFF0080FF),))),
        ("[ff]", [1, 2], ("[ff]", ([1.0, 2.0],))),  # without its brackets
        ("i", [True], ("i", (1,))),
    ],
)
def test_deviation_that_is_clear_is_accepted(
    types: str, document: object, found: tuple[str, tuple[oscbridge.Argument, ...]]
) -> None:
    assert decode_value(types, document) == found


LIES: list[tuple[str, object]] = [
    ("i", ["5"]),
    ("i", [1.5]),
    ("i", [1 << 31]),
    ("h", [1 << 63]),
    ("f", ["loud"]),
    ("f", [None]),
    ("f", []),
    ("f", [1, 2]),
    ("ff", [1]),
    ("s", [5]),
    ("s", ["a\0b"]),
    ("c", ["ab"]),
    ("r", ["red"]),
    ("r", [255]),
    ("T", ["yes"]),
    ("t", [-1]),
    ("t", [1e300]),
    ("b", ["AAAA"]),
    ("m", [[0, 1, 2, 3]]),
    ("[f]", [1, 2]),
    ("[f]", [[1, 2]]),
    ("f", [[1]]),
    ("f", {"VALUE": 1}),
    ("f", [{"a": 1}]),
]


@pytest.mark.parametrize(("types", "document"), LIES)
def test_value_that_does_not_fit_is_a_mismatch(types: str, document: object) -> None:
    with pytest.raises(ValueMismatch):
        decode_value(types, document)


def test_type_tags_are_bounded() -> None:
    assert is_type_tags("i[ff]i")
    assert is_type_tags("")
    assert is_type_tags("f" * MAX_VALUES)
    assert not is_type_tags("f" * (MAX_VALUES + 1))
    assert is_type_tags("[" * MAX_ARRAY_DEPTH + "]" * MAX_ARRAY_DEPTH)
    assert not is_type_tags("[" * (MAX_ARRAY_DEPTH + 1) + "]" * (MAX_ARRAY_DEPTH + 1))
    for text in ("[", "]", "[f", "][", "x", "f,", " "):
        assert not is_type_tags(text)


def test_shapes_are_compared_by_brackets_and_count() -> None:
    assert has_same_shape("T", "F")
    assert has_same_shape("i[ff]", "f[id]")
    assert has_same_shape("s", "S")
    for types, other in (("f", "s"), ("r", "i"), ("s", "r"), ("T", "s"), ("c", "i")):
        assert not has_same_shape(types, other)
        assert not has_same_shape(other, types)
    assert not has_same_shape("f", "ff")
    assert not has_same_shape("[f]", "fff")
    assert not has_same_shape("fff", "[f]")
