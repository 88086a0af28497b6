"""Messages, bundles and packets as python-osc programs read and build them."""

from __future__ import annotations

import pickle
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder as TheirBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder as TheirBuilder

from oscbridge.dispatcher import Handler
from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc import (
    IMPULSE,
    Bundle,
    Message,
    TimeTag,
    encode_bundle,
    encode_message,
    encode_packet,
)
from oscbridge.osc.limits import MAX_PACKET_SIZE
from oscbridge.osc_bundle import OscBundle
from oscbridge.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import OscMessageBuilder, build_msg
from oscbridge.osc_packet import OscPacket
from oscbridge.parsing import osc_types


def osc(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


# --- messages ------------------------------------------------------------------------------


def test_message_has_the_content_of_its_datagram() -> None:
    data = osc("/a", 1, "two", [3.0])
    message = OscMessage(data)
    assert (message.address, message.types) == ("/a", "is[f]")
    assert message.params == list(message) == [1, "two", [3.0]]
    assert (message.dgram, message.size) == (data, len(data))
    assert str(message) == "/a 1 two [3.0]"
    assert message.message == Message.of("/a", 1, "two", [3.0])


def test_message_can_be_pickled() -> None:
    message = pickle.loads(pickle.dumps(OscMessage(osc("/a", 1))))
    assert (message.address, message.params) == ("/a", [1])


def test_handler_can_be_invoked_with_a_message() -> None:
    handler = Handler(lambda address, *args: (address, args), [])
    assert handler.invoke(("10.0.0.1", 1), build_msg("/a", [1, 2])) == ("/a", (1, 2))  # type: ignore[arg-type]


def test_message_can_exceed_a_datagram_but_not_a_frame() -> None:
    assert OscMessage(osc("/a", bytes(100_000))).params == [bytes(100_000)]
    with pytest.raises(LimitError):
        OscMessage(osc("/a", bytes(MAX_PACKET_SIZE)))
    with pytest.raises(EncodeError, match="at most"):
        build_msg("/a", bytes(MAX_PACKET_SIZE))


@pytest.mark.parametrize("read", [OscMessage, OscBundle, OscPacket])
@pytest.mark.parametrize("head", [b"", b"/", b"/a\0\0,", b"#bundle\0", b"#bundle\0" + bytes(8)])
@given(tail=st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_decode_error(read: Any, head: bytes, tail: bytes) -> None:
    try:
        read(head + tail)
    except DecodeError:
        pass


def test_endlessly_nested_bundles_are_rejected() -> None:
    data = osc("/a")
    for _ in range(2_000):
        data = encode_bundle([data])
    for read in (OscBundle, OscPacket):
        with pytest.raises(LimitError):
            read(data)


# --- the message builder -------------------------------------------------------------------

TYPED = [
    (1, None),
    (-(2**31), "i"),
    (2**31, None),
    (True, None),
    (True, "i"),
    (1, "f"),
    (0.1, None),
    (0.1, "d"),
    (1.5, "f"),
    ("ünï", None),
    (b"\0\1\2\3\4", None),
    (None, None),
    ("anything", "T"),
    ((0, 144, 60, 127), None),
    ([0, 144, 60, 127], "m"),
    (0xFF00FF00, "r"),
    ([], None),
    ([1, [2.0, ["x"]]], None),
    ([1, 2], ["d", "h"]),
    ([[1], 2], [["f"], "i"]),
    ((1, 2), ["i", "i"]),
]


@pytest.mark.parametrize(("value", "kind"), TYPED)
def test_argument_is_written_as_python_osc_writes_it(value: Any, kind: Any) -> None:
    ours, theirs = OscMessageBuilder("/a"), TheirBuilder("/a")
    for builder in (ours, theirs):
        builder.add_arg(value, kind)
        builder.add_arg("next")
    assert ours.args == theirs.args
    assert ours.build().dgram == theirs.build().dgram


@pytest.mark.parametrize(
    ("value", "kind", "types"),
    [
        ("x", OscMessageBuilder.ARG_TYPE_CHAR, "c"),
        ("symbol", OscMessageBuilder.ARG_TYPE_SYMBOL, "S"),
        (TimeTag(5), None, "t"),
        (5, OscMessageBuilder.ARG_TYPE_TIMETAG, "t"),
        (IMPULSE, None, "I"),
        (None, OscMessageBuilder.ARG_TYPE_IMPULSE, "I"),
        (b"", None, "b"),
    ],
)
def test_type_unsupported_by_python_osc_can_be_built(value: Any, kind: Any, types: str) -> None:
    builder = OscMessageBuilder("/a")
    builder.add_arg(value, kind)
    builder.add_arg(7)
    message = OscMessage(builder.build().dgram)
    assert message.types == types + "i"
    assert message.params == [IMPULSE if types == "I" else value, 7]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), None),
        ([object()], None),
        (2**64, None),
        ((1, 2, 3), None),
        (1, "?"),
        (1, "["),
        (1, ["i"]),
        ([1, 2], ["i"]),
        ([1], ["?"]),
    ],
)
def test_argument_of_an_unsupported_type_is_rejected_and_not_added(value: Any, kind: Any) -> None:
    builder = OscMessageBuilder("/a")
    with pytest.raises(ValueError):
        builder.add_arg(value, kind)
    assert builder.args == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "i"), (1, "s"), (2**31, "i"), (1e40, "f"), ("xy", "c"), ((1, 2, 3, 256), "m")],
)
def test_value_that_does_not_fit_its_type_is_a_build_error(value: Any, kind: str) -> None:
    builder = OscMessageBuilder("/a")
    builder.add_arg(value, kind)
    with pytest.raises(EncodeError):
        builder.build()


