"""Packets as JSON: one table drives the encoder and the decoder."""

from __future__ import annotations

import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oscbridge
from oscbridge import IMMEDIATELY, IMPULSE, MIDI, Bundle, Color, Message, TimeTag

INFINITY = float("inf")
NOON = TimeTag(0xEC3A_5800_8000_0000)  # an arbitrary day, at noon and half a second

# type tags, value, JSON of the argument
VALUES = [
    ("i", 0, {"type": "i", "value": 0}),
    ("i", -(2**31), {"type": "i", "value": -(2**31)}),
    ("f", 1.0, {"type": "f", "value": 1.0}),
    ("f", 0.5, {"type": "f", "value": 0.5}),
    ("f", INFINITY, {"type": "f", "value": "Infinity"}),
    ("f", -INFINITY, {"type": "f", "value": "-Infinity"}),
    ("d", 0.1, {"type": "d", "value": 0.1}),
    ("d", -INFINITY, {"type": "d", "value": "-Infinity"}),
    ("s", "", {"type": "s", "value": ""}),
    ("s", 'a "b" <ü> 🎛', {"type": "s", "value": 'a "b" <ü> 🎛'}),
    ("S", "symbol", {"type": "S", "value": "symbol"}),
    ("c", "x", {"type": "c", "value": "x"}),
    ("b", b"", {"type": "b", "value": ""}),
    ("b", b"\x00\xff\x10", {"type": "b", "value": "AP8Q"}),
    ("h", 5, {"type": "h", "value": 5}),
    ("h", 2**53 - 1, {"type": "h", "value": 2**53 - 1}),
    ("h", 2**53, {"type": "h", "value": "9007199254740992"}),
    ("h", -(2**63), {"type": "h", "value": "-9223372036854775808"}),
    ("r", Color(0x11AAFF80), {"type": "r", "value": "#11AAFF80"}),
    ("r", Color(0), {"type": "r", "value": "#00000000"}),
    ("m", MIDI(1, 0x90, 60, 127), {"type": "m", "value": [1, 0x90, 60, 127]}),
    ("t", IMMEDIATELY, {"type": "t", "value": {"raw": [0, 1]}}),
    (
        "t",
        NOON,
        {"type": "t", "value": {"raw": [0xEC3A5800, 2**31], "native": NOON.unix_ns() / 1e6}},
    ),
    ("T", True, {"type": "T", "value": True}),
    ("F", False, {"type": "F", "value": False}),
    ("N", None, {"type": "N", "value": None}),
    ("I", IMPULSE, {"type": "I", "value": None}),
    ("[]", [], []),
    ("[i[s]]", [1, ["a"]], [{"type": "i", "value": 1}, [{"type": "s", "value": "a"}]]),
]


@pytest.mark.parametrize(("types", "value", "expected"), VALUES)
def test_every_value_is_written_as_in_the_table(
    types: str, value: oscbridge.Argument, expected: object
) -> None:
    written = orjson.loads(oscbridge.encode_json(Message("/a", types, (value,))))
    assert written == {"address": "/a", "args": [expected]}


@pytest.mark.parametrize(("types", "value", "written"), VALUES)
def test_every_value_is_read_as_in_the_table(
    types: str, value: oscbridge.Argument, written: object
) -> None:
    read = oscbridge.decode_json(orjson.dumps({"address": "/a", "args": [written]}))
    assert read == Message("/a", types, (value,))
    assert isinstance(read, Message)
    assert type(read.args[0]) is type(value)


# JSON of an argument that other programs write and we read, type tags, value
OTHER_FORMS = [
    (1, "i", 1),
    (2**31, "h", 2**31),
    (0.5, "f", 0.5),
    (1.0, "f", 1.0),
    ("text", "s", "text"),
    (True, "T", True),
    (False, "F", False),
    (None, "N", None),
    ([1, "a", [True]], "[is[T]]", [1, "a", [True]]),
    ({"value": 7}, "i", 7),
    ({"type": "f", "value": 1}, "f", 1.0),
    ({"type": "f", "value": "0.25"}, "f", 0.25),
    ({"type": "d", "value": "-Infinity"}, "d", -INFINITY),
    ({"type": "i", "value": 3.0}, "i", 3),
    ({"type": "h", "value": {"high": 1, "low": 2, "unsigned": False}}, "h", (1 << 32) + 2),
    ({"type": "h", "value": {"high": -1, "low": -1, "unsigned": False}}, "h", -1),
    ({"type": "h", "value": {"high": 0, "low": -1, "unsigned": False}}, "h", 2**32 - 1),
    ({"type": "b", "value": [0, 255]}, "b", b"\x00\xff"),
    ({"type": "b", "value": {"0": 0, "1": 255}}, "b", b"\x00\xff"),
    ({"type": "b", "value": {}}, "b", b""),
    ({"type": "m", "value": {"0": 0, "1": 144, "2": 60, "3": 1}}, "m", MIDI(0, 144, 60, 1)),
    ({"type": "m", "value": "AJA8AQ=="}, "m", MIDI(0, 144, 60, 1)),
    ({"type": "r", "value": {"r": 255, "g": 0, "b": 16, "a": 1}}, "r", Color(0xFF0010FF)),
    ({"type": "r", "value": {"r": 255, "g": 0, "b": 16, "a": 0.5}}, "r", Color(0xFF001080)),
    ({"type": "r", "value": "#ff0010"}, "r", Color(0xFF0010FF)),
    ({"type": "r", "value": 0xFF0010FF}, "r", Color(0xFF0010FF)),
    ({"type": "t", "value": {"native": 1700000000500}}, "t", TimeTag.from_unix(1700000000.5)),
    ({"type": "T"}, "T", True),
    ({"type": "N"}, "N", None),
    ({"type": "I"}, "I", IMPULSE),
]


