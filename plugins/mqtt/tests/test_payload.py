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
)
from oscbridge_mqtt.payload import decode, encoder, packet
from oscbridge_mqtt.values import shortest


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
    for form in ("json", "text"):
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
