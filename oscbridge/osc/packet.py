"""OSC packets: a message, or a bundle of them under a time tag (OSC 1.0, "OSC Bundles")."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc.lenient import MAX_SURPLUS, SURPLUS, read_leniently
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Message, Origin, check_size, decode_message, encode_message
from oscbridge.osc.timetag import IMMEDIATELY, TimeTag
from oscbridge.osc.unreadable import UnreadableMessage

__all__ = [
    "Bundle",
    "Packet",
    "decode_packet",
    "encode_bundle",
    "encode_packet",
    "messages",
    "split_bundle",
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
    """Decode a whole packet. Raises only :class:`DecodeError`.

    By OSC 1.0 a message with an unknown type tag is discarded: a bundle is decoded without it,
    and without one whose address is not UTF-8.
    """
    check_size(data, limits)
    return _decode(data, limits, limits.max_depth, None, origin)


def _decode(
    data: bytes, limits: Limits, depth: int, timetag: TimeTag | None, origin: Origin | None
) -> Packet:
    if not data.startswith(b"#"):
        return decode_message(data, limits, timetag, origin)
    inner, elements = split_bundle(data, depth)
    packets = []
    for element in elements:
        try:
            packets.append(_decode(element, limits, depth - 1, inner, origin))
        except UnreadableMessage:
            continue
    return Bundle(inner, tuple(packets))


def split_packet(
    data: bytes,
    limits: Limits = DEFAULT_LIMITS,
    deviations: list[str] | None = None,
) -> Iterator[tuple[bytes, TimeTag | None]]:
    """The messages of a packet, in order, still encoded, each with its time tag.

    A nested bundle is not earlier than the one around it, as OSC 1.0 requires: an earlier
    tag is raised to the outer one. ``deviations``, a list, gets "padding" for each bundle with
    surplus bytes at its end. Raises :class:`DecodeError`, possibly after some messages.
    """
    check_size(data, limits)
    return _split(data, limits.max_depth, None, deviations)


def _split(
    data: bytes, depth: int, outer: TimeTag | None, deviations: list[str] | None
) -> Iterator[tuple[bytes, TimeTag | None]]:
    if not data.startswith(b"#"):
        yield data, outer
        return
    timetag, elements = split_bundle(data, depth, deviations)
    if outer is not None and not outer.immediate:
        timetag = outer if timetag.immediate else max(timetag, outer, key=TimeTag.unix_ns)
    for element in elements:
        if element.startswith(b"#"):
            yield from _split(element, depth - 1, timetag, deviations)
        else:  # a generator for each message would take a tenth of its time
            yield element, timetag


def split_bundle(
    data: bytes,
    depth: int = DEFAULT_LIMITS.max_depth,
    deviations: list[str] | None = None,
) -> tuple[TimeTag, Sequence[bytes]]:
    """The time tag and the encoded elements of one bundle. Raises :class:`DecodeError`.

    Sizes that are not multiples of four, missing padding of the last element, and surplus bytes
    at the end are accepted if the sizes fit the bundle to its end.
    """
    if depth == 0:
        raise LimitError("max_depth", "bundles are nested too deeply")
    if not data.startswith(_BUNDLE) or len(data) < 16:
        raise DecodeError("bundle", f"invalid bundle header {data[:16]!r}")
    timetag = TimeTag(_TIMETAG.unpack_from(data, 8)[0])
    elements = []
    offset = 16
    while offset < len(data):
        if offset + 4 > len(data):
            text = f"bundle element at byte {offset} lacks its size"
            return timetag, _elements(data, DecodeError("truncated", text), deviations)
        (size,) = _SIZE.unpack_from(data, offset)
        offset += 4
        if size <= 0 or size % 4 or size > len(data) - offset:
            text = f"bundle element at byte {offset} has the invalid size {size}"
            return timetag, _elements(data, DecodeError("size", text), deviations)
        elements.append(data[offset : offset + size])
        offset += size
    return timetag, elements


def _elements(data: bytes, error: DecodeError, deviations: list[str] | None) -> Sequence[bytes]:
    """The elements of a bundle whose sizes are not as specified. Raises ``error`` if they do not
    fit: neither with elements side by side, nor with each padded to a multiple of four bytes."""
    for alignment in (1, 4):
        elements, end, missing = _walk(data, alignment)
        surplus = data[end:]
        if not elements or surplus.strip(SURPLUS) or (missing and _is_cut(elements[-1])):
            continue
        if surplus and deviations is not None:
            deviations.append("padding")
        return elements
    raise error


def _is_cut(element: bytes) -> bool:
    """Whether a message lacks bytes of its last number: its sender had them, as its size counts
    them, so they are not the zeros that some senders leave out."""
    if element.startswith(b"#"):
        return False  # the sizes in the inner bundle tell
    try:
        found = read_leniently(element, DEFAULT_LIMITS, DecodeError("size", "too short"))
    except DecodeError:
        return False
    return "truncated" in found.deviations


def _walk(data: bytes, alignment: int) -> tuple[list[bytes], int, int]:
    """The elements of a bundle, as far as their sizes are possible, the offset after them, and the
    bytes that the last one lacks."""
    elements: list[bytes] = []
    offset, missing = 16, 0
    while offset + 4 < len(data):
        (size,) = _SIZE.unpack_from(data, offset)
        start = offset + 4
        # Padding that the size promises may be missing; and each element begins with a character.
        if not 0 < size <= len(data) - start + MAX_SURPLUS or data[start] < 0x21:
            break
        elements.append(data[start : start + size])
        missing = max(0, start + size - len(data))
        offset = min(len(data), start + size + -size % alignment)
    return elements, offset, missing


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