@pytest.mark.parametrize(("written", "types", "value"), OTHER_FORMS)
def test_other_forms_of_a_value_are_read_as_well(
    written: object, types: str, value: oscbridge.Argument
) -> None:
    read = oscbridge.decode_json(orjson.dumps({"address": "/a", "args": [written]}))
    assert read == Message("/a", types, (value,))


@pytest.mark.parametrize("types", ["f", "d"])
def test_nan_survives(types: str) -> None:
    written = oscbridge.encode_json(Message("/a", types, (float("nan"),)))
    assert orjson.loads(written)["args"] == [{"type": types, "value": "NaN"}]
    read = oscbridge.decode_json(written)
    assert isinstance(read, Message)
    assert read.types == types
    assert read.args[0] != read.args[0]


def test_message_without_arguments_can_omit_them() -> None:
    assert oscbridge.decode_json('{"address": "/a"}') == Message("/a", "", ())


def test_single_argument_needs_no_array() -> None:
    assert oscbridge.decode_json('{"address": "/a", "args": 5}') == Message("/a", "i", (5,))


def test_bytes_of_a_message_without_type_tags_become_a_blob() -> None:
    written = oscbridge.encode_json(Message("/a", None, (b"\0\0\0\1",)))
    assert orjson.loads(written)["args"] == [{"type": "b", "value": "AAAAAQ=="}]


def test_bundle_keeps_its_time_and_its_order() -> None:
    text = orjson.dumps(
        {
            "timeTag": {"raw": [10, 20]},
            "packets": [
                {"address": "/a"},
                {"timeTag": {"native": 1700000000500}, "packets": [{"address": "/b"}]},
            ],
        }
    )
    inner = Bundle(TimeTag.from_unix(1700000000.5), (Message("/b"),))
    assert oscbridge.decode_json(text) == Bundle(TimeTag(10 << 32 | 20), (Message("/a"), inner))


@pytest.mark.parametrize("timetag", ["", '"timeTag": null, '])
def test_bundle_without_a_time_is_immediate(timetag: str) -> None:
    assert oscbridge.decode_json("{" + timetag + '"packets": []}') == Bundle(IMMEDIATELY, ())


def test_encode_json_writes_plain_values_by_their_type_tags() -> None:
    values = (1, bytearray(b"\1"), 0x11223344, bytes([0, 144, 60, 1]), 1, (1, 2))
    written = orjson.loads(oscbridge.encode_json(Message("/a", "fbrmt[ii]", values)))  # type: ignore[arg-type]
    assert [each["value"] for each in written["args"][:5]] == [
        1.0,
        "AQ==",
        "#11223344",
        [0, 144, 60, 1],
        {"raw": [0, 1]},
    ]
    assert [each["value"] for each in written["args"][5]] == [1, 2]


@pytest.mark.parametrize(
    ("types", "args"),
    [
        ("i", ()),
        ("", (1,)),
        ("ii", (1,)),
        ("[i]", (1,)),
        ("[i]", ([],)),
        ("[]", ([1],)),
        ("[i", ([1],)),
        ("x", (1,)),
        ("i", ("text",)),
        ("f", ("text",)),
        ("b", (1,)),
        ("s", ("\ud800",)),
        ("t", (None,)),
        ("d", (10**400,)),
    ],
)
def test_encode_json_rejects_an_inconsistent_message(
    types: str, args: tuple[oscbridge.Argument, ...]
) -> None:
    with pytest.raises(oscbridge.EncodeError):
        oscbridge.encode_json(Message("/a", types, args))


# --- malformed documents -----------------------------------------------------------------------

DEEP = 100_000


