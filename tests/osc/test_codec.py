"""One table of packets and their bytes drives the encoder and the decoder."""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass

import pytest

from oscbridge.errors import DecodeError, EncodeError
from oscbridge.osc import (
    IMMEDIATELY,
    IMPULSE,
    MIDI,
    Argument,
    Bundle,
    Color,
    Message,
    Origin,
    Packet,
    TimeTag,
    decode_message,
    decode_packet,
    encode_bundle,
    encode_message,
    encode_packet,
    infer,
    messages,
)
from oscbridge.osc.arguments import Layout, layout
from oscbridge.osc.packet import split_packet


@dataclass(frozen=True)
class Case:
    name: str
    packet: Packet
    data: bytes


def f32(value: float) -> float:
    """The nearest value that an ``f`` can represent."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


def message(address: str, types: str | None = "", *args: Argument) -> Message:
    return Message(address, types, args)


def element(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


PING = b"/ping\0\0\0,\0\0\0"
FADER = b"/fader\0\0,f\0\0\x3f\x80\0\0"
NOW = b"#bundle\0\0\0\0\0\0\0\0\x01"
LATER = b"#bundle\0\x80\0\0\0\0\0\0\0"
LATER_TAG = TimeTag(1 << 63)
DEEP_TYPES, DEEP_VALUE = "[" * 16 + "]" * 16, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]

MESSAGES = [
    Case(
        "the specification's first example",
        message("/oscillator/4/frequency", "f", 440.0),
        bytes.fromhex("2f6f7363 696c6c61 746f722f 342f6672 65717565 6e637900 2c660000 43dc0000"),
    ),
    Case(
        "the specification's second example",
        message("/foo", "iisff", 1000, -1, "hello", f32(1.234), f32(5.678)),
        bytes.fromhex(
            "2f666f6f 00000000 2c696973 66660000 000003e8 ffffffff"
            "68656c6c 6f000000 3f9df3b6 40b5b22d"
        ),
    ),
    Case("no arguments", message("/ping"), PING),
    Case("the shortest address", message("/"), b"/\0\0\0,\0\0\0"),
    Case("an address of four bytes", message("/abc"), b"/abc\0\0\0\0,\0\0\0"),
    Case("an address of three bytes", message("/ab"), b"/ab\0,\0\0\0"),
    Case("a UTF-8 address", message("/größe", "T", True), b"/gr\xc3\xb6\xc3\x9fe\0\0\0\0,T\0\0"),
    Case("a pattern", message("/{a,b}/*", "i", 1), b"/{a,b}/*\0\0\0\0,i\0\0\0\0\0\x01"),
    Case("i zero", message("/i", "i", 0), b"/i\0\0,i\0\0\0\0\0\0"),
    Case("i greatest", message("/i", "i", 2**31 - 1), b"/i\0\0,i\0\0\x7f\xff\xff\xff"),
    Case("i least", message("/i", "i", -(2**31)), b"/i\0\0,i\0\0\x80\0\0\0"),
    Case("f", message("/f", "f", -1.5), b"/f\0\0,f\0\0\xbf\xc0\0\0"),
    Case("f infinite", message("/f", "f", math.inf), b"/f\0\0,f\0\0\x7f\x80\0\0"),
    Case("s empty", message("/s", "s", ""), b"/s\0\0,s\0\0\0\0\0\0"),
    Case("s of three bytes", message("/s", "s", "abc"), b"/s\0\0,s\0\0abc\0"),
    Case("s of four bytes", message("/s", "s", "abcd"), b"/s\0\0,s\0\0abcd\0\0\0\0"),
    Case("s in UTF-8", message("/s", "s", "€𝄞"), b"/s\0\0,s\0\0\xe2\x82\xac\xf0\x9d\x84\x9e\0"),
    Case("b empty", message("/b", "b", b""), b"/b\0\0,b\0\0\0\0\0\0"),
    Case("b of one byte", message("/b", "b", b"\xff"), b"/b\0\0,b\0\0\0\0\0\x01\xff\0\0\0"),
    Case("b of four bytes", message("/b", "b", b"\0,/#"), b"/b\0\0,b\0\0\0\0\0\x04\0,/#"),
    Case("h", message("/h", "h", -2), b"/h\0\0,h\0\0" + b"\xff" * 7 + b"\xfe"),
    Case("h that is small", message("/h", "h", 1), b"/h\0\0,h\0\0" + b"\0" * 7 + b"\x01"),
    Case("t", message("/t", "t", TimeTag(2**63 + 5)), b"/t\0\0,t\0\0\x80\0\0\0\0\0\0\x05"),
    Case("t immediately", message("/t", "t", IMMEDIATELY), b"/t\0\0,t\0\0\0\0\0\0\0\0\0\x01"),
    Case("d", message("/d", "d", 0.1), b"/d\0\0,d\0\0\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
    Case("S", message("/S", "S", "sym"), b"/S\0\0,S\0\0sym\0"),
    Case("c", message("/c", "c", "x"), b"/c\0\0,c\0\0\0\0\0x"),
    Case("c beyond ASCII", message("/c", "c", "𝄞"), b"/c\0\0,c\0\0\0\x01\xd1\x1e"),
    Case("r", message("/r", "r", Color(0xFF8000C0)), b"/r\0\0,r\0\0\xff\x80\0\xc0"),
    Case("m", message("/m", "m", MIDI(1, 0x90, 60, 127)), b"/m\0\0,m\0\0\x01\x90\x3c\x7f"),
    Case("T F N I", message("/", "TFNI", True, False, None, IMPULSE), b"/\0\0\0,TFNI\0\0\0"),
    Case("two tags without data", message("/", "TT", True, True), b"/\0\0\0,TT\0"),
    Case("an empty array", message("/a", "[]", []), b"/a\0\0,[]\0"),
    Case(
        "nested arrays",
        message("/a", "i[s[TN]]f", 1, ["x", [True, None]], 0.5),
        b"/a\0\0,i[s[TN]]f\0\0\0\0\0\x01x\0\0\0\x3f\0\0\0",
    ),
    Case("arrays 16 deep", message("/a", DEEP_TYPES, DEEP_VALUE), b"/a\0\0,"
         + DEEP_TYPES.encode() + b"\0\0\0"),
    Case(
        "a char after a symbol after a blob",
        message("/a", "bScti", b"abcde", "four", "c", TimeTag(2), 7),
        b"/a\0\0,bScti\0\0\0\0\0\x05abcde\0\0\0four\0\0\0\0\0\0\0c\0\0\0\0\0\0\0\x02\0\0\0\x07",
    ),
    Case("70 tags", message("/many", "i" * 70, *range(70)), b"/many\0\0\0," + b"i" * 70 + b"\0"
         + b"".join(n.to_bytes(4, "big") for n in range(70))),
]  # fmt: skip
UNTAGGED = [
    Case("no type tags", message("/old", None), b"/old\0\0\0\0"),
    Case("no type tags, raw data", message("/old", None, b"\0\0\0\x07abcd"),
         b"/old\0\0\0\0\0\0\0\x07abcd"),
    Case("no type tags, raw zeros", message("/old", None, b"\0" * 4), b"/old\0\0\0\0\0\0\0\0"),
]  # fmt: skip


def tagged(packet: Message, timetag: TimeTag) -> Message:
    return packet._replace(timetag=timetag)


BUNDLES = [
    Case("an empty bundle", Bundle(IMMEDIATELY, ()), NOW),
    Case(
        "a bundle of two",
        Bundle(
            LATER_TAG,
            (tagged(message("/ping"), LATER_TAG), tagged(message("/fader", "f", 1.0), LATER_TAG)),
        ),
        LATER + element(PING) + element(FADER),
    ),
    Case(
        "a bundle in a bundle",
        Bundle(
            IMMEDIATELY,
            (
                Bundle(LATER_TAG, (tagged(message("/ping"), LATER_TAG),)),
                tagged(message("/ping"), IMMEDIATELY),
                Bundle(LATER_TAG, ()),
            ),
        ),
        NOW + element(LATER + element(PING)) + element(PING) + element(LATER),
    ),
]
CASES = MESSAGES + UNTAGGED + BUNDLES


def table(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@table(CASES)
def test_packet_is_encoded_to_its_bytes(case: Case) -> None:
    assert encode_packet(case.packet) == case.data


@table(CASES)
def test_bytes_are_decoded_to_their_packet(case: Case) -> None:
    assert decode_packet(case.data) == case.packet


@table(MESSAGES + UNTAGGED)
def test_values_are_decoded_as_their_own_types(case: Case) -> None:
    assert isinstance(case.packet, Message)
    decoded = decode_message(case.data)
    assert [type(value) for value in decoded.args] == [type(value) for value in case.packet.args]


@table(CASES)
def test_truncated_packet_is_rejected_unless_only_zeros_are_missing(case: Case) -> None:
    for cut in range(len(case.data)):
        prefix = case.data[:cut]
        try:
            packet = decode_packet(prefix)
        except DecodeError:
            continue
        completed = encode_packet(packet)
        whole, part = sorted((completed, prefix), key=len, reverse=True)
        assert whole.startswith(part)
        assert whole[len(part) :] == b"\0" * (len(whole) - len(part))
        assert len(whole) - len(part) <= 4


@table(MESSAGES)
def test_words_of_zeros_after_a_message_are_ignored(case: Case) -> None:
    for words in (1, 2, 50):
        assert decode_packet(case.data + b"\0\0\0\0" * words) == case.packet


@table(MESSAGES + [case for case in BUNDLES if case.packet[1]])
def test_one_to_three_zeros_after_a_packet_are_ignored(case: Case) -> None:
    for count in (1, 2, 3, 5):
        assert decode_packet(case.data + b"\0" * count) == case.packet


@table([case for case in BUNDLES if case.packet[1]])
@pytest.mark.parametrize("count", [4, 8, 1_024])
def test_zeros_after_a_bundle_are_accepted_and_reported(case: Case, count: int) -> None:
    data = case.data + b"\0" * count
    assert decode_packet(data) == case.packet
    deviations: list[str] = []
    list(split_packet(data, deviations=deviations))
    assert "padding" in deviations


@table([case for case in BUNDLES if not case.packet[1]])
def test_zeros_after_an_empty_bundle_are_rejected(case: Case) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_packet(case.data + b"\0" * 4)
    assert caught.value.reason == "size"


@table(MESSAGES)
@pytest.mark.parametrize("garbage", [b"\0\0\0\x01", b"\x01\0\0\0", b",i\0\0", b"\0" * 8 + b"abcd"])
def test_bytes_after_a_message_are_rejected(case: Case, garbage: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_packet(case.data + garbage)
    assert caught.value.reason == "trailing"


@table(BUNDLES)
@pytest.mark.parametrize("garbage", [b"\x01\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x08abcd"])
def test_bytes_after_a_bundle_are_rejected(case: Case, garbage: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_packet(case.data + garbage)
    assert caught.value.reason == "size"


@table(MESSAGES + UNTAGGED)
def test_message_survives_in_a_bundle(case: Case) -> None:
    bundle = decode_packet(encode_bundle([PING, case.data], LATER_TAG))
    assert isinstance(bundle, Bundle)
    assert isinstance(case.packet, Message)
    assert bundle.elements[1] == tagged(case.packet, LATER_TAG)


def test_decoded_message_has_its_origin() -> None:
    origin = Origin("stage", ("10.0.0.1", 9000))
    packet = decode_packet(NOW + element(PING), origin=origin)
    assert [m.origin for m in messages(packet)] == [origin]


def test_messages_of_a_packet_are_in_order() -> None:
    inner = LATER + element(b"/b\0\0,\0\0\0") + element(b"/c\0\0,\0\0\0")
    packet = decode_packet(
        NOW + element(b"/a\0\0,\0\0\0") + element(inner) + element(b"/d\0\0,\0\0\0")
    )
    found = [(m.address, m.timetag) for m in messages(packet)]
    assert found == [
        ("/a", IMMEDIATELY), ("/b", LATER_TAG), ("/c", LATER_TAG), ("/d", IMMEDIATELY)
    ]  # fmt: skip


INFERRED = [
    ((), ""),
    ((1, -1, 2**31 - 1, -(2**31)), "iiii"),
    ((2**31, -(2**31) - 1, 2**63 - 1, -(2**63)), "hhhh"),
    ((1.0, math.nan), "ff"),
    (("text", b"raw", bytearray(b"raw"), memoryview(b"raw")), "sbbb"),
    ((True, False, None, IMPULSE), "TFNI"),
    ((TimeTag(5), Color(5), MIDI(0, 1, 2, 3), (0, 1, 2, 3)), "trmm"),
    (([], [1, ["a", []]]), "[][i[s[]]]"),
]


@pytest.mark.parametrize(("args", "types"), INFERRED)
def test_type_tags_are_inferred_from_values(args: tuple[Argument, ...], types: str) -> None:
    assert infer(args) == types
    assert Message.of("/a", *args) == Message("/a", types, args)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, object(), (1, 2, 3), {}, 1j])
def test_value_of_an_unsupported_type_is_rejected(value: object) -> None:
    with pytest.raises(EncodeError, match="no OSC type for"):
        infer([value])


def test_recursive_list_is_rejected() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(EncodeError):
        infer([endless])


UNFIT: list[tuple[str | None, tuple[object, ...]]] = [
    ("i", (2**31,)), ("i", (-(2**31) - 1,)), ("i", (1.5,)), ("i", ("1",)), ("i", (None,)),
    ("i", ()), ("i", (1, 2)), ("", (1,)), ("ii", (1, "x")), ("Ti", (True, "x")), ("iT", (1,)),
    ("f", (1e39,)), ("f", ("x",)), ("d", (10**400,)), ("h", (2**63,)), ("t", (-1,)),
    ("t", (2**64,)), ("s", (1,)), ("s", (b"x",)), ("s", ("a\0b",)), ("s", ("\ud800",)),
    ("S", (None,)), ("b", ("text",)), ("b", (5,)), ("c", ("ab",)), ("c", ("",)), ("c", (65,)),
    ("c", ("\ud800",)), ("r", (-1,)), ("r", (2**32,)), ("m", (b"abc",)), ("m", ((1, 2, 3, 256),)),
    ("m", (("a", 1, 2, 3),)), ("m", (5,)), ("T", (False,)), ("T", (1,)), ("F", (True,)),
    ("N", (0,)), ("I", (None,)), ("[i]", (1,)), ("[i]", ([1, 2],)), ("[i]", (["x"],)),
    ("[ii]", ([1],)), ("[[i]]", ([1],)), ("[", ([],)), ("]", ()), ("x", (1,)), (",", ()),
    ("é", (1,)), ("i\0", (1,)), (None, (1,)), (None, (b"abc",)), (None, (b",abc",)),
    (None, (b"abcd", b"abcd")), ("[" * 17 + "]" * 17, ([],)),
]  # fmt: skip


@pytest.mark.parametrize(("types", "args"), UNFIT)
def test_values_that_do_not_fit_their_tags_are_rejected(
    types: str | None, args: tuple[Argument, ...]
) -> None:
    with pytest.raises(EncodeError):
        encode_message(Message("/a", types, args))


@pytest.mark.parametrize("address", ["", "a*", "#bundle", "a b", "/a\0b", "/\ud800"])
@pytest.mark.parametrize("types", ["", None])
def test_invalid_address_is_rejected(address: str, types: str | None) -> None:
    with pytest.raises(EncodeError):
        encode_message(Message(address, types))


def test_rejected_value_is_named() -> None:
    with pytest.raises(
        EncodeError, match="/mix ,ifi: argument 2: 'loud' does not fit type tag 'i'"
    ):
        encode_message(Message("/mix", "ifi", (1, 2.0, "loud")))


@pytest.mark.parametrize("timetag", [-1, 2**64])
def test_time_tag_of_more_than_64_bits_is_rejected(timetag: int) -> None:
    with pytest.raises(EncodeError):
        encode_bundle([PING], TimeTag(timetag))


def test_encoder_rejects_bundles_nested_too_deeply() -> None:
    packet: Packet = message("/a")
    for _ in range(16):
        packet = Bundle(IMMEDIATELY, (packet,))
    decode_packet(encode_packet(packet))
    with pytest.raises(EncodeError, match="nested"):
        encode_packet(Bundle(IMMEDIATELY, (packet,)))


@pytest.mark.parametrize("value", [bytearray(b"abc"), memoryview(b"abc")])
def test_bytes_like_objects_are_sent_as_a_blob(value: Argument) -> None:
    sent = encode_message(Message.of("/b", value))
    assert decode_message(sent).args == (b"abc",)


@pytest.mark.parametrize("types", ["s", "S", "ss", "si", "fs", "hsSd"])
def test_strings_are_read_as_those_in_an_array(types: str) -> None:
    """Arrays have no faster reader."""
    values: dict[str, list[Argument]] = {
        "s": ["cue 1", "", "abc", "Straße"],
        "S": ["left", "abcd"],
        "f": [0.5],
        "d": [0.5],
        "i": [7],
        "h": [7],
    }
    in_array = layout(f"[{types}]")
    for args in itertools.product(*[values[tag] for tag in types]):
        data = layout(types).write(*args)
        for end, place, byte in itertools.product(
            range(len(data) + 1), range(len(data)), (0, 0x41, 0xC3)
        ):
            changed = data[:end][:place] + bytes([byte]) + data[:end][place + 1 :]
            assert read(layout(types), changed) == read(in_array, changed)


def read(form: Layout, data: bytes) -> object:
    """The arguments that end with the data, without an array around them; or None."""
    if form.read_text is not None:
        found = form.read_text(data, 0)
        return found if found is not None else read(form._replace(read_text=None), data)
    try:
        args, end = form.read_sized(data, 0)
    except DecodeError as error:
        return error.reason
    if end != len(data):
        return None
    return tuple(args[0]) if isinstance(args[0], list) else args