@pytest.mark.parametrize("address", [None, "", "a b", "/a\0"])
def test_message_needs_an_address(address: str | None) -> None:
    with pytest.raises(EncodeError, match=r"address|NUL"):
        OscMessageBuilder(address).build()


def test_unclosed_arrays_are_rejected() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(EncodeError):
        OscMessageBuilder("/a").add_arg(endless)
    with pytest.raises(EncodeError):
        OscMessageBuilder("/a").add_arg(endless, endless)


def test_built_message_has_the_decoded_arguments() -> None:
    assert build_msg("/a", 0.1).params == [pytest.approx(0.1, rel=1e-6)]
    assert build_msg("/a", 0.1).params != [0.1]


# --- bundles -------------------------------------------------------------------------------


@pytest.mark.parametrize("timestamp", [IMMEDIATELY, 1.0, 1_700_000_000, 1_700_000_000.25])
def test_bundle_is_written_as_python_osc_writes_it(timestamp: float) -> None:
    ours, theirs = OscBundleBuilder(timestamp), TheirBundleBuilder(timestamp)  # type: ignore[arg-type]
    message = TheirBuilder("/a")
    message.add_arg(1)
    ours.add_content(build_msg("/a", 1))
    theirs.add_content(message.build())
    assert ours.build().dgram == theirs.build().dgram
    assert ours.build().timestamp == timestamp


def test_bundle_accepts_everything_that_can_be_sent() -> None:
    inner = Bundle(TimeTag(1), (Message("/b"),))
    builder = OscBundleBuilder(TimeTag(1 << 63))
    for content in (Message.of("/a", 1), inner, build_msg("/c"), OscBundle(encode_packet(inner))):
        builder.add_content(content)
    built = builder.build()
    assert built.timetag == 1 << 63
    assert built.num_contents == 4
    assert [type(content) for content in built] == [OscMessage, OscBundle] * 2
    assert [content.dgram for content in built] == [
        osc("/a", 1),
        encode_packet(inner),
        osc("/c"),
        encode_packet(inner),
    ]
    with pytest.raises(IndexError):
        built.content(4)


@pytest.mark.parametrize("timestamp", ["noon", None, float("nan"), float("inf"), 1e12, -1e12])
def test_invalid_timestamp_is_a_build_error(timestamp: Any) -> None:
    with pytest.raises(EncodeError, match="expected a time"):
        OscBundleBuilder(timestamp).build()


def test_bundle_rejects_content_that_is_not_a_packet() -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    builder.add_content("text")  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="got 'text'"):
        builder.build()


def test_packet_lists_its_messages_by_time() -> None:
    later, soon = time.time() + 200, time.time() + 100
    inner = encode_bundle([osc("/later")], TimeTag.from_unix(later))
    early = encode_bundle([osc("/not/before/its/bundle")], TimeTag(1))
    data = encode_bundle([inner, osc("/soon"), early], TimeTag.from_unix(soon))
    found = [(timed.message.address, timed.time) for timed in OscPacket(data).messages]
    assert found == [
        ("/soon", pytest.approx(soon)),
        ("/not/before/its/bundle", pytest.approx(soon)),
        ("/later", pytest.approx(later)),
    ]


def test_past_and_immediate_messages_are_due_now() -> None:
    before = time.time()
    for data in (
        osc("/a"),
        encode_bundle([osc("/a")]),
        encode_bundle([osc("/a")], TimeTag(1 << 63)),
    ):
        (timed,) = OscPacket(data).messages
        assert before <= timed.time <= time.time()


# --- single values -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("string", "text"),
        ("int", -5),
        ("int64", 2**40),
        ("float", 0.5),
        ("double", 0.1),
        ("blob", b"abc"),
        ("rgba", 0xFF00FF00),
        ("midi", (0, 144, 60, 127)),
        ("date", 1_700_000_000.5),
        ("date", IMMEDIATELY),
    ],
)
def test_single_value_is_written_and_read_back_anywhere(name: str, value: Any) -> None:
    data = getattr(osc_types, f"write_{name}")(value)
    read = getattr(osc_types, f"get_{name}")
    assert read(b"xxx" + data, 3) == (value, 3 + len(data))
    # As in python-osc, zero bytes that a float lacks at the end are added.
    for index in (-1,) if name == "float" else (-1, 1, len(data)):
        with pytest.raises(DecodeError):
            read(data[:3], index)