def argument(text: str) -> str:
    return '{"address": "/a", "args": [' + text + "]}"


@pytest.mark.parametrize("text", ['{"address": "node"}', '{"packets": [{"address": "node"}]}'])
def test_address_without_a_leading_slash_is_accepted(text: str) -> None:
    packet = oscbridge.decode_json(text)
    assert [each.address for each in oscbridge.messages(packet)] == ["node"]


MALFORMED = {
    "nothing": "",
    "half a document": '{"address": "/a", "args": [',
    "two documents": '{"address": "/a"} {"address": "/b"}',
    "a number": "1",
    "null": "null",
    "an array": "[]",
    "a text": '"/a"',
    "an empty object": "{}",
    "address that is a number": '{"address": 5}',
    "address with a blank, without slash": '{"address": "a b"}',
    "pattern without slash": '{"address": "a*"}',
    "empty address": '{"address": ""}',
    "address with NUL": '{"address": "/a\\u0000b"}',
    "lone surrogate": '{"address": "/\\ud800"}',
    "packets that are not an array": '{"packets": {}}',
    "packet that is a number": '{"packets": [1]}',
    "time tag that is a number": '{"timeTag": 5, "packets": []}',
    "time tag with text": '{"timeTag": {"raw": ["x", 1]}, "packets": []}',
    "time tag with true": '{"timeTag": {"raw": [true, 1]}, "packets": []}',
    "time tag beyond 32 bits": '{"timeTag": {"raw": [4294967296, 1]}, "packets": []}',
    "time tag below 0": '{"timeTag": {"raw": [-1, 1]}, "packets": []}',
    "time tag of one part": '{"timeTag": {"raw": [1]}, "packets": []}',
    "time far away": '{"timeTag": {"native": 1e300}, "packets": []}',
    "unknown type": argument('{"type": "x", "value": 1}'),
    "bracket as type": argument('{"type": "[", "value": []}'),
    "two types": argument('{"type": "ii", "value": 1}'),
    "type that is a number": argument('{"type": 1, "value": 1}'),
    "type that is an array": argument('{"type": [], "value": 1}'),
    "value that is an object": argument('{"value": {"a": 1}}'),
    "i beyond 32 bits": argument('{"type": "i", "value": 2147483648}'),
    "i with a part": argument('{"type": "i", "value": 0.5}'),
    "i of true": argument('{"type": "i", "value": true}'),
    "i of null": argument('{"type": "i", "value": null}'),
    "i of text": argument('{"type": "i", "value": "one"}'),
    "h beyond 64 bits": argument('{"type": "h", "value": "9223372036854775808"}'),
    "h of 5,000 digits": argument('{"type": "h", "value": "' + "9" * 5_000 + '"}'),
    "h of half a Long": argument('{"type": "h", "value": {"high": 1}}'),
    "f of true": argument('{"type": "f", "value": true}'),
    "f of text": argument('{"type": "f", "value": "loud"}'),
    "f too large": argument('{"type": "f", "value": 1e300}'),
    "s of a number": argument('{"type": "s", "value": 1}'),
    "s with NUL": argument('{"type": "s", "value": "a\\u0000"}'),
    "c of two characters": argument('{"type": "c", "value": "ab"}'),
    "c of none": argument('{"type": "c", "value": ""}'),
    "b of bad base64": argument('{"type": "b", "value": "A"}'),
    "b of other characters": argument('{"type": "b", "value": "AP8Q\\u00e9"}'),
    "b with 256": argument('{"type": "b", "value": [256]}'),
    "b with -1": argument('{"type": "b", "value": [-1]}'),
    "b with a gap": argument('{"type": "b", "value": {"0": 1, "2": 3}}'),
    "b of a number": argument('{"type": "b", "value": 1000000000}'),
    "r of a name": argument('{"type": "r", "value": "red"}'),
    "r too short": argument('{"type": "r", "value": "#fff"}'),
    "r with a sign": argument('{"type": "r", "value": "#-1234567"}'),
    "r below 0": argument('{"type": "r", "value": -1}'),
    "r with 256": argument('{"type": "r", "value": {"r": 256, "g": 0, "b": 0, "a": 1}}'),
    "r without alpha": argument('{"type": "r", "value": {"r": 1, "g": 0, "b": 0}}'),
    "r with endless alpha": argument('{"type": "r", "value": {"r":1,"g":0,"b":0,"a":1e308}}'),
    "m of three bytes": argument('{"type": "m", "value": [1, 2, 3]}'),
    "m of five bytes": argument('{"type": "m", "value": [1, 2, 3, 4, 5]}'),
    "m of one byte": argument('{"type": "m", "value": [1]}'),
    "t of a number": argument('{"type": "t", "value": 1}'),
    "bare integer beyond 64 bits": argument("18446744073709551615"),
    "bare float too large": argument("1e300"),
    "NaN, which is not JSON": argument("NaN"),
    "arrays nested without end": argument("[" * DEEP + "]" * DEEP),
    "arrays nested a little too deeply": argument("[" * 17 + "]" * 17),
    "bundles nested without end": '{"packets": [' * DEEP + "]}" * DEEP,
    "bundles nested a little too deeply": '{"packets": [' * 17 + "]}" * 17,
    "values in values without end": argument('{"value": [' * 500 + "]}" * 500),
    "more arguments than the limit": argument(",".join("1" * 20_000)),
    "not UTF-8": b'{"address": "/\xff"}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_document_raises_a_decode_error(text: str | bytes) -> None:
    with pytest.raises(oscbridge.DecodeError) as caught:
        oscbridge.encode_packet(oscbridge.decode_json(text))
    assert len(str(caught.value)) < 2_000


def test_sixteen_nested_bundles_are_read() -> None:
    packet = oscbridge.decode_json('{"packets": [' * 16 + "]}" * 16)
    assert oscbridge.decode_packet(oscbridge.encode_packet(packet)) == packet


# --- properties --------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
SCALARS: st.SearchStrategy[tuple[str, oscbridge.Argument]] = st.one_of(
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("f"), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just("d"), st.floats(allow_nan=False)),
    st.tuples(st.just("s"), TEXT),
    st.tuples(st.just("S"), TEXT),
    st.tuples(st.just("c"), st.characters(exclude_categories=["Cs"])),
    st.tuples(st.just("b"), st.binary(max_size=40)),
    st.tuples(st.just("r"), st.integers(0, 2**32 - 1).map(Color)),
    st.tuples(st.just("t"), st.integers(0, 2**64 - 1).map(TimeTag)),
    st.tuples(st.just("m"), st.binary(min_size=4, max_size=4).map(lambda raw: MIDI(*raw))),
    st.sampled_from([("T", True), ("F", False), ("N", None), ("I", IMPULSE)]),
)


