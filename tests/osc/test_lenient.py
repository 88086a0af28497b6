"""What real devices send instead of OSC 1.0: read without doubt, or rejected; never shifted."""

from __future__ import annotations

import copy
import pickle
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.errors import DecodeError
from oscbridge.osc import (
    Bundle,
    Message,
    decode_message,
    decode_packet,
    encode_bundle,
    encode_message,
    messages,
)
from oscbridge.osc.values import Argument, Latin1Text
from oscbridge.osc_bundle import OscBundle
from oscbridge.osc_packet import OscPacket

NOW = b"#bundle\0\0\0\0\0\0\0\0\x01"
PING = b"/ping\0\0\0,\0\0\0"


def element(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def typed(types: bytes, data: bytes = b"") -> bytes:
    head = b"/a\0\0," + types
    return head + b"\0" * (4 - len(head) % 4) + data


# --- addresses without a slash ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"node\0\0\0\0,s\0\0abc\0", Message("node", "s", ("abc",))),
        (b"node\0\0\0\0,\0\0\0", Message("node", "")),
        (b"node\0\0\0\0", Message("node", None)),
        (b"node\0", Message("node", None)),
        (b"a/b\0,i\0\0\0\0\0\x05", Message("a/b", "i", (5,))),
        ("größe\0,T\0\0".encode(), Message("größe", "T", (True,))),
    ],
)
def test_address_without_a_slash_is_accepted(data: bytes, expected: Message) -> None:
    assert decode_message(data) == expected
    (found,) = messages(decode_packet(NOW + element(data)))
    assert found[:3] == expected[:3]


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0,\0\0\0",  # empty
        b"no*e\0\0\0\0,\0\0\0",
        b"{a}\0,\0\0\0",
        b"a b\0,\0\0\0",
        b"a\xc2\xa0b\0\0\0\0,\0\0\0",  # a no-break space
        b"a\tb\0,\0\0\0",
        b"a\x7fb\0,\0\0\0",
        b"#node\0\0\0,\0\0\0",
        b"#bundl\0\0,\0\0\0",
        b"n\xf6de\0\0\0\0,\0\0\0",  # not UTF-8
        b"node\0\0\0\0abcd",  # neither type tags nor the end
        b"bundle\0\0\0\0\0\0\0\0\0\x01",
        b"hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x0c" + PING,
    ],
)
def test_other_addresses_without_a_slash_are_rejected(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_message(data)


def test_address_is_sent_as_the_program_asked() -> None:
    assert encode_message(Message.of("hello", 1)) == b"hello\0\0\0,i\0\0\0\0\0\x01"


# --- text that is not UTF-8 ---------------------------------------------------------------------

GROSS = "Großer Gott"


@pytest.mark.parametrize("types", ["s", "S", "[s]", "si", "sS"])
def test_text_in_latin_1_is_read_and_written_with_its_bytes(types: str) -> None:
    text = Latin1Text(GROSS)
    args: dict[str, tuple[Argument, ...]] = {
        "[s]": ([text],),
        "si": (text, 7),
        "sS": (text, Latin1Text("ß")),
    }
    message = Message("/t", types, args.get(types, (text,)))
    data = encode_message(message)
    assert GROSS.encode("latin-1") in data
    found = decode_message(data)
    assert found == message
    assert encode_message(found) == data
    (inner,) = messages(decode_packet(NOW + element(data)))
    assert encode_message(inner) == data


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copied_text_keeps_its_bytes(duplicate: Callable[[str], str]) -> None:
    assert encode_message(Message.of("/t", duplicate(Latin1Text("ß")))).endswith(b"\xdf\0\0\0")


def test_changed_text_is_written_as_utf_8() -> None:
    text = Latin1Text("ß") + "!"
    assert encode_message(Message.of("/t", text)).endswith("ß!\0".encode())


def test_text_in_latin_1_is_written_as_utf_8_on_request() -> None:
    message = Message("/t", "s[s]", (Latin1Text("ß"), [Latin1Text("é")]))
    assert encode_message(message, utf8=True) == "/t\0\0,s[s]\0\0\0ß\0\0é\0\0".encode()
    assert encode_message(message) == b"/t\0\0,s[s]\0\0\0\xdf\0\0\0\xe9\0\0\0"


# --- padding -------------------------------------------------------------------------------------

FITTING: list[tuple[str, bytes, Message]] = [
    ("an address with one NUL", b"/ping\0", Message("/ping", None)),
    ("an address and a line end", b"/ping\0\0\0\r\n", Message("/ping", None)),
    ("an address without padding", b"/ping", Message("/ping", None)),
    ("an address of eight bytes without padding", b"/ping/12", Message("/ping/12", None)),
    ("an address without padding in a line", b"/ping\r\n", Message("/ping", None)),
    ("type tags without padding", b"/ping\0\0\0,T", Message("/ping", "T", (True,))),
    ("type tags with one NUL", b"/ping\0\0\0,\0", Message("/ping", "")),
    ("a string without its NUL", typed(b"s", b"abcd"), Message("/a", "s", ("abcd",))),
    ("a string with one NUL", typed(b"s", b"abcd\0"), Message("/a", "s", ("abcd",))),
    ("a string, then true", typed(b"sT", b"ab\0"), Message("/a", "sT", ("ab", True))),
    ("a string in an array", typed(b"[s]", b"ab\0"), Message("/a", "[s]", (["ab"],))),
    ("a symbol with one NUL", typed(b"S", b"abcd\0"), Message("/a", "S", ("abcd",))),
    ("a blob without padding", typed(b"b", b"\0\0\0\x05abcde"), Message("/a", "b", (b"abcde",))),
    ("an int and a NUL", typed(b"i", b"\0\0\0\x05\0"), Message("/a", "i", (5,))),
    ("an int and a line end", typed(b"i", b"\0\0\0\x05\r\n"), Message("/a", "i", (5,))),
    ("an int and two line ends", typed(b"i", b"\0\0\0\x05\r\n\r\n"), Message("/a", "i", (5,))),
    ("five zeros", typed(b"i", b"\0\0\0\x05\0\0\0\0\0"), Message("/a", "i", (5,))),
    ("text in UTF-8 and a line end", typed(b"s", b"\xc3\xa9\0\0\r\n"), Message("/a", "s", ("é",))),
    ("text in Latin-1 and a NUL", typed(b"s", b"\xe9ab\0\0"), Message("/a", "s", ("éab",))),
    ("text in Latin-1 without its NUL", typed(b"s", b"\xe9ab"), Message("/a", "s", ("éab",))),
    ("a float of one byte", typed(b"f", b"\x40"), Message("/a", "f", (2.0,))),
    ("a float of two bytes", typed(b"f", b"\x3f\x80"), Message("/a", "f", (1.0,))),
    ("a float of three bytes", typed(b"if", b"\0\0\0\x05\x3f\x80\0"), Message("/a", "if", (5, 1))),
    ("a float of no bytes, as in python-osc", typed(b"f"), Message("/a", "f", (0.0,))),
    ("a float after a string", typed(b"sf", b"abc\0\x3f"), Message("/a", "sf", ("abc", 0.5))),
    ("an int of three bytes", typed(b"i", b"\0\1\2"), Message("/a", "i", (0x10200,))),
    ("characters counted, short", typed(b"s", "ééé\0".encode()), Message("/a", "s", ("ééé",))),
    (
        "characters counted, then an int",
        typed(b"si", "ééé\0".encode() + b"\0\0\0\x05"),
        Message("/a", "si", ("ééé", 5)),
    ),
    (
        "characters counted, twice, in whole words",
        typed(b"ss", "éé\0\0éé\0\0".encode()),
        Message("/a", "ss", ("éé", "éé")),
    ),
    (
        "characters counted, thrice, with an empty text between",
        typed(b"sss", "éé\0\0".encode() + b"\0\0\0\0" + "éé\0\0".encode()),
        Message("/a", "sss", ("éé", "", "éé")),
    ),
    (
        "characters counted in an address",
        "/größe\0\0,i\0\0".encode() + b"\0\0\0\x05",
        Message("/größe", "i", (5,)),
    ),
    (
        "UTF-16 units counted, then an int",
        typed(b"si", "𝄞a\0".encode() + b"\0\0\0\x05"),
        Message("/a", "si", ("𝄞a", 5)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"), [case[1:] for case in FITTING], ids=[case[0] for case in FITTING]
)
def test_unusual_end_is_accepted(data: bytes, expected: Message) -> None:
    assert decode_message(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"), [case[1:] for case in FITTING], ids=[case[0] for case in FITTING]
)
def test_unusual_end_of_a_bundle_element_is_accepted(data: bytes, expected: Message) -> None:
    for bundle in (
        NOW + element(data) + element(PING),
        NOW + element(PING) + element(data),
        NOW + element(data) + b"\0" * (-len(data) % 4) + element(PING),
    ):
        assert expected[:3] in [found[:3] for found in messages(decode_packet(bundle))]
        assert len(OscPacket(bundle).messages) == 2
        assert OscBundle(bundle).num_contents == 2


UNFIT: list[tuple[str, bytes]] = [
    ("an int that is missing", typed(b"i")),
    ("the second int that is missing", typed(b"ii", b"\0\0\0\1")),
    ("half of an int64", typed(b"h", b"\0" * 6)),
    ("half of a float64", typed(b"d", b"\x3f\xe0")),
    ("three bytes of a colour", typed(b"r", b"\1\2\3")),
    ("a cut int that is not the last", typed(b"is", b"\0\0\1")),
    ("a float after a string with short padding", typed(b"sf", b"a\0")),
    ("a string that is missing", typed(b"s")),
    ("a blob that is cut", typed(b"b", b"\0\0\0\x05abcd")),
    ("a whole word too many", typed(b"i", b"\0\0\0\5\0\0\0\6")),
    ("five bytes too many", typed(b"i", b"\0\0\0\5abcde")),
    ("a string without padding before an int", typed(b"si", b"abcde\0\0\0\0\5")),
    ("a blob without padding before an int", typed(b"bi", b"\0\0\0\5abcde\0\0\0\5")),
    ("a blob without padding before a string", typed(b"bs", b"\0\0\0\5abcdeabc\0")),
    (
        "a blob without padding before an int and a string",
        typed(b"bis", b"\0\0\0\5abcde\0\0\0\5abc\0"),
    ),
    ("text in UTF-8 that fits in no way", typed(b"si", b"\xc3\xa9\0\0\0\0\0\5\r\n")),
    ("an address without its end and slash", b"ping"),
    ("an address without its end, with a blank", b"/ping 1"),
    ("a pattern without its end", b"/ping/*"),
    ("an address with an empty part without its end", b"/ping//a"),
    ("an address without its end, not UTF-8", b"/pin\xff"),
    ("an address without type tags, and data", b"/ping\0\0\0abc"),
]  # fmt: skip


@pytest.mark.parametrize("data", [data for _, data in UNFIT], ids=[name for name, _ in UNFIT])
def test_what_could_be_read_in_two_ways_or_none_is_rejected(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_message(data)


texts = st.text(st.sampled_from("aß€é𝄞"), max_size=5)
values = st.lists(
    st.integers(-(2**31), 2**31 - 1)
    | st.sampled_from([0, 1, 5, 0.0, 0.5, 1.0, 440.0])
    | texts
    | st.binary(max_size=5),
    max_size=5,
)


def sender(unit: Callable[[str], int], ends: bytes = b"") -> Callable[[list[Argument]], bytes]:
    """A sender that counts the padding of strings in some unit."""

    def encode(args: list[Argument]) -> bytes:
        data = typed(Message.of("/a", *args).types.encode())  # type: ignore[union-attr]
        for value in args:
            if isinstance(value, str):
                data += value.encode() + b"\0" * (4 - unit(value) % 4)
            elif isinstance(value, bytes):
                data += len(value).to_bytes(4, "big") + value + b"\0" * (-len(value) % 4)
            else:
                data += struct.pack(">i" if isinstance(value, int) else ">f", value)
        return data + ends

    return encode


@given(values, st.sampled_from([b"", b"\0", b"\r\n", b"\n"]))
def test_surplus_bytes_change_no_value(args: list[Argument], ends: bytes) -> None:
    ascii_args = [
        value.encode("ascii", "replace").decode() if isinstance(value, str) else value
        for value in args
    ]
    data = sender(lambda text: len(text.encode()), ends)(ascii_args)
    assert list(decode_message(data).args) == ascii_args


@given(values, st.sampled_from([len, lambda text: len(text.encode("utf-16-le")) // 2]))
def test_one_text_whose_characters_are_counted_is_read_right_or_not_at_all(
    args: list[Argument], unit: Callable[[str], int]
) -> None:
    seen = False
    for index, value in enumerate(args):  # one that is not ASCII: two can cancel each other out
        if isinstance(value, str):
            args[index] = "ab" if seen else value
            seen = seen or not value.isascii()
    try:
        found = decode_message(sender(unit)(args))
    except DecodeError:
        return
    assert list(found.args) == args


@given(values)
def test_conforming_sender_is_always_read_right(args: list[Argument]) -> None:
    assert list(decode_message(sender(lambda text: len(text.encode()))(args)).args) == args


# --- bundles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        *(typed(b"x"), typed(b"ixi", b"\0" * 12), typed(b"\xff"), b"node\0\0\0\0,x\0\0"),
        *(b"/\xe9t\xe9\0\0\0\0,i\0\0\0\0\0\1", b"/\xff\0\0", b"n\xffde\0\0\0\0,\0\0\0"),
    ],
)
def test_unknown_type_tag_or_address_costs_only_its_message(bad: bytes) -> None:
    pong = b"/pong\0\0\0,\0\0\0"
    nested = NOW + element(bad) + element(pong)
    for bundle in (
        encode_bundle([PING, bad, pong]),
        encode_bundle([bad, PING, pong]),
        encode_bundle([PING, nested]),
    ):
        packet = decode_packet(bundle)
        assert isinstance(packet, Bundle)
        assert [found.address for found in messages(packet)] == ["/ping", "/pong"]
        assert [timed.message.address for timed in OscPacket(bundle).messages] == ["/ping", "/pong"]
        assert OscBundle(bundle).num_contents == 2


def test_message_with_an_unknown_type_tag_alone_is_rejected() -> None:
    with pytest.raises(DecodeError, match="unknown type tag 'x'"):
        decode_packet(typed(b"x"))


@pytest.mark.parametrize(
    "data",
    [
        NOW + element(typed(b"i", b"\0\0\0\7"))[:-1],
        NOW + element(PING) + element(typed(b"f", b"\x3f\xc0\0\0"))[:-2],
        NOW + element(typed(b"sf", b"abc\0\x3f\xc0\0\0"))[:-1],
        NOW + element(NOW + element(typed(b"i", b"\0\0\0\7"))[:-1]),
        NOW + element(NOW + element(typed(b"i", b"\0\0\0\7")))[:-1],
    ],
)
def test_number_of_a_bundle_that_was_cut_is_not_completed(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_packet(data)
    with pytest.raises(DecodeError):
        OscPacket(data)


@pytest.mark.parametrize("ends", [b"\0", b"\r\n", b"\n", b"\r\n\0\0", b"\0" * 5])
def test_surplus_bytes_after_a_bundle_are_ignored(ends: bytes) -> None:
    found = decode_packet(NOW + element(PING) + ends)
    assert [message.address for message in messages(found)] == ["/ping"]
