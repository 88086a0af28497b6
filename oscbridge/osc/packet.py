"""OSC packets: a message, or a bundle of them under a time tag (OSC 1.0, "OSC Bundles")."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Message, Origin, check_size, decode_message, encode_message
from oscbridge.osc.timetag import IMMEDIATELY, TimeTag

__all__ = [
    "Bundle",
    "Packet",
    "decode_packet",
    "encode_bundle",
    "encode_packet",
    "messages",
    "split_packet",
]

_BUNDLE: Final = b"#bundle\0"
_TIMETAG: Final = struct.Struct(">Q")
_SIZE: Final = struct.Struct(">i")


class Bundle(NamedTuple):
    """Packets to be handled together at one time."""

    timetag: TimeTag
    elements: tuple[Message | Bundle, ...]


Packet: TypeAlias = Message | Bundle


def decode_packet(
    data: bytes, limits: Limits = DEFAULT_LIMITS, origin: Origin | None = None
) -> Packet:
    """Decode a whole packet. Raises only :class:`DecodeError`."""
    check_size(data, limits)
    return _decode(data, limits, limits.max_depth, None, origin)


def _decode(
    data: bytes, limits: Limits, depth: int, timetag: TimeTag | None, origin: Origin | None
) -> Packet:
    if not data.startswith(b"#"):
        return decode_message(data, limits, timetag, origin)
    inner, elements = _split_bundle(data, depth)
    return Bundle(
        inner,
        tuple([_decode(element, limits, depth - 1, inner, origin) for element in elements]),
    )


def split_packet(
    data: bytes, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[bytes, TimeTag | None]]:
    """The messages of a packet, in order, still encoded, each with its time tag.

    A nested bundle is not earlier than the one around it, as OSC 1.0 requires: an earlier
    tag is raised to the outer one. Raises :class:`DecodeError`, possibly after some messages.
    """
    check_size(data, limits)
    return _split(data, limits.max_depth, None)


def _split(
    data: bytes, depth: int, outer: TimeTag | None
) -> Iterator[tuple[bytes, TimeTag | None]]:
    if not data.startswith(b"#"):
        yield data, outer
        return
    timetag, elements = _split_bundle(data, depth)
    if outer is not None and not outer.immediate:
        timetag = outer if timetag.immediate else max(timetag, outer, key=TimeTag.unix_ns)
    for element in elements:
        yield from _split(element, depth - 1, timetag)


def _split_bundle(data: bytes, depth: int) -> tuple[TimeTag, Sequence[bytes]]:
    """The time tag and the elements of one bundle."""
    if depth == 0:
        raise LimitError("max_depth", "bundles are nested too deeply")
    if not data.startswith(_BUNDLE) or len(data) < 16:
        raise DecodeError("bundle", f"invalid bundle header {data[:16]!r}")
    timetag = TimeTag(_TIMETAG.unpack_from(data, 8)[0])
    elements = []
    offset = 16
    while offset < len(data):
        if offset + 4 > len(data):
            raise DecodeError("truncated", f"bundle element at byte {offset} lacks its size")
        (size,) = _SIZE.unpack_from(data, offset)
        offset += 4
        if size <= 0 or size % 4 or size > len(data) - offset:
            raise DecodeError(
                "size", f"bundle element at byte {offset} has the invalid size {size}"
            )
        elements.append(data[offset : offset + size])
        offset += size
    return timetag, elements


def messages(packet: Packet) -> Iterator[Message]:
    """The messages of a packet, in order."""
    if isinstance(packet, Message):
        yield packet
    else:
        for element in packet.elements:
            yield from messages(element)


def encode_packet(packet: Packet) -> bytes:
    """Encode a message or a bundle. Raises :class:`EncodeError`."""
    return _encode(packet, DEFAULT_LIMITS.max_depth)


def _encode(packet: Packet, depth: int) -> bytes:
    if isinstance(packet, Message):
        return encode_message(packet)
    if depth == 0:
        raise EncodeError(f"bundles are nested more than {DEFAULT_LIMITS.max_depth} levels deep")
    elements = [_encode(element, depth - 1) for element in packet.elements]
    return encode_bundle(elements, packet.timetag)


def encode_bundle(elements: Sequence[bytes], timetag: TimeTag = IMMEDIATELY) -> bytes:
    """A bundle of encoded packets. Raises :class:`EncodeError` for an invalid time tag."""
    if not 0 <= timetag < 1 << 64:
        raise EncodeError(f"time tag {timetag!r} does not fit 64 bits")
    parts = [_BUNDLE, _TIMETAG.pack(timetag)]
    for element in elements:
        parts += (_SIZE.pack(len(element)), element)
    return b"".join(parts)