def _array(items: list[tuple[str, oscbridge.Argument]]) -> tuple[str, oscbridge.Argument]:
    return "[" + "".join(types for types, _ in items) + "]", [value for _, value in items]


ARGUMENTS = st.lists(
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4).map(_array), max_leaves=8),
    max_size=6,
)


@given(TEXT, ARGUMENTS)
def test_message_survives_the_round_trip(
    name: str, arguments: list[tuple[str, oscbridge.Argument]]
) -> None:
    types = "".join(types for types, _ in arguments)
    message = Message("/" + name, types, tuple(value for _, value in arguments))
    back = oscbridge.decode_json(oscbridge.encode_json(message))
    assert back == message
    assert isinstance(back, Message)
    assert oscbridge.encode_message(back) == oscbridge.encode_message(message)


KEYS = [
    *("address", "args", "type", "value", "packets", "timeTag"),
    *("raw", "native", "high", "low", "r", "g", "b", "a", "0"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
TYPED = st.fixed_dictionaries(
    {"type": st.sampled_from(list("ifsbhtdScrmTFNI")) | JSON, "value": JSON}
)
DOCUMENTS = JSON | st.fixed_dictionaries(
    {"address": st.just("/a") | JSON, "args": st.lists(TYPED | JSON, max_size=4)}
)


@given(DOCUMENTS)
def test_any_json_is_a_packet_or_a_decode_error(document: object) -> None:
    try:
        packet = oscbridge.decode_json(orjson.dumps(document))
    except oscbridge.DecodeError:
        return
    oscbridge.encode_packet(packet)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text_is_a_packet_or_a_decode_error(text: str | bytes) -> None:
    try:
        oscbridge.decode_json(text)
    except oscbridge.DecodeError:
        pass


def test_float_has_the_precision_of_float32() -> None:
    (value,) = struct.unpack(">f", struct.pack(">f", 0.1))
    read = oscbridge.decode_json(oscbridge.encode_json(Message("/a", "f", (value,))))
    assert read == Message("/a", "f", (value,))


@pytest.mark.parametrize(
    "text",
    [
        '{"address": DEEP}',
        '{"packets": DEEP}',
        '{"packets": {"a": DEEP}}',
        '{"address": "/a", "args": [{"type": DEEP, "value": 1}]}',
        '{"address": "/a", "args": [{"type": "f", "value": DEEP}]}',
    ],
)
def test_input_nested_too_deeply_for_repr_is_a_decode_error(text: str) -> None:
    with pytest.raises(oscbridge.DecodeError):
        oscbridge.decode_json(text.replace("DEEP", "[" * 900 + "]" * 900).encode())
