"""Reads recovery journals. Pure. RFC 6295, section 5 and appendix A.

Chapters M, E and A and the system journal are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import oscbridge

__all__ = ["ChannelJournal", "RecoveryJournal", "decode_journal"]


class ChannelJournal(NamedTuple):
    """The history of a channel since the checkpoint."""

    channel: int
    program: int | None = None
    bank: tuple[int, int] | None = None
    """The halves of the program's bank, if it has one."""
    controls: tuple[tuple[int, int], ...] = ()
    """Controllers and their values."""
    counts: tuple[tuple[int, int], ...] = ()
    """Controllers and how often they were sent, modulo 64."""
    pitch: bytes | None = None
    notes: tuple[tuple[int, int, bool], ...] = ()
    """Notes that sound: number, velocity, whether to play one that was lost."""
    ended: tuple[int, ...] = ()
    pressure: int | None = None


class RecoveryJournal(NamedTuple):
    """A journal."""

    checkpoint: int
    """The first packet that it covers, 16 bits."""
    channels: tuple[ChannelJournal, ...]


class _Cursor:
    """Reads bytes in order. Raises :class:`oscbridge.DecodeError` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        found = self._data[self._position : self._position + count]
        if len(found) < count:
            raise oscbridge.DecodeError("journal", "the recovery journal is incomplete")
        self._position += count
        return found

    def byte(self) -> int:
        return self.take(1)[0]


_SYSTEM: Final = 0x40
_CHANNELS: Final = 0x20


def decode_journal(data: bytes) -> RecoveryJournal:
    """Raises :class:`oscbridge.DecodeError`."""
    cursor = _Cursor(data)
    head = cursor.byte()
    checkpoint = int.from_bytes(cursor.take(2), "big")
    if head & _SYSTEM:
        length = int.from_bytes(cursor.take(2), "big") & 0x3FF
        cursor.take(max(0, length - 2))
    if not head & _CHANNELS:
        return RecoveryJournal(checkpoint, ())
    channels = []
    for _ in range((head & 15) + 1):
        start = int.from_bytes(cursor.take(2), "big")
        contents = cursor.byte()
        body = _Cursor(cursor.take(max(0, (start & 0x3FF) - 3)))
        channels.append(_channel(start >> 11 & 15, contents, body))
    return RecoveryJournal(checkpoint, tuple(channels))


def _channel(number: int, contents: int, cursor: _Cursor) -> ChannelJournal:
    found = ChannelJournal(number)
    if contents & 0x80:
        program, high, low = cursor.take(3)
        bank = (high & 127, low & 127) if high & 0x80 else None
        found = found._replace(program=program & 127, bank=bank)
    if contents & 0x40:
        found = _controls(found, cursor)
    if contents & 0x20:  # chapter M: parameters
        length = int.from_bytes(cursor.take(2), "big") & 0x3FF
        cursor.take(max(0, length - 2))
    if contents & 0x10:
        first, second = cursor.take(2)
        found = found._replace(pitch=bytes((first & 127, second & 127)))
    if contents & 0x08:
        found = _notes(found, cursor)
    if contents & 0x04:  # chapter E: note extras
        cursor.take(2 * ((cursor.byte() & 127) + 1))
    if contents & 0x02:
        found = found._replace(pressure=cursor.byte() & 127)
    return found


def _controls(found: ChannelJournal, cursor: _Cursor) -> ChannelJournal:
    controls, counts = [], []
    for _ in range((cursor.byte() & 127) + 1):
        number, value = cursor.take(2)
        if not value & 0x80:
            controls.append((number & 127, value))
        elif value & 0x40:
            counts.append((number & 127, value & 63))
        # else the toggle tool, for which no controller is certain
    return found._replace(controls=tuple(controls), counts=tuple(counts))


def _notes(found: ChannelJournal, cursor: _Cursor) -> ChannelJournal:
    count, span = cursor.byte() & 127, cursor.byte()
    low, high = span >> 4, span & 15
    if count == 127 and (low, high) == (15, 0):
        count = 128
    notes = []
    for _ in range(count):
        note, velocity = cursor.take(2)
        notes.append((note & 127, velocity & 127, bool(velocity & 0x80)))
    bits = cursor.take(high - low + 1) if low <= high else b""
    return found._replace(notes=tuple(notes), ended=tuple(_ended(bits, low)))


def _ended(bits: bytes, low: int) -> Iterator[int]:
    for index, byte in enumerate(bits, low):
        yield from (8 * index + place for place in range(8) if byte & 0x80 >> place)
