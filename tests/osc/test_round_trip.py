"""Encoding and decoding returns the same packet."""

from __future__ import annotations

import math
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oscbridge.osc import (
    IMPULSE,
    MIDI,
    Argument,
    Bundle,
    Color,
    Message,
    Packet,
    TimeTag,
    decode_packet,
    encode_packet,
)

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
timetags = st.integers(0, 2**64 - 1).map(TimeTag)
octet = st.integers(0, 255)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-(2**31), 2**31 - 1),
    "f": st.floats(width=32),
    "s": text,
    "b": st.binary(max_size=12),
    "h": st.integers(-(2**63), 2**63 - 1),
    "t": timetags,
    "d": st.floats(),
    "S": text,
    "c": st.characters(exclude_categories=["Cs"]),
    "r": st.integers(0, 2**32 - 1).map(Color),
    "m": st.builds(MIDI, octet, octet, octet, octet),
    "T": st.just(True),
    "F": st.just(False),
    "N": st.none(),
    "I": st.just(IMPULSE),
}
_Typed = tuple[str, Argument]
one: st.SearchStrategy[_Typed] = st.sampled_from(sorted(VALUES)).flatmap(
    lambda tag: VALUES[tag].map(lambda value: (tag, value))
)


def array(items: list[_Typed]) -> _Typed:
    return "[" + "".join(types for types, _ in items) + "]", [value for _, value in items]


argument = st.recursive(one, lambda inner: st.lists(inner, max_size=4).map(array), max_leaves=8)


def build(address: str, items: list[_Typed], timetag: TimeTag | None = None) -> Message:
    return Message(
        "/" + address, "".join(types for types, _ in items), tuple(v for _, v in items), timetag
    )


tagged = st.builds(build, text, st.lists(argument, max_size=8))
untagged = st.builds(
    lambda address, raw: Message("/" + address, None, (raw,) if raw else ()),
    text,
    st.binary(max_size=12).filter(lambda raw: len(raw) % 4 == 0 and not raw.startswith(b",")),
)
packets: st.SearchStrategy[Packet] = st.recursive(
    tagged | untagged,
    lambda inner: st.builds(Bundle, timetags, st.lists(inner, max_size=4).map(tuple)),
    max_leaves=6,
)


def stamped(packet: Packet, timetag: TimeTag | None = None) -> Packet:
    """The packet with the time tags that a decoder sets in its messages."""
    if isinstance(packet, Message):
        return packet._replace(timetag=timetag)
    return Bundle(packet.timetag, tuple(stamped(e, packet.timetag) for e in packet.elements))


def comparable(value: object) -> object:
    """The same, with equal numbers distinguished by type and sign: NaN, -0.0, True, Color."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else struct.pack(">d", value)
    if isinstance(value, list | tuple):
        return type(value), [comparable(item) for item in value]
    return type(value), value


@given(packets)
def test_packet_survives_the_round_trip(packet: Packet) -> None:
    data = encode_packet(packet)
    assert len(data) % 4 == 0
    assert comparable(decode_packet(data)) == comparable(stamped(packet))


@given(st.floats(allow_nan=False, min_value=-3e38, max_value=3e38))
def test_float_becomes_the_nearest_float32(value: float) -> None:
    decoded = decode_packet(encode_packet(Message.of("/f", value)))
    assert isinstance(decoded, Message)
    assert decoded.args == struct.unpack(">f", struct.pack(">f", value))
