"""RTP packets with MIDI. Pure. RFC 6295, sections 2 and 3."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import oscbridge
from oscbridge_midi.codec import size

__all__ = ["MAX_LIST", "RtpPacket", "decode_packet", "encode_packet", "payloads"]

MAX_LIST: Final = 1_024
"""Bytes of MIDI per packet that is sent: with its journal it usually fits into one frame."""

_HEADER: Final = struct.Struct(">BBHII")
_VERSION: Final = 0x80
_TYPE: Final = 0x61
"""Payload type 97, the one of AppleMIDI."""
_MARKER: Final = 0x80
"""Set where there are messages."""

_BIG: Final = 0x80
_JOURNAL: Final = 0x40
_FIRST_DELTA: Final = 0x20
_REAL_TIME: Final = 0xF8
_ENDS: Final = (0xF0, 0xF4, 0xF7)
"""Bytes that end a segment of a sysex: more follows, cancelled, complete."""


class RtpPacket(NamedTuple):
    """A received packet."""

    sequence: int
    timestamp: int
    """In units of 0.1 ms."""
    ssrc: int
    commands: tuple[tuple[int, bytes], ...]
    """Messages and segments of sysex, each with its time after the timestamp."""
    journal: bytes


def encode_packet(
    sequence: int, timestamp: int, ssrc: int, messages: Sequence[bytes], journal: bytes = b""
) -> bytes:
    """A packet with messages at one time."""
    midi = b"\0".join(messages)
    flags = _JOURNAL if journal else 0
    count = len(midi)
    head = (
        bytes((flags | count,)) if count < 16 else bytes((flags | _BIG | count >> 8, count & 255))
    )
    kind = _TYPE | _MARKER if messages else _TYPE
    number, when = sequence & 0xFFFF, timestamp & 0xFFFF_FFFF
    header = _HEADER.pack(_VERSION, kind, number, when, ssrc & 0xFFFF_FFFF)
    return b"".join((header, head, midi, journal))


def payloads(messages: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The messages for each packet, long sysex in segments."""
    part: list[bytes] = []
    count = 0
    for each in messages:
        for data in _segments(each):
            if part and count + len(data) + 1 > MAX_LIST:
                yield part
                part, count = [], 0
            part.append(data)
            count += len(data) + 1
    if part:
        yield part


def _segments(data: bytes) -> Iterator[bytes]:
    if len(data) <= MAX_LIST:
        yield data
        return
    body, step = data[1:-1], MAX_LIST - 2
    for start in range(0, len(body), step):
        first = b"\xf0" if start == 0 else b"\xf7"
        last = b"\xf7" if start + step >= len(body) else b"\xf0"
        yield first + body[start : start + step] + last


def decode_packet(data: bytes) -> RtpPacket:
    """Raises :class:`oscbridge.DecodeError`."""
    if len(data) <= _HEADER.size:
        raise oscbridge.DecodeError("truncated", f"an RTP packet of {len(data)} bytes")
    first, _, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first & 0xC0 != _VERSION:
        raise oscbridge.DecodeError("version", f"version {first >> 6} of RTP, expected 2")
    position = _HEADER.size + 4 * (first & 15)
    if first & 0x10:
        if len(data) < position + 4:
            raise oscbridge.DecodeError("truncated", "incomplete header extension")
        position += 4 + 4 * int.from_bytes(data[position + 2 : position + 4], "big")
    if position >= len(data):
        raise oscbridge.DecodeError("truncated", "an RTP packet without a payload")
    flags = data[position]
    count = flags & 15
    position += 1
    if flags & _BIG:
        if position >= len(data):
            raise oscbridge.DecodeError("truncated", "incomplete length")
        count = count << 8 | data[position]
        position += 1
    end = position + count
    if end > len(data):
        raise oscbridge.DecodeError(
            "truncated", f"{count} bytes of MIDI announced, {len(data) - position} received"
        )
    commands = tuple(_commands(data[position:end], has_first_delta=bool(flags & _FIRST_DELTA)))
    return RtpPacket(sequence, timestamp, ssrc, commands, data[end:] if flags & _JOURNAL else b"")


def _commands(data: bytes, *, has_first_delta: bool) -> Iterator[tuple[int, bytes]]:
    position, when, running, is_first = 0, 0, 0, True
    while position < len(data):
        if has_first_delta or not is_first:
            delta, position = _delta(data, position)
            when += delta
        is_first = False
        if position >= len(data):
            return  # a delta alone is allowed at the end
        if data[position] >= 0x80:
            status, position = data[position], position + 1
            if status < _REAL_TIME:
                running = status if status < 0xF0 else 0
        elif running:
            status = running
        else:
            raise oscbridge.DecodeError("stray", f"data {data[position]:#04x} without a status")
        if status in (0xF0, 0xF7):
            end = _segment_end(data, position)
            yield when, bytes((status,)) + data[position:end]
            position = end
            continue
        length = size(status) - 1
        rest = data[position : position + max(0, length)]
        position += max(0, length)
        if length < 0:
            raise oscbridge.DecodeError("status", f"{status:#04x} is not a defined status byte")
        if len(rest) < length or not rest.isascii():
            raise oscbridge.DecodeError(
                "truncated", f"incomplete message {status:02x} {rest.hex()}"
            )
        yield when, bytes((status,)) + rest


def _delta(data: bytes, position: int) -> tuple[int, int]:
    """A time of one to four bytes, and the position after it."""
    value = 0
    for byte in data[position : position + 4]:
        position += 1
        value = value << 7 | byte & 127
        if byte < 0x80:
            return value, position
    raise oscbridge.DecodeError("delta", "a delta time without an end")


def _segment_end(data: bytes, position: int) -> int:
    for index in range(position, len(data)):
        if data[index] >= 0x80:
            if data[index] not in _ENDS:
                break
            return index + 1
    raise oscbridge.DecodeError("truncated", "a segment of a sysex without an end")
