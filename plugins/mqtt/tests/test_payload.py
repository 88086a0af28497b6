"""Encoding and decoding of payloads."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import (
    IMPULSE,
    MIDI,
    Color,
    DecodeError,
    EncodeError,
    Message,
    TimeTag,
    decode_packet,
    encode_message,
    shortest,
)
from oscbridge_mqtt.payload import decode, encoder, packet


def encode(form: str, message: Message) -> bytes:
    write = encoder(form)
    assert write is not None
    return write(message)


@pytest.mark.parametrize(
    ("message", "json", "text"),
    [
        (Message("/a"), b"null", b""),
        (Message("/a", None), b"null", b""),
        (Message("/a", "i", (5,)), b"5", b"5"),
        (Message("/a", "h", (1 << 60,)), b"1152921504606846976", b"1152921504606846976"),
        (Message("/a", "f", (0.10000000149011612,)), b"0.1", b"0.1"),
        (Message("/a", "f", (1.0,)), b"1.0", b"1"),
        (Message("/a", "f", (math.inf,)), b'"Infinity"', b"inf"),
        (Message("/a", "f", (math.nan,)), b'"NaN"', b"nan"),
        (Message("/a", "d", (0.1,)), b"0.1", b"0.1"),
        (Message("/a", "d", (-math.inf,)), b'"-Infinity"', b"-inf"),
        (Message("/a", "s", ('x"y',)), b'"x\\"y"', b'x"y'),
        (Message("/a", "T", (True,)), b"true", b"true"),
        (Message("/a", "N", (None,)), b"null", b""),
        (Message("/a", "I", (IMPULSE,)), b"null", b""),
        (Message("/a", "b", (b"\xff\0",)), b'"/wA="', b"\xff\0"),
        (Message("/a", "r", (Color(0x11223344),)), b'"#11223344"', b"#11223344"),
        (Message("/a", "m", (MIDI(0, 144, 60, 1),)), b"[[0,144,60,1]]", b"0 144 60 1"),
        (Message("/a", "t", (TimeTag.from_unix(2.5),)), b"2.5", b"2.5"),
        (Message("/a", "if", (1, 0.5)), b"[1,0.5]", b"1 0.5"),
        (Message("/a", "[if]", ([1, 0.5],)), b"[[1,0.5]]", b"1 0.5"),
        (Message("/a", "i[s]", (1, ["x"])), b'[1,["x"]]', b"1 x"),
    ],
)
def test_encoders_write_json_and_text(message: Message, json: bytes, text: bytes) -> None:
    assert encode("json", message) == json
    assert encode("text", message) == text


@pytest.mark.parametrize("form", ["json", "typed", "osc"])
@pytest.mark.parametrize(
    "message",
    [
        Message("/a", "i", ("x",)),
        Message("/a", "f", (None,)),
        Message("/a", "ii", (1,)),
        Message("/a", "i", (1, 2)),
        Message("/a", "[i", ([1],)),
    ],
)
def test_encoders_reject_inconsistent_messages(form: str, message: Message) -> None:
    with pytest.raises(EncodeError):
        encode(form, message)


@pytest.mark.parametrize(
    ("payload", "types", "args"),
    [
        (b"", "", ()),
        (b"null", "", ()),
        (b"5", "i", (5,)),
        (b"5.0", "f", (5.0,)),
        (b"4294967296", "h", (1 << 32,)),
        (b'"x"', "s", ("x",)),
        (b"[1, true, null, [2, [3.5]]]", "iTN[i[f]]", (1, True, None, [2, [3.5]])),
    ],
)
def test_decode_infers_types_of_json(payload: bytes, types: str, args: tuple[object, ...]) -> None:
    assert list(decode(payload, "json")) == [("", types, args)]


@pytest.mark.parametrize(
    ("payload", "types", "args"),
    [
        (b"", "", ()),
        (b"5", "i", (5,)),
        (b" 5\n", "i", (5,)),
        (b"-0.5e1", "f", (-5.0,)),
        (b"true", "T", (True,)),
        (b"ON", "s", ("ON",)),
        (b"two words", "s", ("two words",)),
        (b"99999999999999999999", "f", (1e20,)),
    ],
)
def test_decode_infers_types_of_text(payload: bytes, types: str, args: tuple[object, ...]) -> None:
    assert list(decode(payload, "text")) == [("", types, args)]


@pytest.mark.parametrize(
    ("payload", "form", "wanted", "types", "args"),
    [
        (b"1", "json", "f", "f", (1.0,)),
        (b"2.5", "json", "i", "i", (3,)),
        (b'"7"', "json", "i", "i", (7,)),
        (b"1", "json", "s", "s", ("1",)),
        (b"0", "json", "T", "F", (False,)),
        (b'"ON"', "json", "T", "T", (True,)),
        (b"[1, 2]", "json", "fi", "fi", (1.0, 2)),
        (b"1 2 three four", "text", "ifs", "ifs", (1, 2.0, "three four")),
        (b"007", "text", "s", "s", ("007",)),
        (b"\xff", "text", "b", "b", (b"\xff",)),
        (b'"/w=="', "json", "b", "b", (b"\xff",)),
    ],
)
def test_decode_converts_to_given_types(
    payload: bytes, form: str, wanted: str, types: str, args: tuple[object, ...]
) -> None:
    assert list(decode(payload, form, wanted)) == [("", types, args)]


@pytest.mark.parametrize(
    ("payload", "form", "wanted"),
    [
        (b"[1, 2]", "json", "f"),
        (b"1", "json", "ff"),
        (b"1 2", "text", "iii"),
        (b'"x"', "json", "f"),
        (b"3e9", "json", "i"),
        (b"1e39", "json", "f"),
        (b"null", "json", "f"),
        (b"[[1]]", "json", "i"),
        (b'"?"', "json", "b"),
    ],
)
def test_decode_rejects_values_of_other_types(payload: bytes, form: str, wanted: str) -> None:
    with pytest.raises(DecodeError):
        list(decode(payload, form, wanted))


# Nine digits of the largest floats exceed the range of 32 bits.
@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_shortest_keeps_the_float_in_at_most_nine_digits(value: float) -> None:
    assert struct.pack(">f", shortest(value)) == struct.pack(">f", value)
    assert len(Decimal(repr(shortest(value))).normalize().as_tuple().digits) <= 9


@given(st.binary(max_size=200))
def test_decode_never_raises_anything_but_decode_errors(payload: bytes) -> None:
    for form in ("auto", "json", "text", "raw", "number"):
        try:
            list(decode(payload, form))
        except DecodeError:
            pass
    for form in ("typed", "osc"):
        try:
            decode_packet(packet(payload, form))
        except DecodeError:
            pass


def test_typed_and_osc_payloads_contain_the_address() -> None:
    message = Message("/x/y", "ifs", (1, 0.5, "a"))
    for form in ("typed", "osc"):
        assert decode_packet(packet(encode(form, message), form)) == message
    assert encode("osc", message) == encode_message(message)


@pytest.mark.parametrize(
    ("payload", "types", "args"),
    [
        (b"", "", ()),
        (b"ON", "s", ("ON",)),
        (b"offline", "s", ("offline",)),
        (b'"ON"', "s", ("ON",)),
        (b"5", "i", (5,)),
        (b"21.5", "f", (21.5,)),
        ("21.5 °C".encode(), "s", ("21.5 °C",)),
        (b"true", "T", (True,)),
        (b"[1, 2]", "ii", (1, 2)),
        (b"\xef\xbb\xbf5", "i", (5,)),
        (b"007", "i", (7,)),
        (b"\xff\xd8\xff", "b", (b"\xff\xd8\xff",)),
        (b"\0\1", "b", (b"\0\1",)),
        (b"1e300", "d", (1e300,)),
        (b"[1e300, 1]", "di", (1e300, 1)),
        (b"18446744073709551615", "f", (18446744073709551615.0,)),
        (b"1e999", "s", ("1e999",)),
        (b"{", "s", ("{",)),
    ],
)
def test_auto_reads_json_else_text_else_a_blob(
    payload: bytes, types: str, args: tuple[object, ...]
) -> None:
    assert list(decode(payload, "auto")) == [("", types, args)]


@pytest.mark.parametrize(
    ("payload", "wanted", "types", "args"),
    [
        (b"ON", "T", "T", (True,)),
        (b"1 2", "ii", "ii", (1, 2)),
        (b"007", "s", "s", ("007",)),
        (b"\xff", "b", "b", (b"\xff",)),
    ],
)
def test_auto_converts_to_given_types(
    payload: bytes, wanted: str, types: str, args: tuple[object, ...]
) -> None:
    assert list(decode(payload, "auto", wanted)) == [("", types, args)]


def test_raw_is_a_blob_of_the_bytes() -> None:
    for payload in (b"", b"5", b"\xff\0"):
        assert list(decode(payload, "raw")) == [("", "b", (payload,))]
        assert encode("raw", Message("/a", "b", (payload,))) == payload
    assert encode("raw", Message("/a", "s", ("ON",))) == b"ON"


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("21.5 °C", "f", 21.5), ("21.5°C", "f", 21.5), ("-3 dB", "i", -3), ("45%", "i", 45),
        ("21,5 °C", "f", 21.5), (" +1.5e3 W\n", "f", 1500.0), ("5", "i", 5),
        ('"21.5 °C"', "f", 21.5),
        ("−3\u202fdB", "i", -3), (".5", "f", 0.5), ("3.", "f", 3.0), ("1e300", "d", 1e300),
        ("12 km/h", "i", 12), ("5 m3", "i", 5), ("0,1234", "f", 0.1234), ("7e", "i", 7),
    ],
)  # fmt: skip
def test_number_is_read_from_a_text_with_a_unit(text: str, types: str, value: float) -> None:
    assert list(decode(text.encode(), "number")) == [("", types, (value,))]


@pytest.mark.parametrize(
    "text",
    ["ON", "nan", "inf", "12:30", "2024-01-01", "1.2.3", "1,234", "1,234.5", "5/10", "°C", "1e999",
     "x5", "{}", "3 4", "\xff", "0x1F", "0XFF", "1'234.5", "1_000",
     "1h30", "2d 4h", "5m30s", "1 h 30"],
)  # fmt: skip
def test_number_rejects_what_is_not_one_number(text: str) -> None:
    with pytest.raises(DecodeError):
        list(decode(text.encode("latin-1"), "number"))


def test_number_writes_a_number() -> None:
    assert encode("number", Message("/a", "f", (0.1,))) == b"0.1"
    assert encode("number", Message("/a", "T", (True,))) == b"1"
    for args in ((), ("5",), (math.nan,), (None,)):
        with pytest.raises(EncodeError):
            encode("number", Message.of("/a", *args))


def test_objects_in_arrays_become_messages() -> None:
    document = (
        b'{"state": "ON", "scenes": [{"id": 1, "name": "x"}, 2, [{"y": 3}], []], "c": [1, 2]}'
    )
    assert list(decode(document, "auto")) == [
        ("/state", "s", ("ON",)),
        ("/scenes/0/id", "i", (1,)),
        ("/scenes/0/name", "s", ("x",)),
        ("/scenes/1", "i", (2,)),
        ("/scenes/2/0/y", "i", (3,)),
        ("/scenes/3", "", ()),
        ("/c", "ii", (1, 2)),
    ]


@pytest.mark.parametrize(
    ("document", "types", "good", "bad"),
    [
        (b'{"a": 1, "b": "x"}', "f", ["/a"], ["types", "value"]),
        (b'{"a": 1, "b": ' + b"[" * 99 + b"]" * 99 + b"}", None, ["/a"], ["depth"]),
        (b'{"a": 1, "b": ' + b'{"x":' * 99 + b"1" + b"}" * 100, None, ["/a"], ["depth"]),
        (b'{"a": NaN, "b": Infinity}', None, ["/a", "/b"], []),
        (b'{"a": 1' + b"0" * 400 + b', "b": NaN}', None, ["/b"], ["value"]),
    ],
)
def test_unusable_member_costs_that_member_only(
    document: bytes, types: str | None, good: list[str], bad: list[str]
) -> None:
    found = list(decode(document, "json", types))
    assert [each.below for each in found if not isinstance(each, DecodeError)] == good
    assert {each.reason for each in found if isinstance(each, DecodeError)} <= set(bad)
    assert len(found) == 2
